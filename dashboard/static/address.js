// What a page shows, kept in its address: a link shows a colleague the same view.

export function read(defaults) {
  const asked = new URLSearchParams(location.search);
  const state = { ...defaults };
  for (const [name, value] of Object.entries(defaults)) {
    if (!asked.has(name)) continue;
    const text = asked.get(name);
    if (Array.isArray(value)) state[name] = text.split(",").filter((word) => /^\d+$/.test(word)).map(Number);
    else if (value === null || typeof value === "number") {
      state[name] = Number.isFinite(Number(text)) && text !== "" ? Number(text) : value;
    } else state[name] = text;
  }
  return state;
}

export function write(state, defaults) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    const text = Array.isArray(value) ? value.join(",") : value;
    if (text !== null && String(text) !== String(defaults[name] ?? "")) asked.set(name, text);
  }
  const query = asked.toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
}
