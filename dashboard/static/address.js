// The state of a page, kept in its address, so that a link shows a colleague the same view.

export function read(defaults) {
  const parameters = new URLSearchParams(location.search);
  const state = { ...defaults };
  for (const [name, value] of Object.entries(defaults)) {
    if (!parameters.has(name)) continue;
    const text = parameters.get(name);
    if (Array.isArray(value)) state[name] = text.split(",").filter((item) => /^\d+$/.test(item)).map(Number);
    else if (value === null || typeof value === "number") {
      state[name] = Number.isFinite(Number(text)) && text !== "" ? Number(text) : value;
    } else state[name] = text;
  }
  return state;
}

export function write(state, defaults) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    const text = Array.isArray(value) ? value.join(",") : value;
    if (text !== null && String(text) !== String(defaults[name] ?? "")) parameters.set(name, text);
  }
  const query = parameters.toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
}
