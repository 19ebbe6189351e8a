// Figures by plotly.js in the colours of the page. Each can be saved as SVG or PNG, and its data as CSV.
/* global Plotly */

import { element } from "./dom.js";

// plotly.js is large and loads after our own scripts, which fetch their data meanwhile.
const plotly = new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
const drawn = new Map();
// The only shape in a figure is the latency limit, which can be dragged.
const CONFIG = { displayModeBar: false, responsive: true, doubleClick: "reset", edits: { shapePosition: true } };

export function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function themed(layout) {
  const axis = { gridcolor: style("--grid"), zerolinecolor: style("--grid"), linecolor: style("--line") };
  const axes = Object.keys(layout).filter((key) => /^[xy]axis/.test(key));
  const named = new Set(["xaxis", "yaxis", ...axes]);
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: style("--ink"), family: "system-ui, sans-serif" },
    margin: { l: 60, r: 15, t: 10, b: 50 },
    hovermode: "closest",
    showlegend: true,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    ...layout,
    ...Object.fromEntries([...named].map((key) => [key, { ...axis, automargin: true, ...layout[key] }])),
  };
}

// Draws into `place`, an element with class "plot". `make` returns { traces, layout, alt, rows }: the figure for
// plotly.js, its text alternative, and its data as rows of a table, the first of them its headings.
export async function draw(place, name, make) {
  const { traces, layout, alt, rows } = make();
  place.setAttribute("role", place.tabIndex >= 0 ? "group" : "img");
  place.setAttribute("aria-label", alt);
  await plotly;
  await Plotly.react(place, traces, themed(layout), CONFIG);
  const isFirst = !drawn.has(place);
  drawn.set(place, { name, make, rows });
  if (isFirst) place.after(tools(place, name));
}

function redraw() {
  for (const [place, { name, make }] of drawn) if (place.isConnected) draw(place, name, make);
}

window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

function tools(place, name) {
  const size = () => ({ width: place.clientWidth, height: place.clientHeight });
  const svg = async () =>
    save(
      `${name}.svg`,
      decodeURIComponent(payload(await Plotly.toImage(place, { format: "svg", ...size() }))),
      "image/svg+xml",
    );
  const png = async () => {
    const characters = atob(payload(await Plotly.toImage(place, { format: "png", scale: 2, ...size() })));
    save(`${name}.png`, Uint8Array.from(characters, (character) => character.charCodeAt(0)), "image/png");
  };
  const button = (text, onclick) =>
    element("button", { type: "button", onclick, "aria-label": `${text} of ${name}` }, text);
  return element(
    "div",
    { class: "tools" },
    button("SVG", svg),
    button("PNG", png),
    button("CSV", () => save(`${name}.csv`, csv(drawn.get(place).rows), "text/csv")),
  );
}

function csv(rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

// The content of a data URL, still encoded.
const payload = (address) => address.slice(address.indexOf(",") + 1);

export function save(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
