// The page of a trial: architecture, costs by stage, measurements, learning curves, neighbours, downloads.

import { get, requireSuccess, studyPath } from "./api.js";
import { byId, count, element, facts, interval, ms, pageData, percent, run, showError, table } from "./dom.js";
import { draw, save, style } from "./figures.js";
import { accuracyRange, curvesFigure, fidelityLabel } from "./front.js";
import { mixerLabel, strip } from "./strip.js";

function stagesTable({ trial, stage_costs: costs }) {
  const headings = [
    ["stage", true],
    ["mixer", false],
    ["depth", true],
    ["width", true],
    ["MLP ratio", true],
    ["parameters", true],
    ["MACs", true],
  ];
  const rows = trial.stages.map((stage, index) => [
    String(index + 1),
    mixerLabel(stage),
    String(stage.depth),
    String(stage.width),
    String(stage.mlp_ratio ?? 4),
    count(costs?.[index].parameters),
    count(costs?.[index].macs),
  ]);
  const sum = (name) => (costs ? count(costs.reduce((total, cost) => total + cost[name], 0)) : "–");
  return table(headings, [...rows, ["", "all (with stem and head)", "", "", "", sum("parameters"), sum("macs")]]);
}

function targetLabel({ target, fingerprint }) {
  return target ?? Object.entries(fingerprint).map(([name, value]) => `${name}=${value}`).join(" ");
}

// UTC, to the minute.
function timeLabel(seconds) {
  return new Date(1000 * seconds).toISOString().slice(0, 16).replace("T", " ");
}

function latencyFigure(measurements) {
  const traces = measurements.map((measurement) => ({
    type: "box",
    name: `${targetLabel(measurement).slice(0, 40)}, ${timeLabel(measurement.taken_at)}`,
    x: measurement.samples,
    boxpoints: "outliers",
    marker: { color: style("--accent"), size: 3 },
    hoverinfo: "x",
    orientation: "h",
  }));
  const medians = measurements.map((measurement) => `${targetLabel(measurement)} median ${ms(measurement.median)}`);
  return {
    traces,
    layout: { showlegend: false, xaxis: { title: { text: "ms" } }, margin: { l: 230, r: 15, t: 10, b: 50 } },
    alt: `Distributions of ${measurements.length} latency measurements: ${medians.join(", ")}`,
    rows: [
      ["target", "taken_at", "sample_ms"],
      ...measurements.flatMap((measurement) =>
        measurement.samples.map((sample) => [targetLabel(measurement), measurement.taken_at, sample])
      ),
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
    ["discarded", true],
    ["drift", true],
    ["measured at (UTC)", false],
  ];
  return table(
    headings,
    measurements.map((measurement) => [
      targetLabel(measurement),
      ms(measurement.median) + (measurement.is_precise ? "" : " !"),
      interval(measurement.interval),
      measurement.quantiles.p90.toPrecision(4),
      measurement.quantiles.p99.toPrecision(4),
      count(measurement.samples.length),
      count(measurement.thrown),
      percent(measurement.drift, 1),
      timeLabel(measurement.taken_at),
    ]),
  );
}

function neighboursTable(name, { neighbours, measure, trial: own }) {
  if (!neighbours.length) return element("p", { class: "muted" }, "No trial differs in a single choice.");
  const headings = [
    ["trial", true],
    ["architecture", false],
    ["changed choice", false],
    [measure, true],
    ["difference", true],
    ["latency", true],
    ["difference", true],
  ];
  const signed = (value, format) => (value === null ? "–" : `${value > 0 ? "+" : ""}${format(value)}`);
  const difference = (one, other) => (one === null || other === null ? null : one - other);
  // An accuracy at the target is no comparison with that of a short training.
  const isAlike = (trial) => Boolean(trial.target_training) === Boolean(own.target_training);
  return table(
    headings,
    neighbours.map(({ trial, stage, field, here, there }) => [
      element("a", { href: `${studyPath(name)}/trials/${trial.number}` }, String(trial.number)),
      strip(trial.stages),
      `stage ${stage} ${field}: ${here} → ${there}`,
      percent(trial.accuracy),
      signed(isAlike(trial) ? difference(trial.accuracy, own.accuracy) : null, percent),
      ms(trial.latency_ms),
      signed(difference(trial.latency_ms, own.latency_ms), ms),
    ]),
  );
}

// Downloads by fetch, since a plain link would not show the reason of a refusal.
async function download(event) {
  event.preventDefault();
  const response = await fetch(event.target.href);
  await requireSuccess(response);
  const [, name] = /filename="(.*)"/.exec(response.headers.get("Content-Disposition"));
  save(name, await response.blob(), "application/octet-stream");
}

run(async () => {
  const [name, number] = [pageData("name"), pageData("number")];
  const path = `${studyPath(name)}/trials/${number}`;
  const detail = await get(path);
  const { trial } = detail;
  byId("drawing").replaceChildren(strip(trial.stages, 480, 90));
  byId("facts").replaceChildren(...facts([
    ["state", trial.state],
    [
      detail.measure,
      percent(trial.accuracy) + (trial.accuracy_std === null ? "" : ` (std ${percent(trial.accuracy_std)})`),
    ],
    ...(trial.target_training
      ? [
        ["trained at the target", fidelityLabel(trial.target_training)],
        ["90% interval", accuracyRange(trial.accuracy_interval)],
        [`test ${detail.measure}`, percent(trial.test_accuracy)],
      ]
      : [["seeds", count(trial.seeds)]]),
    ["latency", ms(trial.latency_ms)],
    ["parameters", count(trial.figures.parameters)],
    ["MACs", count(trial.figures.macs ?? null)],
    [trial.target_training ? "epochs at first" : "epochs", count(trial.epochs)],
    ["attempt", count(trial.attempt)],
    ["key", trial.key.slice(0, 12)],
  ]));
  if (trial.failure) byId("failure").textContent = `${trial.failure.cause}: ${trial.failure.message}`;
  byId("stages").replaceChildren(stagesTable(detail));
  byId("measured").replaceChildren(
    detail.measurements.length
      ? measurementsTable(detail.measurements)
      : element("p", { class: "muted" }, "Not measured."),
  );
  byId("latency").hidden = !detail.measurements.length;
  if (detail.measurements.length) {
    await draw(byId("latency"), `${name} ${number} latency`, () => latencyFigure(detail.measurements));
  }
  byId("curves").hidden = !detail.curves.length;
  if (detail.curves.length) {
    await draw(byId("curves"), `${name} ${number} learning curves`, () => curvesFigure([detail], detail.measure));
  }
  byId("neighbours").replaceChildren(neighboursTable(name, detail));
  byId("downloads").replaceChildren(
    ...(detail.formats.length
      ? detail.formats.map((format) =>
        element("a", {
          class: "button",
          href: `/api/v1${path}/export/${format}`,
          download: "",
          onclick: (event) => download(event).catch(showError),
        }, format)
      )
      : [element("span", { class: "muted" }, "Only complete trials can be exported.")]),
  );
  byId("retrain").textContent = detail.retrain ?? "";
  byId("retrain").hidden = detail.retrain === null;
  byId("config").textContent = JSON.stringify(detail.config ?? { stages: trial.stages }, null, 2);
});
