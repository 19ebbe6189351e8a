// Two or three architectures side by side.

import { get, studyPath } from "./api.js";
import { byId, count, element, given, interval, ms, percent, run, table } from "./dom.js";
import { draw } from "./figures.js";
import { curvesFigure } from "./front.js";
import { spelled, strip } from "./strip.js";

run(async () => {
  const name = given("name");
  const found = await Promise.all(given("numbers").map((number) => get(`${studyPath(name)}/trials/${number}`)));
  const stages = Math.max(...found.map(({ trial }) => trial.stages.length));
  const sum = (costs, what) => (costs ? costs.reduce((total, each) => total + each[what], 0) : null);
  const rows = [
    ["architecture", ({ trial }) => strip(trial.stages, 240, 48)],
    ["state", ({ trial }) => trial.state],
    ["accuracy", ({ trial }) => percent(trial.accuracy)],
    ["std", ({ trial }) => percent(trial.accuracy_std)],
    ["seeds", ({ trial }) => count(trial.seeds)],
    ["latency", ({ trial }) => ms(trial.latency_ms)],
    ["95% interval", ({ trial }) => interval(trial.latency_interval_ms)],
    ["parameters", ({ stage_costs: costs }) => count(sum(costs, "parameters"))],
    ["MACs", ({ stage_costs: costs }) => count(sum(costs, "macs"))],
    ...Array.from({ length: stages }, (_, at) => [`stage ${at + 1}`, ({ trial }) => {
      const stage = trial.stages[at];
      return stage ? `${spelled(stage)} ×${stage.depth} at ${stage.width}` : "–";
    }]),
  ];
  const headings = [["", false], ...found.map(({ trial }) => [`trial ${trial.number}`, false])];
  byId("compared").replaceChildren(table(headings, rows.map(([title, of]) => [title, ...found.map(of)])));
  byId("links").replaceChildren(
    ...found.map(({ trial }) =>
      element("a", { class: "button", href: `${studyPath(name)}/trials/${trial.number}` }, `trial ${trial.number}`)
    ),
  );
  if (found.some(({ curves }) => curves.length)) {
    await draw(byId("curves"), `${name} compared`, () => curvesFigure(found));
  }
});
