// Figures of a study: trials and front with baselines and limit, mixers by stage, hypervolume, learning curves.
/* global Plotly */

import { colour, layoutLabel } from "./strip.js";
import { style } from "./figures.js";
import { count, element, ms, percent } from "./dom.js";

export const UNITS = { latency_ms: "ms", macs: "MACs", parameters: "parameters" };

// The cost of a trial on the selected axis.
export const cost = (trial, axis) => (axis === "latency_ms" ? trial.latency_ms : trial.figures[axis] ?? null);

// The card of a baseline.
export function baselineCard(baseline, measure) {
  const sign = baseline.front_gain < 0 ? "lower" : "higher";
  const gain = baseline.front_gain === null
    ? "no trial on the front costs as little"
    : `the front's ${measure} is ${percent(Math.abs(baseline.front_gain))} ${sign} at the same cost`;
  return element(
    "div",
    { class: "card" },
    element("strong", {}, baseline.name),
    " baseline",
    element("div", {}, resultLine(baseline, baseline.parameters, measure)),
    element("div", {}, gain + (baseline.dominates ? `; it dominates ${baseline.dominates} trials on the front` : "")),
  );
}

// Accuracy, latency and parameters of a trial or a baseline in one line, with the certainty of the accuracy.
export function resultLine(result, parameters, measure) {
  const { accuracy, latency_ms: latency } = result;
  return `${measure} ${percent(accuracy)} (${certainty(result)}), ${ms(latency)}, ${count(parameters)} parameters`;
}

// The number of seeds, or of a training at the study's target its 90% interval and the accuracy on the test part.
function certainty({ seeds, target_training: target, accuracy_interval: interval, test_accuracy: tested }) {
  if (!target) return `${seeds} seed${seeds === 1 ? "" : "s"}`;
  const parts = [fidelityLabel(target), interval && `90%: ${accuracyRange(interval)}`];
  return [...parts, tested !== null && `test part ${percent(tested)}`].filter(Boolean).join(", ");
}

// The extent of a training.
export const fidelityLabel = ({ images, epochs }) => `${count(images)} images × ${count(epochs)} epochs`;

// An interval of accuracies.
export const accuracyRange = (interval) => interval ? interval.map((end) => percent(end)).join(" to ") : "–";

// The halves of an accuracy's 90% interval, or else the standard deviation between seeds.
function accuracyBars(trials) {
  const half = (end) => (trial) =>
    trial.accuracy_interval ? Math.abs(trial.accuracy_interval[end] - trial.accuracy) : trial.accuracy_std ?? 0;
  return { array: trials.map(half(1)), arrayminus: trials.map(half(0)), symmetric: false };
}

// The most accurate member within the limit.
export function pick(members, limit) {
  const within = members.filter((member) => limit === null || member.latency_ms <= limit);
  return within.reduce((best, member) => (best === null || member.accuracy > best.accuracy ? member : best), null);
}

// Many dots hide each other. From this number of trials on, only the latest in each cell, the size of a dot, is drawn.
const MIN_TRIALS_FOR_THINNING = 1000;
const GRID = [120, 60];
const MAX_TICKS = 20;

function thinOut(trials, coordinates) {
  if (trials.length < MIN_TRIALS_FOR_THINNING) return trials;
  const values = coordinates.map((coordinate) => trials.map(coordinate));
  const lows = values.map((column) => Math.min(...column));
  const spans = values.map((column, axis) => Math.max(...column) - lows[axis] || 1);
  const cell = (trial) =>
    coordinates.map((of, axis) => Math.floor((GRID[axis] * (of(trial) - lows[axis])) / spans[axis])).join();
  return [...new Map(trials.map((trial) => [cell(trial), trial])).values()];
}

// The upper half of a latency's confidence interval; 0 where too few samples give none.
function upperHalfWidth({ latency_ms: median, latency_interval_ms: [low, high] }) {
  return low > 0 ? high - median : 0;
}

