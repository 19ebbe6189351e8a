// The list of studies, refreshed every few seconds. Two or three of them can be compared.

import { get, studyPath } from "./api.js";
import { age, bestResult, byId, count, duration, element, run } from "./dom.js";

const REFRESH_MS = 3000;
const selected = new Set();

function row(study) {
  const checkbox = element("input", {
    type: "checkbox",
    "aria-label": `compare ${study.name}`,
    checked: selected.has(study.name),
    onchange: (event) => {
      event.target.checked ? selected.add(study.name) : selected.delete(study.name);
      updateLink();
    },
  });
  const budget = study.running && study.budget ? ` of ${study.budget}` : "";
  const progress = study.running && study.left_s !== null ? `${budget}, ${duration(study.left_s)} left` : budget;
  const cells = [
    [checkbox],
    [element("a", { href: studyPath(study.name) }, study.name)],
    [study.running ? "running" : study.archived ? "archived" : "idle"],
    [study.space],
    [study.dataset],
    [study.target],
    [`${study.done}${progress}`, "number"],
    [bestResult(study), "number"],
    [count(study.front_size), "number"],
    [study.hypervolume.toPrecision(4), "number"],
    [age(study.created_at), "number"],
    [study.last_error ? study.last_error.cause : ""],
  ];
  return element("tr", {}, ...cells.map(([content, kind]) => element("td", { class: kind }, content)));
}

function updateLink() {
  const link = byId("compare");
  link.hidden = selected.size < 2 || selected.size > 3;
  link.href = `/compare?${[...selected].map((name) => `study=${encodeURIComponent(name)}`).join("&")}`;
}

async function refresh() {
  // The page's address says whether archived ones are listed.
  const studies = await get(`/studies${location.search}`);
  const body = byId("studies");
  if (body === null) {
    if (studies.length) location.reload();
    return;
  }
  // Keep the keyboard focus.
  const focused = document.activeElement?.getAttribute("aria-label");
  body.replaceChildren(...studies.map(row));
  if (focused) body.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

run(refresh);
setInterval(() => document.hidden || refresh().catch(() => undefined), REFRESH_MS);
