// Parallel coordinates: one line per trial through its choices, latency and accuracy.

import { style } from "./figures.js";
import { layoutLabel } from "./strip.js";

// More lines are indistinguishable.
const MAX_LINES = 1000;

function axesOf(trials, measure) {
  const stageCount = Math.max(0, ...trials.map((trial) => trial.stages.length));
  const axes = [];
  for (let stage = 0; stage < stageCount; stage += 1) {
    for (const field of ["mixer", "depth", "width"]) {
      const of = (trial) => trial.stages[stage]?.[field];
      const values = [...new Set(trials.map(of).filter((value) => value !== undefined))];
      if (values.length > 1) {
        values.sort((one, other) => (typeof one === "number" ? one - other : one.localeCompare(other)));
        axes.push({
          title: `${field} ${stage + 1}`,
          of,
          position: (value) => values.indexOf(value) / (values.length - 1),
          labels: values,
        });
      }
    }
  }
  const results = [
    ["latency", (trial) => Math.log(trial.latency_ms), (value) => `${Math.exp(value).toPrecision(3)} ms`],
    [measure, (trial) => trial.accuracy, (value) => `${(100 * value).toFixed(1)}%`],
  ];
  for (const [title, of, format] of results) {
    const values = trials.map(of);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    axes.push({
      title,
      of,
      position: (value) => (high > low ? (value - low) / (high - low) : 0.5),
      labels: [format(low), format(high)],
    });
  }
  return axes;
}

export function parallelFigure({ trials, front, state }) {
  const complete = [...trials.values()].filter((trial) => trial.state === "complete" && trial.latency_ms !== null);
  const onFront = new Set(front.members.map((member) => member.trial));
  const selected = new Set(state.trials);
  const axes = complete.length ? axesOf(complete, front.measure) : [];
  const isOther = (trial) => !onFront.has(trial.number) && !selected.has(trial.number);
  const others = complete.filter(isOther).slice(-MAX_LINES);
  const height = (axis, trial) => (axis.of(trial) === undefined ? null : axis.position(axis.of(trial)));
  const lines = (group, name, color, width) => ({
    type: "scatter",
    mode: "lines",
    name: `${name} (${group.length})`,
    hoverinfo: "skip",
    line: { color, width },
    x: group.flatMap(() => [...axes.keys(), null]),
    y: group.flatMap((trial) => [...axes.map((axis) => height(axis, trial)), null]),
  });
  const traces = [
    lines(others, others.length < MAX_LINES ? "trials" : "latest trials", `${style("--dot")}66`, 1),
    lines(complete.filter((trial) => onFront.has(trial.number)), "Pareto front", style("--accent"), 2),
    lines(complete.filter((trial) => selected.has(trial.number)), "selected", style("--warn"), 3),
  ].filter((trace) => trace.x.length);
  const layout = {
    xaxis: {
      tickvals: [...axes.keys()],
      ticktext: axes.map((axis) => axis.title),
      range: [-0.5, axes.length - 0.3],
      showgrid: true,
    },
    yaxis: { visible: false, range: [-0.08, 1.1] },
    annotations: axes.flatMap((axis, x) =>
      axis.labels.map((label, index) => ({
        x,
        y: axis.labels.length > 1 ? index / (axis.labels.length - 1) : 0.5,
        text: String(label),
        showarrow: false,
        xanchor: "left",
        xshift: 4,
        font: { size: 11, color: style("--ink") },
        bgcolor: style("--back"),
        borderpad: 1,
      }))
    ),
  };
  return {
    traces,
    layout,
    alt: `Parallel coordinates of ${complete.length} complete trials over ${axes.map((axis) => axis.title).join(", ")}`,
    rows: [
      ["trial", "architecture", "latency_ms", "accuracy"],
      ...complete.map((trial) => [trial.number, layoutLabel(trial.stages), trial.latency_ms, trial.accuracy]),
    ],
  };
}