export function frontFigure({ trials, front, state }) {
  const x = (trial) => cost(trial, state.x);
  const all = [...trials.values()].filter((trial) => x(trial) !== null);
  const onFront = new Set(front.members.map((member) => member.trial));
  const dropped = new Set(front.fallen);
  const members = front.members.map((member) => trials.get(member.trial)).filter((trial) => trial && x(trial) !== null);
  members.sort((one, other) => x(one) - x(other));
  const completeOthers = all.filter((trial) => trial.state === "complete" && !onFront.has(trial.number));
  const neverOnFront = completeOthers.filter((trial) => !dropped.has(trial.number));
  const accuracies = all.map((trial) => trial.accuracy).filter((accuracy) => accuracy !== null);
  // Trials without an accuracy are drawn at the bottom.
  const floor = accuracies.length ? Math.min(...accuracies) : 0;
  const y = (trial) => trial.accuracy ?? floor;
  const points = (group, name, marker, more = {}) => {
    const shown = thinOut(group, [state.scale === "log" ? (trial) => Math.log(x(trial)) : x, y]);
    return {
      type: "scatter",
      mode: "markers",
      name: `${name} (${group.length})`,
      x: shown.map(x),
      y: shown.map(y),
      customdata: shown.map((trial) => trial.number),
      marker: { size: 7, ...marker },
      hoverinfo: "none",
      ...more,
    };
  };
  const bars = { type: "data", thickness: 1, width: 3, color: style("--soft") };
  // Accuracies of short trainings are no comparison with those at the target.
  const isApart = members.some((trial) => trial.target_training);
  const selected = state.trials.map((number) => trials.get(number)).filter((trial) => trial && x(trial) !== null);
  const best = pick(front.members, state.limit);
  // With objectives beyond the two that are drawn, the front is not a line.
  const isLine = front.objectives.length === 2 && front.objectives.includes(state.x);
  const baselines = front.baselines.filter((baseline) => baseline.accuracy !== null && x(baseline) !== null);
  const traces = [
    points(
      neverOnFront.filter((trial) => !trial.below_min_accuracy),
      isApart ? "short trainings" : "trials",
      { color: style("--dot") },
    ),
    points(all.filter((trial) => trial.state === "stopped"), "stopped early", {
      color: style("--dot"),
      symbol: "circle-open",
    }),
    points(all.filter((trial) => trial.state === "infeasible"), "over the limit, not trained", {
      color: style("--warn"),
      symbol: "line-ns-open",
      size: 10,
    }),
    points(neverOnFront.filter((trial) => trial.below_min_accuracy), "below --min-accuracy", {
      color: style("--dot"),
      symbol: "triangle-down-open",
    }),
    points(
      completeOthers.filter((trial) => dropped.has(trial.number)),
      isApart ? "dominated at the target" : "dropped when confirmed",
      { color: style("--warn"), symbol: "x" },
    ),
    points(members, "Pareto front", { color: style("--accent"), size: 10 }, {
      mode: isLine ? "lines+markers" : "markers",
      line: { shape: "hv", color: style("--accent"), width: 2 },
      error_y: { ...bars, ...accuracyBars(members) },
      error_x: state.x === "latency_ms" ? { ...bars, array: members.map(upperHalfWidth) } : undefined,
    }),
    {
      ...points(baselines, "baselines", { color: style("--ink"), symbol: "diamond-open", size: 11 }),
      customdata: baselines.map((baseline) => baseline.name),
    },
    points(selected, "selected", { color: "rgba(0,0,0,0)", size: 17, line: { color: style("--ink"), width: 2 } }),
  ].filter((trace) => trace.x.length);
  // Without a limit the line stands to the right of all trials, from where it can be dragged.
  const limitX = state.limit ?? Math.max(...all.map(x)) * 1.05;
  const shapes = !all.length || state.x !== "latency_ms" ? [] : [{
    type: "line",
    x0: limitX,
    x1: limitX,
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
    yaxis: { title: { text: `validation ${front.measure}` }, tickformat: ".1%" },
    shapes,
    uirevision: `${state.x} ${state.scale}`,
  };
  const alt =
    `Validation ${front.measure} against ${state.x}: ${all.length} trials, ${members.length} on the Pareto front` +
    (members.length ? `, from ${percent(members[0].accuracy)} to ${percent(members.at(-1).accuracy)}` : "") +
    (isApart ? `, after the target training, ${fidelityLabel(front.target_training)}` : "") +
    (best ? `; pick: trial ${best.trial}` : "") +
    baselines.map((baseline) => `; ${baseline.name} ${percent(baseline.accuracy)} at ${x(baseline).toPrecision(3)}`)
      .join("");
  const rows = [
    ["trial", "state", "on_front", "accuracy", "accuracy_std", state.x, "architecture", "at_target", "test_accuracy"],
    ...all.map((trial) => [
      trial.number,
      trial.state,
      onFront.has(trial.number),
      trial.accuracy,
      trial.accuracy_std,
      x(trial),
      layoutLabel(trial.stages),
      Boolean(trial.target_training),
      trial.test_accuracy,
    ]),
    ...baselines.map((baseline) => [
      "",
      "baseline",
      false,
      baseline.accuracy,
      baseline.accuracy_std,
      x(baseline),
      baseline.name,
      isApart,
      null,
    ]),
  ];
  return { traces, layout, alt, rows };
}

// Shares of mixers by stage, over thirds of the front from cheap to accurate.
export function mixersFigure({ trials, front }) {
  const members = front.members.map((member) => trials.get(member.trial)).filter(Boolean);
  const names = members.length < 3 ? ["front"] : ["fast", "mid", "best"];
  const start = (part) => Math.floor((part * members.length) / names.length);
  const parts = names.map((name, part) => [name, members.slice(start(part), start(part + 1))]);
  const stageCount = Math.max(0, ...members.map((trial) => trial.stages.length));
  const mixers = [...new Set(members.flatMap((trial) => trial.stages.map((stage) => stage.mixer)))].sort();
  const bars = [];
  for (let stage = 0; stage < stageCount; stage += 1) {
    for (const [name, part] of parts) {
      const stages = part.map((trial) => trial.stages[stage]).filter(Boolean);
      bars.push({
        stage: `stage ${stage + 1}`,
        name,
        share: (mixer) => stages.filter((other) => other.mixer === mixer).length / Math.max(1, stages.length),
      });
    }
  }
  const traces = mixers.map((mixer) => ({
    type: "bar",
    name: mixer,
    x: [bars.map((bar) => bar.stage), bars.map((bar) => bar.name)],
    y: bars.map((bar) => bar.share(mixer)),
    marker: { color: colour(mixer) },
    hovertemplate: `${mixer} %{y:.0%}<extra></extra>`,
  }));
  const layout = {
    barmode: "stack",
    yaxis: { tickformat: ".0%", title: { text: "share of the front" } },
    xaxis: { tickangle: 0, tickfont: { size: 11 } },
  };
  const shares = bars.map((bar) => {
    const present = mixers.filter((mixer) => bar.share(mixer));
    return `${bar.stage} ${bar.name}: ${present.map((mixer) => `${mixer} ${percent(bar.share(mixer), 0)}`).join(", ")}`;
  });
  return {
    traces,
    layout,
    alt: `Mixers by stage along the front. ${shares.join("; ")}`,
    rows: [["stage", "part", ...mixers], ...bars.map((bar) => [bar.stage, bar.name, ...mixers.map(bar.share)])],
  };
}

// The growth of the hypervolume; that of short trainings where others are at the target.
export function historyFigure(moments, by, target) {
  const label = target ? "hypervolume by short trainings" : "hypervolume";
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
      xaxis: { title: { text: by === "hours" ? "hours since the start of the study" : "complete trials" } },
      yaxis: { title: { text: label } },
    },
    alt: last
      ? `${label[0].toUpperCase()}${label.slice(1)} over ${by}: ${
        last.hypervolume.toPrecision(4)
      } after ${last.trials} trials`
      : "No results yet",
    rows: [
      ["trials", "hours", "hypervolume"],
      ...moments.map((moment) => [moment.trials, moment.hours, moment.hypervolume]),
    ],
  };
}

