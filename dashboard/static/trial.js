// One architecture: what it is, what it costs by stage, how it was measured and trained, what was tried next to it.

import { accepted, get, studyPath } from "./api.js";
import { byId, count, element, facts, given, interval, ms, percent, run, showError, table } from "./dom.js";
import { draw, save, style } from "./figures.js";
import { curvesFigure } from "./front.js";
import { spelled, strip } from "./strip.js";

function stages({ trial, stage_costs: costs }) {
  const headings = [["stage", true], ["mixer", false], ["depth", true], ["width", true], ["MLP ratio", true], [
    "parameters",
    true,
  ], ["MACs", true]];
  const rows = trial.stages.map((stage, at) => [
    String(at + 1),
    spelled(stage),
    String(stage.depth),
    String(stage.width),
    String(stage.mlp_ratio ?? 4),
    count(costs?.[at].parameters),
    count(costs?.[at].macs),
  ]);
  const sum = (name) => (costs ? count(costs.reduce((total, each) => total + each[name], 0)) : "–");
  return table(headings, [...rows, ["", "all (stem and head included)", "", "", "", sum("parameters"), sum("macs")]]);
}

function place(measured) {
  return measured.target ?? Object.entries(measured.fingerprint).map(([name, value]) => `${name}=${value}`).join(" ");
}

function latencyFigure(measurements) {
  const traces = measurements.map((each) => ({
    type: "box",
    name: `${place(each).slice(0, 40)}, ${new Date(1000 * each.taken_at).toISOString().slice(0, 16)}`,
    x: each.samples,
    boxpoints: "outliers",
    marker: { color: style("--accent"), size: 3 },
    hoverinfo: "x",
    orientation: "h",
  }));
  return {
    traces,
    layout: { showlegend: false, xaxis: { title: { text: "ms" } }, margin: { l: 230, r: 15, t: 10, b: 50 } },
    alt: `Distributions of ${measurements.length} latency measurements: ${
      measurements.map((each) => `${place(each)} median ${ms(each.median)}`).join(", ")
    }`,
    rows: [
      ["target", "taken_at", "sample_ms"],
      ...measurements.flatMap((each) => each.samples.map((sample) => [place(each), each.taken_at, sample])),
    ],
  };
}

function measurementsTable(measurements) {
  const headings = [
    ["target", false],
    ["median", true],
    ["95% interval", true],
    ["p90", true],
    ["p99", true],
    ["rounds", true],
    ["thrown", true],
    ["drift", true],
    ["taken (UTC)", false],
  ];
  return table(
    headings,
    measurements.map((each) => [
      place(each),
      ms(each.median) + (each.is_precise ? "" : " !"),
      interval(each.interval),
      each.quantiles.p90.toPrecision(4),
      each.quantiles.p99.toPrecision(4),
      count(each.samples.length),
      count(each.thrown),
      percent(each.drift, 1),
      new Date(1000 * each.taken_at).toISOString().slice(0, 16).replace("T", " "),
    ]),
  );
}

function neighbours(name, found, own) {
  if (!found.length) return element("p", { class: "muted" }, "None that differs in a single choice was tried.");
  const sign = (value, said) => (value === null ? "–" : `${value > 0 ? "+" : ""}${said(value)}`);
  const less = (one, other) => (one === null || other === null ? null : one - other);
  return table(
    [["trial", true], ["architecture", false], ["what differs", false], ["accuracy", true], ["difference", true], [
      "latency",
      true,
    ], ["difference", true]],
    found.map((each) => [
      element("a", { href: `${studyPath(name)}/trials/${each.trial.number}` }, String(each.trial.number)),
      strip(each.trial.stages),
      `stage ${each.stage} ${each.field}: ${each.here} → ${each.there}`,
      percent(each.trial.accuracy),
      sign(less(each.trial.accuracy, own.accuracy), percent),
      ms(each.trial.latency_ms),
      sign(less(each.trial.latency_ms, own.latency_ms), ms),
    ]),
  );
}

// A refusal has a reason, which a download would not show.
async function fetched(event) {
  event.preventDefault();
  const answer = await fetch(event.target.href);
  await accepted(answer);
  const [, name] = /filename="(.*)"/.exec(answer.headers.get("Content-Disposition"));
  save(name, await answer.blob(), "application/octet-stream");
}

run(async () => {
  const [name, number] = [given("name"), given("number")];
  const path = `${studyPath(name)}/trials/${number}`;
  const found = await get(path);
  const { trial } = found;
  byId("drawing").replaceChildren(strip(trial.stages, 480, 90));
  byId("facts").replaceChildren(...facts([
    ["state", trial.state],
    [
      "accuracy",
      percent(trial.accuracy) + (trial.accuracy_std === null ? "" : ` (std ${percent(trial.accuracy_std)})`),
    ],
    ["seeds", count(trial.seeds)],
    ["latency", ms(trial.latency_ms)],
    ["parameters", count(trial.figures.parameters)],
    ["MACs", count(trial.figures.macs ?? null)],
    ["epochs", count(trial.epochs)],
    ["attempt", count(trial.attempt)],
    ["key", trial.key.slice(0, 12)],
  ]));
  if (trial.failure) byId("failure").textContent = `${trial.failure.cause}: ${trial.failure.message}`;
  byId("stages").replaceChildren(stages(found));
  byId("measured").replaceChildren(
    found.measurements.length
      ? measurementsTable(found.measurements)
      : element("p", { class: "muted" }, "Not measured."),
  );
  byId("latency").hidden = !found.measurements.length;
  if (found.measurements.length) {
    await draw(byId("latency"), `${name} ${number} latency`, () => latencyFigure(found.measurements));
  }
  byId("curves").hidden = !found.curves.length;
  if (found.curves.length) await draw(byId("curves"), `${name} ${number} learning curves`, () => curvesFigure([found]));
  byId("neighbours").replaceChildren(neighbours(name, found.neighbours, trial));
  byId("downloads").replaceChildren(
    ...(found.formats.length
      ? found.formats.map((form) =>
        element("a", {
          class: "button",
          href: `/api/v1${path}/export/${form}`,
          download: "",
          onclick: (event) => fetched(event).catch(showError),
        }, form)
      )
      : [element("span", { class: "muted" }, "Only complete trials are exported.")]),
  );
  byId("retrain").textContent = found.retrain ?? "";
  byId("retrain").hidden = found.retrain === null;
  byId("config").textContent = JSON.stringify(found.config ?? { stages: trial.stages }, null, 2);
});
