// Requests to the service. A refusal is an Error whose message is the service's own.

const BASE = "/api/v1";

export function studyPath(name) {
  return `/studies/${encodeURIComponent(name)}`;
}

export async function call(method, path, body) {
  const answer = await fetch(BASE + path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  await accepted(answer);
  return answer.status === 204 ? null : answer.json();
}

// Throws where the service refused.
export async function accepted(answer) {
  if (answer.ok) return;
  let reason = `the service answered ${answer.status}`;
  try {
    reason = (await answer.json()).detail ?? reason;
  } catch {
    // It was no JSON: the status has to do.
  }
  throw new Error(reason);
}

export const get = (path) => call("GET", path);

// Calls `told` with the latest event of that kind, one at a time and for at most a third of the time, so that a page
// that has much to draw can still be used, and `gone` why there are no more; the browser connects again by itself.
export function follow(path, kind, told, gone) {
  const source = new EventSource(BASE + path);
  let latest = null;
  let busy = false;
  const tell = async () => {
    busy = true;
    while (latest !== null) {
      const began = performance.now();
      const event = latest;
      latest = null;
      await told(event);
      await new Promise((rested) => setTimeout(rested, 2 * (performance.now() - began)));
    }
    busy = false;
  };
  source.addEventListener(kind, (event) => {
    latest = JSON.parse(event.data);
    if (!busy) tell();
  });
  source.addEventListener("gone", (event) => {
    source.close();
    gone(JSON.parse(event.data));
  });
  window.addEventListener("pagehide", () => source.close());
  return source;
}
