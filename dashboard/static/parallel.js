// Parallel coordinates: a line for each trial through its choices, its latency and its accuracy.

import { style } from "./figures.js";
import { described } from "./strip.js";

// More lines than this are a black square.
const MOST = 1000;

function axesOf(trials) {
  const stages = Math.max(0, ...trials.map((trial) => trial.stages.length));
  const axes = [];
  for (let stage = 0; stage < stages; stage += 1) {
    for (const field of ["mixer", "depth", "width"]) {
      const of = (trial) => trial.stages[stage]?.[field];
      const values = [...new Set(trials.map(of).filter((value) => value !== undefined))];
      if (values.length > 1) {
        values.sort((one, other) => (typeof one === "number" ? one - other : one.localeCompare(other)));
        axes.push({
          title: `${field} ${stage + 1}`,
          of,
          at: (value) => values.indexOf(value) / (values.length - 1),
          ends: values,
        });
      }
    }
  }
  for (
    const [title, of, said] of [
      ["latency", (trial) => Math.log(trial.latency_ms), (value) => `${Math.exp(value).toPrecision(3)} ms`],
      ["accuracy", (trial) => trial.accuracy, (value) => `${(100 * value).toFixed(1)}%`],
    ]
  ) {
    const values = trials.map(of);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    axes.push({
      title,
      of,
      at: (value) => (high > low ? (value - low) / (high - low) : 0.5),
      ends: [said(low), said(high)],
    });
  }
  return axes;
}

export function parallelFigure({ trials, front, state }) {
  const complete = [...trials.values()].filter((trial) => trial.state === "complete" && trial.latency_ms !== null);
  const onFront = new Set(front.members.map((member) => member.trial));
  const chosen = new Set(state.trials);
  const axes = complete.length ? axesOf(complete) : [];
  const others = complete.filter((trial) => !onFront.has(trial.number) && !chosen.has(trial.number)).slice(-MOST);
  const lines = (some, name, color, width) => ({
    type: "scatter",
    mode: "lines",
    name: `${name} (${some.length})`,
    hoverinfo: "skip",
    line: { color, width },
    x: some.flatMap(() => [...axes.keys(), null]),
    y: some.flatMap((
      trial,
    ) => [...axes.map((axis) => (axis.of(trial) === undefined ? null : axis.at(axis.of(trial)))), null]),
  });
  const traces = [
    lines(others, others.length < MOST ? "trials" : "latest trials", `${style("--dot")}66`, 1),
    lines(complete.filter((trial) => onFront.has(trial.number)), "Pareto front", style("--accent"), 2),
    lines(complete.filter((trial) => chosen.has(trial.number)), "selected", style("--warn"), 3),
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
      axis.ends.map((value, place) => ({
        x,
        y: axis.ends.length > 1 ? place / (axis.ends.length - 1) : 0.5,
        text: String(value),
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
      ...complete.map((trial) => [trial.number, described(trial.stages), trial.latency_ms, trial.accuracy]),
    ],
  };
}
