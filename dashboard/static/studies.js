// The list of studies, as it is now; two or three of them are compared.

import { get, studyPath } from "./api.js";
import { age, byId, count, duration, element, percent, run } from "./dom.js";

const LOOK_MS = 3000;
const chosen = new Set();

function row(study) {
  const box = element("input", {
    type: "checkbox",
    "aria-label": `compare ${study.name}`,
    checked: chosen.has(study.name),
    onchange: (event) => {
      event.target.checked ? chosen.add(study.name) : chosen.delete(study.name);
      offer();
    },
  });
  const progress = study.running && study.budget ? ` of ${study.budget}, ${duration(study.left_s)} left` : "";
  const cells = [
    [box],
    [element("a", { href: studyPath(study.name) }, study.name)],
    [study.running ? "running" : "idle"],
    [study.space],
    [study.dataset],
    [study.target],
    [`${study.done}${progress}`, "number"],
    [percent(study.best_accuracy), "number"],
    [count(study.front_size), "number"],
    [study.hypervolume.toPrecision(4), "number"],
    [age(study.created_at), "number"],
    [study.last_error ? study.last_error.cause : ""],
  ];
  return element("tr", {}, ...cells.map(([content, kind]) => element("td", { class: kind }, content)));
}

function offer() {
  const link = byId("compare");
  link.hidden = chosen.size < 2 || chosen.size > 3;
  link.href = `/compare?${[...chosen].map((name) => `study=${encodeURIComponent(name)}`).join("&")}`;
}

async function look() {
  const studies = await get("/studies");
  const body = byId("studies");
  if (body === null) {
    if (studies.length) location.reload();
    return;
  }
  // What the user is at with the keyboard stays there.
  const focused = document.activeElement?.getAttribute("aria-label");
  body.replaceChildren(...studies.map(row));
  if (focused) body.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

run(look);
setInterval(() => document.hidden || look().catch(() => undefined), LOOK_MS);