// A training among those of its trial: its seed, or its fidelity where it is longer than the trial.
function curveLabel({ seed, fidelity, is_target: isTarget }) {
  if (!fidelity) return `seed ${seed}`;
  return fidelityLabel(fidelity) + (isTarget ? " (target)" : "");
}

export function curvesFigure(details, measure) {
  const dashes = ["solid", "dot", "dash", "longdash"];
  const palette = [style("--accent"), style("--warn"), "#009e73", "#cc79a7", "#e69f00", "#7f8b97"];
  const lines = details.flatMap(({ trial, curves }, index) =>
    curves.map((curve, seed) => ({
      trial,
      curve,
      color: palette[index % palette.length],
      dash: dashes[seed % dashes.length],
    }))
  );
  const traces = lines.map(({ trial, curve, color, dash }) => ({
    type: "scatter",
    mode: "lines+markers",
    name: `trial ${trial.number}, ${curveLabel(curve)}`,
    x: curve.accuracy.map((_, epoch) => epoch + 1),
    y: curve.accuracy,
    customdata: curve.images.map((images) => images === null ? "" : ` of ${images} images`),
    line: { color, dash },
    hovertemplate: "%{y:.2%}%{customdata} after epoch %{x}<extra>%{fullData.name}</extra>",
  }));
  const ends = lines.map(({ trial, curve }) =>
    `trial ${trial.number}${curve.fidelity ? ` with ${fidelityLabel(curve.fidelity)}` : ""} ` +
    `ends at ${percent(curve.accuracy.at(-1))}`
  );
  // Each epoch has a tick where they are few.
  const ticks = Math.max(...lines.map(({ curve }) => curve.accuracy.length)) > MAX_TICKS ? {} : { dtick: 1 };
  return {
    traces,
    layout: {
      xaxis: { title: { text: "epoch" }, rangemode: "tozero", ...ticks },
      yaxis: { title: { text: `validation ${measure}` }, tickformat: ".0%" },
    },
    alt: lines.length ? `Learning curves: ${ends.join(", ")}` : "No learning curves",
    rows: [
      ["trial", "seed", "epoch", "accuracy", "images", "loss", "train_images", "epochs"],
      ...lines.flatMap(({ trial, curve }) =>
        curve.accuracy.map((accuracy, epoch) => [
          trial.number,
          curve.seed,
          epoch + 1,
          accuracy,
          curve.images[epoch],
          curve.loss[epoch],
          curve.fidelity?.images,
          curve.fidelity?.epochs,
        ])
      ),
    ],
  };
}

// Lets the user drag the line of the limit: it is set upright again, and `onMove` gets its new place.
export function onLimitDragged(place, onMove) {
  let isOurChange = false;
  place.on("plotly_relayout", async (change) => {
    if (isOurChange || !Object.keys(change).some((key) => key.startsWith("shapes[0]."))) return;
    const x = change["shapes[0].x0"] ?? change["shapes[0].x1"] ?? place.layout.shapes[0].x0;
    isOurChange = true;
    await Plotly.relayout(place, { "shapes[0].x0": x, "shapes[0].x1": x, "shapes[0].y0": 0, "shapes[0].y1": 1 });
    isOurChange = false;
    if (typeof x === "number" && x > 0) onMove(x);
  });
}
