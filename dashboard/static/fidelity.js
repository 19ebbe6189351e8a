// The panel of a study's ladder: how well each rung of shorter trainings ranks those at the target.

import { count, element, percent, table } from "./dom.js";

const KINDS = ["local", "global"];
const HEADINGS = ["images", "epochs", "trained", "seconds", "at target too", "tau", "90% interval"];

// Shows `conclusion` and `rungs` in `panel`; hides it where the study has no ladder.
export function showFidelities(panel, { conclusion, rungs }) {
  panel.hidden = rungs.length === 0;
  const decimals = (number) => number === null ? "–" : number.toFixed(2);
  const gain = (number) => number === undefined ? "–" : `${number < 0 ? "" : "+"}${percent(number)}`;
  panel.querySelector(".lines").replaceChildren(...conclusion.map((line) => element("p", {}, line)));
  panel.querySelector(".rungs").replaceChildren(table(
    [...HEADINGS, ...KINDS.map((kind) => `gain, ${kind} mixing`)].map((heading) => [heading, true]),
    rungs.map((rung) => [
      count(rung.images),
      count(rung.epochs),
      count(rung.trained),
      rung.train_s === null ? "–" : rung.train_s.toPrecision(3),
      count(rung.compared),
      decimals(rung.tau),
      rung.tau_interval === null ? "–" : rung.tau_interval.map(decimals).join(" to "),
      ...KINDS.map((kind) => gain(rung.gain[kind])),
    ]),
  ));
}
