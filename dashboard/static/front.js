// The Pareto front as a figure: who is on it, beside it, off it, and what a latency limit leaves.
/* global Plotly */

import { colour, described } from "./strip.js";
import { style } from "./figures.js";
import { count, element, ms, percent } from "./dom.js";

export const UNITS = { latency_ms: "ms", macs: "MACs", parameters: "parameters" };

// What a trial has on the axis of cost, whichever it is.
export const cost = (trial, axis) => (axis === "latency_ms" ? trial.latency_ms : trial.figures[axis] ?? null);

// What is known of a baseline, with the marker's name.
export function baselineCard(baseline) {
  const gain = baseline.front_gain === null
    ? "no member costs as little"
    : `the front is ${percent(Math.abs(baseline.front_gain))} ${
      baseline.front_gain < 0 ? "less" : "more"
    } accurate at its cost`;
  return element(
    "div",
    { class: "card" },
    element("strong", {}, baseline.name),
    " baseline",
    element(
      "div",
      {},
      `${percent(baseline.accuracy)} (${baseline.seeds} seed${baseline.seeds === 1 ? "" : "s"}), ${
        ms(baseline.latency_ms)
      }, ${count(baseline.parameters)} parameters`,
    ),
    element("div", {}, gain + (baseline.dominates ? `; it dominates ${baseline.dominates} members` : "")),
  );
}

// The most accurate member within the limit.
export function pick(members, limit) {
  const within = members.filter((member) => limit === null || member.latency_ms <= limit);
  return within.reduce((best, member) => (best === null || member.accuracy > best.accuracy ? member : best), null);
}

// Where there are many, dots hide each other: of those at one spot, the size of a dot, the latest is drawn.
const CROWD = 1000;
const SPOTS = [120, 60];

function onePerSpot(some, figures) {
  if (some.length < CROWD) return some;
  const values = figures.map((figure) => some.map(figure));
  const lows = values.map((each) => Math.min(...each));
  const spans = values.map((each, at) => Math.max(...each) - lows[at] || 1);
  const spot = (trial) =>
    figures.map((figure, at) => Math.floor((SPOTS[at] * (figure(trial) - lows[at])) / spans[at])).join();
  return [...new Map(some.map((trial) => [spot(trial), trial])).values()];
}

// How far a latency's interval reaches; one of too few samples is not known.
function reach({ latency_ms: median, latency_interval_ms: [low, high] }) {
  return low > 0 ? high - median : 0;
}

