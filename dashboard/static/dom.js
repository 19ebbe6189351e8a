// Helpers that create elements and format numbers.

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const byId = (id) => document.getElementById(id);

// Data of the page: attributes of <main>, as JSON.
export const pageData = (name) => JSON.parse(document.querySelector("main").dataset[name]);

export function facts(pairs) {
  return pairs.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
}

export function table(headings, rows) {
  const head = headings.map(([text, isNumber]) =>
    element("th", { scope: "col", class: isNumber ? "number" : null }, text)
  );
  const body = rows.map((cells) =>
    element("tr", {}, ...cells.map((cell, at) => element("td", { class: headings[at][1] ? "number" : null }, cell)))
  );
  return element("div", {
    class: "scroll",
    tabindex: "0",
    role: "region",
    "aria-label": headings.map(([text]) => text).join(", "),
  }, element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body)));
}

export const percent = (
  value,
  digits = 2,
) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(digits)}%`);
// The best accuracy of a study, by its measure.
export const bestResult = ({ best_accuracy: best, measure }) => best === null ? "–" : `${percent(best)} ${measure}`;
export const ms = (value) => (value === null || value === undefined ? "–" : `${value.toPrecision(4)} ms`);
export const interval = (ends) => (ends ? ends.map((end) => end.toPrecision(4)).join(" to ") : "–");
export const count = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export const age = (since) => duration(Date.now() / 1000 - since);

export function showError(error) {
  const message = byId("error");
  message.textContent = error.message;
  message.hidden = false;
}

// Runs the script of a page, and shows its errors on the page.
export function run(script) {
  script().catch(showError);
}
