// Two or three architectures side by side.

import { get, studyPath } from "./api.js";
import { byId, count, element, interval, ms, pageData, percent, run, table } from "./dom.js";
import { draw } from "./figures.js";
import { accuracyRange, curvesFigure, fidelityLabel } from "./front.js";
import { mixerLabel, strip } from "./strip.js";

run(async () => {
  const name = pageData("name");
  const details = await Promise.all(pageData("numbers").map((number) => get(`${studyPath(name)}/trials/${number}`)));
  const stageCount = Math.max(...details.map(({ trial }) => trial.stages.length));
  const sum = (costs, name) => (costs ? costs.reduce((total, cost) => total + cost[name], 0) : null);
  const rows = [
    ["architecture", ({ trial }) => strip(trial.stages, 240, 48)],
    ["state", ({ trial }) => trial.state],
    [details[0].measure, ({ trial }) => percent(trial.accuracy)],
    ["std", ({ trial }) => percent(trial.accuracy_std)],
    ...(details.some(({ trial }) => trial.target_training)
      ? [
        ["trained at the target", ({ trial: { target_training: target } }) => target ? fidelityLabel(target) : "no"],
        ["90% interval of it", ({ trial }) => accuracyRange(trial.accuracy_interval)],
        ["on the test part", ({ trial }) => percent(trial.test_accuracy)],
      ]
      : [["seeds", ({ trial }) => count(trial.seeds)]]),
    ["latency", ({ trial }) => ms(trial.latency_ms)],
    ["95% interval", ({ trial }) => interval(trial.latency_interval_ms)],
    ["parameters", ({ stage_costs: costs }) => count(sum(costs, "parameters"))],
    ["MACs", ({ stage_costs: costs }) => count(sum(costs, "macs"))],
    ...Array.from({ length: stageCount }, (_, index) => [`stage ${index + 1}`, ({ trial }) => {
      const stage = trial.stages[index];
      return stage ? `${mixerLabel(stage)} ×${stage.depth} at ${stage.width}` : "–";
    }]),
  ];
  const headings = [["", false], ...details.map(({ trial }) => [`trial ${trial.number}`, false])];
  byId("compared").replaceChildren(table(headings, rows.map(([title, format]) => [title, ...details.map(format)])));
  byId("links").replaceChildren(
    ...details.map(({ trial }) =>
      element("a", { class: "button", href: `${studyPath(name)}/trials/${trial.number}` }, `trial ${trial.number}`)
    ),
  );
  if (details.some(({ curves }) => curves.length)) {
    await draw(byId("curves"), `${name} compared`, () => curvesFigure(details, details[0].measure));
  }
});
