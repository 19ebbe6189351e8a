// The fronts of two or three studies in one figure.

import { get, studyPath } from "./api.js";
import { bestResult, byId, count, element, pageData, percent, run, table } from "./dom.js";
import { draw, style } from "./figures.js";
import { fidelityLabel } from "./front.js";
import { layoutLabel } from "./strip.js";

// The training by which a study's front is judged.
const trainedAt = ({ target_training: target }) => target ? fidelityLabel(target) : "as its trials";
const DASHES = ["solid", "dash", "dot"];

run(async () => {
  const names = pageData("names");
  const studies = await Promise.all(
    names.map(async (name) => ({ study: await get(studyPath(name)), front: await get(`${studyPath(name)}/front`) })),
  );
  const measures = [...new Set(studies.map(({ study }) => study.measure))];
  await draw(byId("fronts"), `fronts of ${names.join(" and ")}`, () => {
    const palette = [style("--accent"), style("--warn"), "#009e73"];
    const traces = studies.map(({ study, front }, index) => ({
      type: "scatter",
      mode: "lines+markers",
      name: study.name,
      line: { shape: "hv", color: palette[index], dash: DASHES[index] },
      x: front.members.map((member) => member.latency_ms),
      y: front.members.map((member) => member.accuracy),
      text: front.members.map((member) =>
        `trial ${member.trial}: ${layoutLabel(member.stages)}` +
        (member.test_accuracy === null ? "" : `<br>test part ${percent(member.test_accuracy)}`)
      ),
      hovertemplate: "%{text}<br>%{y:.2%}, %{x:.4g} ms<extra></extra>",
    }));
    return {
      traces,
      layout: {
        xaxis: { type: "log", title: { text: "latency (ms)" } },
        yaxis: { title: { text: `validation ${measures.join(" or ")}` }, tickformat: ".1%" },
      },
      alt: studies.map(({ study, front }) =>
        `${study.name}: ${front.members.length} members, best ${bestResult(study)}`
      ).join("; "),
      rows: [
        ["study", "trial", "latency_ms", "accuracy", "metric", "test_accuracy"],
        ...studies.flatMap(({ study, front }) =>
          front.members.map((member) => [
            study.name,
            member.trial,
            member.latency_ms,
            member.accuracy,
            study.metric,
            member.test_accuracy,
          ])
        ),
      ],
    };
  });
  byId("warning").hidden = new Set(studies.map(({ study }) =>
    `${study.dataset} ${study.target} ${study.metric} ${trainedAt(study)}`
  )).size === 1;
  byId("compared").replaceChildren(
    table(
      [
        ["study", false],
        ["space", false],
        ["data set", false],
        ["target", false],
        ["trained at", false],
        ["trials", true],
        ["best", true],
        ["front", true],
        ["hypervolume", true],
      ],
      studies.map(({ study }) => [
        element("a", { href: studyPath(study.name) }, study.name),
        study.space,
        study.dataset,
        study.target,
        trainedAt(study),
        count(study.done),
        bestResult(study),
        count(study.front_size),
        study.hypervolume.toPrecision(4),
      ]),
    ),
  );
});
