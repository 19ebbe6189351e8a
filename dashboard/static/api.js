// Requests to the service. A refusal becomes an Error with the service's message.

const BASE = "/api/v1";

export function studyPath(name) {
  return `/studies/${encodeURIComponent(name)}`;
}

export async function call(method, path, body) {
  const response = await fetch(BASE + path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  await requireSuccess(response);
  return response.status === 204 ? null : response.json();
}

// Throws an Error if the service refused.
export async function requireSuccess(response) {
  if (response.ok) return;
  let reason = `the service answered ${response.status}`;
  try {
    reason = (await response.json()).detail ?? reason;
  } catch {
    // The body is not JSON: the status is all there is.
  }
  throw new Error(reason);
}

export const get = (path) => call("GET", path);

// Calls `onEvent` with the latest event of that kind, one at a time and for at most a third of the time, so that a page
// that has much to draw stays responsive. Calls `onGone` with the reason when there are no more. The browser reconnects
// by itself.
export function follow(path, kind, onEvent, onGone) {
  const source = new EventSource(BASE + path);
  let latest = null;
  let busy = false;
  const deliver = async () => {
    busy = true;
    while (latest !== null) {
      const startedAt = performance.now();
      const event = latest;
      latest = null;
      await onEvent(event);
      await new Promise((resolve) => setTimeout(resolve, 2 * (performance.now() - startedAt)));
    }
    busy = false;
  };
  source.addEventListener(kind, (event) => {
    latest = JSON.parse(event.data);
    if (!busy) deliver();
  });
  source.addEventListener("gone", (event) => {
    source.close();
    onGone(JSON.parse(event.data));
  });
  window.addEventListener("pagehide", () => source.close());
  return source;
}
