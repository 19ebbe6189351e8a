// All trials as a table, sorted by a column, filtered by words, in pages.

import { studyPath } from "./api.js";
import { count, element, ms, percent } from "./dom.js";
import { layoutLabel, strip } from "./strip.js";

const PAGE_SIZE = 50;

// The state of a trial, and whether it is on no front for its accuracy.
export function stateLabel(trial) {
  return trial.below_min_accuracy ? `${trial.state}, below --min-accuracy` : trial.state;
}

const COLUMNS = [
  ["trial", (trial) => trial.number],
  ["architecture", (trial) => layoutLabel(trial.stages)],
  ["state", stateLabel],
  ["accuracy", (trial) => trial.accuracy],
  ["std", (trial) => trial.accuracy_std],
  ["seeds", (trial) => trial.seeds],
  ["test", (trial) => trial.test_accuracy],
  ["latency", (trial) => trial.latency_ms],
  ["parameters", (trial) => trial.figures.parameters ?? null],
  ["epochs", (trial) => trial.epochs],
  ["failure", (trial) => trial.failure?.cause ?? ""],
];
const ACCURACY = COLUMNS.findIndex(([title]) => title === "accuracy");
const TEXT = new Set(["architecture", "state", "failure"]);

export class TrialsTable {
  // `onChange` is called when the state changes, `onToggle` with the number of a trial to select or deselect.
  constructor(place, name, state, { onChange, onToggle }) {
    Object.assign(this, { place, name, state, onChange, onToggle, page: 0, trials: [] });
    this.filter = element("input", {
      type: "search",
      value: state.filter,
      id: "filter",
      oninput: () => this.set({ filter: this.filter.value }),
    });
    this.body = element("tbody");
    this.heads = COLUMNS.map(([title]) =>
      element(
        "th",
        { scope: "col", class: TEXT.has(title) ? null : "number" },
        element("button", { type: "button", onclick: () => this.sort(title) }, title),
      )
    );
    this.summary = element("span", { class: "muted", "aria-live": "polite" });
    this.previous = element("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
    this.next = element("button", { type: "button", onclick: () => this.turn(1) }, "Next");
    place.replaceChildren(
      element(
        "div",
        { class: "tools" },
        element("label", { for: "filter" }, "Filter"),
        this.filter,
        element("span", { class: "muted" }, "by number, mixer, state or failure; a trial must match every word"),
      ),
      element(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "all trials" },
        element(
          "table",
          {},
          element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "select"), ...this.heads)),
          this.body,
        ),
      ),
      element("div", { class: "tools" }, this.previous, this.next, this.summary),
    );
  }

  set(changes) {
    Object.assign(this.state, changes);
    this.page = 0;
    this.onChange();
    this.draw();
  }

  sort(title) {
    const isDescending = this.state.sort === title ? !this.state.falls : !TEXT.has(title);
    this.set({ sort: title, falls: Number(isDescending) });
  }

  turn(pages) {
    this.page += pages;
    this.draw();
  }

  // `measure` is the label of the column of accuracies.
  show(trials, measure) {
    this.trials = [...trials.values()];
    this.heads[ACCURACY].firstChild.textContent = measure;
    this.draw();
  }

  matches() {
    const words = this.state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const searchText = (trial) =>
      `${trial.number} ${trial.word} ${layoutLabel(trial.stages)} ${stateLabel(trial)} ${trial.failure?.cause ?? ""}`
        .toLowerCase();
    const trials = words.length
      ? this.trials.filter((trial) => words.every((word) => searchText(trial).includes(word)))
      : [...this.trials];
    const [, value] = COLUMNS.find(([title]) => title === this.state.sort) ?? COLUMNS[0];
    const sign = this.state.falls ? -1 : 1;
    // Trials without a value come last in either order.
    return trials.sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (typeof a === "number" ? a - b : a.localeCompare(b)) || one.number - other.number;
    });
  }

  draw() {
    const matches = this.matches();
    const pages = Math.max(1, Math.ceil(matches.length / PAGE_SIZE));
    this.page = Math.min(Math.max(0, this.page), pages - 1);
    const shown = matches.slice(this.page * PAGE_SIZE, (this.page + 1) * PAGE_SIZE);
    this.heads.forEach((head, column) => {
      const sorted = COLUMNS[column][0] === this.state.sort;
      head.setAttribute("aria-sort", sorted ? (this.state.falls ? "descending" : "ascending") : "none");
    });
    const focused = document.activeElement?.getAttribute("aria-label");
    this.body.replaceChildren(...shown.map((trial) => this.row(trial)));
    if (focused?.startsWith("select trial")) this.body.querySelector(`[aria-label="${focused}"]`)?.focus();
    this.summary.textContent = `${matches.length} of ${this.trials.length} trials, page ${this.page + 1} of ${pages}`;
    this.previous.disabled = this.page === 0;
    this.next.disabled = this.page === pages - 1;
  }

  row(trial) {
    const isSelected = this.state.trials.includes(trial.number);
    const number = (text) => element("td", { class: "number" }, text);
    return element(
      "tr",
      { class: isSelected ? "on" : null },
      element(
        "td",
        {},
        element("input", {
          type: "checkbox",
          checked: isSelected,
          "aria-label": `select trial ${trial.number}`,
          onchange: () => this.onToggle(trial.number),
        }),
      ),
      number(element("a", { href: `${studyPath(this.name)}/trials/${trial.number}` }, String(trial.number))),
      element("td", {}, strip(trial.stages)),
      element("td", {}, stateLabel(trial)),
      number(percent(trial.accuracy)),
      number(percent(trial.accuracy_std)),
      number(trial.target_training ? "target" : String(trial.seeds)),
      number(percent(trial.test_accuracy)),
      number(ms(trial.latency_ms)),
      number(count(trial.figures.parameters)),
      number(String(trial.epochs)),
      element("td", { title: trial.failure?.message ?? null }, trial.failure?.cause ?? ""),
    );
  }
}
