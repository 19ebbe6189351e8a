// Figures by plotly.js in the page's colours; each can be saved as SVG or PNG, and its data as CSV.
/* global Plotly */

import { element } from "./dom.js";

// It comes after our own scripts, since it is large: meanwhile they fetch what it is to draw.
const plotly = new Promise((arrived) => document.addEventListener("DOMContentLoaded", arrived, { once: true }));
const drawn = new Map();
// A figure's shapes are there to be moved.
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

// Draws into `place`, an element with class "plot". `make` gives { traces, layout, alt, rows }: what is drawn, what is
// said of it, and its data as rows of a table, the first one its headings.
export async function draw(place, name, make) {
  const { traces, layout, alt, rows } = make();
  place.setAttribute("role", place.tabIndex >= 0 ? "group" : "img");
  place.setAttribute("aria-label", alt);
  await plotly;
  await Plotly.react(place, traces, themed(layout), CONFIG);
  const first = !drawn.has(place);
  drawn.set(place, { name, make, rows });
  if (first) place.after(tools(place, name));
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
    const letters = atob(payload(await Plotly.toImage(place, { format: "png", scale: 2, ...size() })));
    save(`${name}.png`, Uint8Array.from(letters, (letter) => letter.charCodeAt(0)), "image/png");
  };
  const button = (text, work) =>
    element("button", { type: "button", onclick: work, "aria-label": `${text} of ${name}` }, text);
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

// What a data URL holds, still encoded.
const payload = (address) => address.slice(address.indexOf(",") + 1);

export function save(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