export function frontFigure({ trials, front, state }) {
  const x = (trial) => cost(trial, state.x);
  const all = [...trials.values()].filter((trial) => x(trial) !== null);
  const onFront = new Set(front.members.map((member) => member.trial));
  const fallen = new Set(front.fallen);
  const members = front.members.map((member) => trials.get(member.trial)).filter((trial) => trial && x(trial) !== null);
  members.sort((one, other) => x(one) - x(other));
  const ends = all.filter((trial) => trial.state === "complete" && !onFront.has(trial.number));
  const seen = all.filter((trial) => trial.accuracy !== null);
  const floor = seen.length ? Math.min(...seen.map((trial) => trial.accuracy)) : 0;
  const y = (trial) => trial.accuracy ?? floor;
  const points = (some, name, marker, more = {}) => {
    const shown = onePerSpot(some, [state.scale === "log" ? (trial) => Math.log(x(trial)) : x, y]);
    return {
      type: "scatter",
      mode: "markers",
      name: `${name} (${some.length})`,
      x: shown.map(x),
      y: shown.map(y),
      customdata: shown.map((trial) => trial.number),
      marker: { size: 7, ...marker },
      hoverinfo: "none",
      ...more,
    };
  };
  const spread = (values) => ({ type: "data", array: values, thickness: 1, width: 3, color: style("--soft") });
  const chosen = state.trials.map((number) => trials.get(number)).filter((trial) => trial && x(trial) !== null);
  const best = pick(front.members, state.limit);
  // Of more objectives than the two that are drawn a front is no line.
  const isLine = front.objectives.length === 2 && front.objectives.includes(state.x);
  const baselines = front.baselines.filter((baseline) => baseline.accuracy !== null && x(baseline) !== null);
  const traces = [
    points(ends.filter((trial) => !fallen.has(trial.number)), "trials", { color: style("--dot") }),
    points(all.filter((trial) => trial.state === "stopped"), "stopped early", {
      color: style("--dot"),
      symbol: "circle-open",
    }),
    points(all.filter((trial) => trial.state === "infeasible"), "over the limit, untrained", {
      color: style("--warn"),
      symbol: "line-ns-open",
      size: 10,
    }),
    points(ends.filter((trial) => fallen.has(trial.number)), "dropped when confirmed", {
      color: style("--warn"),
      symbol: "x",
    }),
    points(members, "Pareto front", { color: style("--accent"), size: 10 }, {
      mode: isLine ? "lines+markers" : "markers",
      line: { shape: "hv", color: style("--accent"), width: 2 },
      error_y: spread(members.map((trial) => trial.accuracy_std ?? 0)),
      error_x: state.x === "latency_ms" ? spread(members.map(reach)) : undefined,
    }),
    {
      ...points(baselines, "baselines", { color: style("--ink"), symbol: "diamond-open", size: 11 }),
      customdata: baselines.map((baseline) => baseline.name),
    },
    points(chosen, "selected", { color: "rgba(0,0,0,0)", size: 17, line: { color: style("--ink"), width: 2 } }),
  ].filter((trace) => trace.x.length);
  // Without a limit the line is where nothing is left out, so that it can be taken from there.
  const at = state.limit ?? Math.max(...all.map(x)) * 1.05;
  const shapes = !all.length || state.x !== "latency_ms" ? [] : [{
    type: "line",
    x0: at,
    x1: at,
    y0: 0,
    y1: 1,
    yref: "paper",
    line: { color: style("--warn"), width: 3, dash: "dash" },
    name: "limit",
  }];
  const unit = UNITS[state.x] ?? (state.x.startsWith("latency_ms@") ? "ms" : "");
  const layout = {
    xaxis: {
      title: { text: unit && unit !== state.x ? `${state.x.replace("_ms", "")} (${unit})` : state.x },
      type: state.scale,
    },
    yaxis: { title: { text: "validation accuracy" }, tickformat: ".1%" },
    shapes,
    uirevision: `${state.x} ${state.scale}`,
  };
  const alt = `Accuracy against ${state.x}: ${all.length} trials, ${members.length} on the Pareto front` +
    (members.length ? `, from ${percent(members[0].accuracy)} to ${percent(members.at(-1).accuracy)}` : "") +
    (best ? `; pick: trial ${best.trial}` : "") +
    baselines.map((baseline) => `; ${baseline.name} ${percent(baseline.accuracy)} at ${x(baseline).toPrecision(3)}`)
      .join("");
  const rows = [
    ["trial", "state", "on_front", "accuracy", "accuracy_std", state.x, "architecture"],
    ...all.map((
      trial,
    ) => [
      trial.number,
      trial.state,
      onFront.has(trial.number),
      trial.accuracy,
      trial.accuracy_std,
      x(trial),
      described(trial.stages),
    ]),
    ...baselines.map((
      baseline,
    ) => ["", "baseline", false, baseline.accuracy, baseline.accuracy_std, x(baseline), baseline.name]),
  ];
  return { traces, layout, alt, rows };
}

// Shares of mixers by stage, over thirds of the front from cheap to accurate.
export function mixersFigure({ trials, front }) {
  const members = front.members.map((member) => trials.get(member.trial)).filter(Boolean);
  const names = members.length < 3 ? ["front"] : ["fast", "mid", "best"];
  const parts = names.map((
    name,
    at,
  ) => [
    name,
    members.slice(
      Math.floor((at * members.length) / names.length),
      Math.floor(((at + 1) * members.length) / names.length),
    ),
  ]);
  const stages = Math.max(0, ...members.map((trial) => trial.stages.length));
  const mixers = [...new Set(members.flatMap((trial) => trial.stages.map((stage) => stage.mixer)))].sort();
  const bars = [];
  for (let stage = 0; stage < stages; stage += 1) {
    for (const [name, some] of parts) {
      const here = some.filter((trial) => stage < trial.stages.length);
      bars.push({
        stage: `stage ${stage + 1}`,
        name,
        here,
        of: (mixer) => here.filter((trial) => trial.stages[stage].mixer === mixer).length / Math.max(1, here.length),
      });
    }
  }
  const traces = mixers.map((mixer) => ({
    type: "bar",
    name: mixer,
    x: [bars.map((bar) => bar.stage), bars.map((bar) => bar.name)],
    y: bars.map((bar) => bar.of(mixer)),
    marker: { color: colour(mixer) },
    hovertemplate: `${mixer} %{y:.0%}<extra></extra>`,
  }));
  const layout = {
    barmode: "stack",
    yaxis: { tickformat: ".0%", title: { text: "share of the front" } },
    xaxis: { tickangle: 0, tickfont: { size: 11 } },
  };
  const said = bars.map((bar) =>
    `${bar.stage} ${bar.name}: ${
      mixers.filter((mixer) => bar.of(mixer)).map((mixer) => `${mixer} ${percent(bar.of(mixer), 0)}`).join(", ")
    }`
  );
  return {
    traces,
    layout,
    alt: `Which mixer goes where along the front. ${said.join("; ")}`,
    rows: [["stage", "part", ...mixers], ...bars.map((bar) => [bar.stage, bar.name, ...mixers.map(bar.of)])],
  };
}

export function historyFigure(moments, by) {
  const traces = [{
    type: "scatter",
    mode: "lines",
    line: { shape: "hv", color: style("--accent") },
    name: "hypervolume",
    x: moments.map((moment) => moment[by]),
    y: moments.map((moment) => moment.hypervolume),
    hovertemplate: `%{y:.4g} at %{x:.4g} ${by}<extra></extra>`,
  }];
  const last = moments.at(-1);
  return {
    traces,
    layout: {
      showlegend: false,
      xaxis: { title: { text: by === "hours" ? "hours since the study began" : "complete trials" } },
      yaxis: { title: { text: "hypervolume" } },
    },
    alt: last
      ? `Hypervolume over ${by}: ${last.hypervolume.toPrecision(4)} after ${last.trials} trials`
      : "No result yet",
    rows: [
      ["trials", "hours", "hypervolume"],
      ...moments.map((moment) => [moment.trials, moment.hours, moment.hypervolume]),
    ],
  };
}

export function curvesFigure(details) {
  const dashes = ["solid", "dot", "dash", "longdash"];
  const palette = [style("--accent"), style("--warn"), "#009e73", "#cc79a7", "#e69f00", "#7f8b97"];
  const lines = details.flatMap(({ trial, curves }, at) =>
    curves.map((curve, seed) => ({
      trial,
      curve,
      color: palette[at % palette.length],
      dash: dashes[seed % dashes.length],
    }))
  );
  const traces = lines.map(({ trial, curve, color, dash }) => ({
    type: "scatter",
    mode: "lines+markers",
    name: `trial ${trial.number}, seed ${curve.seed}`,
    x: curve.accuracy.map((_, epoch) => epoch + 1),
    y: curve.accuracy,
    line: { color, dash },
    hovertemplate: "%{y:.2%} after epoch %{x}<extra>%{fullData.name}</extra>",
  }));
  return {
    traces,
    layout: {
      xaxis: { title: { text: "epoch" }, dtick: 1, rangemode: "tozero" },
      yaxis: { title: { text: "validation accuracy" }, tickformat: ".0%" },
    },
    alt: lines.length
      ? `Learning curves: ${
        lines.map(({ trial, curve }) => `trial ${trial.number} ends at ${percent(curve.accuracy.at(-1))}`).join(", ")
      }`
      : "No learning curve",
    rows: [
      ["trial", "seed", "epoch", "accuracy", "loss"],
      ...lines.flatMap(({ trial, curve }) =>
        curve.accuracy.map((accuracy, epoch) => [trial.number, curve.seed, epoch + 1, accuracy, curve.loss[epoch]])
      ),
    ],
  };
}

// The line follows the pointer; it is set upright again, and `moved` is told where it was left.
export function onLimitDragged(place, moved) {
  let ours = false;
  place.on("plotly_relayout", async (change) => {
    if (ours || !Object.keys(change).some((key) => key.startsWith("shapes[0]."))) return;
    const x = change["shapes[0].x0"] ?? change["shapes[0].x1"] ?? place.layout.shapes[0].x0;
    ours = true;
    await Plotly.relayout(place, { "shapes[0].x0": x, "shapes[0].x1": x, "shapes[0].y0": 0, "shapes[0].y1": 1 });
    ours = false;
    if (typeof x === "number" && x > 0) moved(x);
  });
}
