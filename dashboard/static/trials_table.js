// All trials as a table: sorted by a column, filtered by words, a page at a time.

import { studyPath } from "./api.js";
import { count, element, ms, percent } from "./dom.js";
import { described, strip } from "./strip.js";

const PAGE = 50;
const COLUMNS = [
  ["trial", (trial) => trial.number],
  ["architecture", (trial) => described(trial.stages)],
  ["state", (trial) => trial.state],
  ["accuracy", (trial) => trial.accuracy],
  ["std", (trial) => trial.accuracy_std],
  ["seeds", (trial) => trial.seeds],
  ["latency", (trial) => trial.latency_ms],
  ["parameters", (trial) => trial.figures.parameters ?? null],
  ["epochs", (trial) => trial.epochs],
  ["failure", (trial) => trial.failure?.cause ?? ""],
];
const TEXT = new Set(["architecture", "state", "failure"]);

export class TrialsTable {
  // `toggled` is told the number of a trial that the user selects or no longer does.
  constructor(place, name, state, { changed, toggled }) {
    Object.assign(this, { place, name, state, changed, toggled, page: 0, trials: [] });
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
    this.said = element("span", { class: "muted", "aria-live": "polite" });
    this.back = element("button", { type: "button", onclick: () => this.turn(-1) }, "Earlier");
    this.on = element("button", { type: "button", onclick: () => this.turn(1) }, "Further");
    place.replaceChildren(
      element(
        "div",
        { class: "tools" },
        element("label", { for: "filter" }, "Words to find"),
        this.filter,
        element("span", { class: "muted" }, "a number, a mixer, a state, a failure; all of the words"),
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
      element("div", { class: "tools" }, this.back, this.on, this.said),
    );
  }

  set(changes) {
    Object.assign(this.state, changes);
    this.page = 0;
    this.changed();
    this.draw();
  }

  sort(title) {
    const falls = this.state.sort === title ? !this.state.falls : TEXT.has(title) ? 0 : 1;
    this.set({ sort: title, falls: Number(falls) });
  }

  turn(pages) {
    this.page += pages;
    this.draw();
  }

  show(trials) {
    this.trials = [...trials.values()];
    this.draw();
  }

  found() {
    const words = this.state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (trial) =>
      `${trial.number} ${trial.word} ${described(trial.stages)} ${trial.state} ${trial.failure?.cause ?? ""}`
        .toLowerCase();
    const found = words.length
      ? this.trials.filter((trial) => words.every((word) => text(trial).includes(word)))
      : [...this.trials];
    const [, of] = COLUMNS.find(([title]) => title === this.state.sort) ?? COLUMNS[0];
    const sign = this.state.falls ? -1 : 1;
    // What has no figure comes last, whichever way.
    return found.sort((one, other) => {
      const [a, b] = [of(one), of(other)];
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (typeof a === "number" ? a - b : a.localeCompare(b)) || one.number - other.number;
    });
  }

  draw() {
    const found = this.found();
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    this.page = Math.min(Math.max(0, this.page), pages - 1);
    const shown = found.slice(this.page * PAGE, (this.page + 1) * PAGE);
    this.heads.forEach((head, at) => {
      const sorted = COLUMNS[at][0] === this.state.sort;
      head.setAttribute("aria-sort", sorted ? (this.state.falls ? "descending" : "ascending") : "none");
    });
    const focused = document.activeElement?.getAttribute("aria-label");
    this.body.replaceChildren(...shown.map((trial) => this.row(trial)));
    if (focused?.startsWith("select trial")) this.body.querySelector(`[aria-label="${focused}"]`)?.focus();
    this.said.textContent = `${found.length} of ${this.trials.length} trials, page ${this.page + 1} of ${pages}`;
    this.back.disabled = this.page === 0;
    this.on.disabled = this.page === pages - 1;
  }

  row(trial) {
    const chosen = this.state.trials.includes(trial.number);
    const number = (text) => element("td", { class: "number" }, text);
    return element(
      "tr",
      { class: chosen ? "on" : null },
      element(
        "td",
        {},
        element("input", {
          type: "checkbox",
          checked: chosen,
          "aria-label": `select trial ${trial.number}`,
          onchange: () => this.toggled(trial.number),
        }),
      ),
      number(element("a", { href: `${studyPath(this.name)}/trials/${trial.number}` }, String(trial.number))),
      element("td", {}, strip(trial.stages)),
      element("td", {}, trial.state),
      number(percent(trial.accuracy)),
      number(percent(trial.accuracy_std)),
      number(String(trial.seeds)),
      number(ms(trial.latency_ms)),
      number(count(trial.figures.parameters)),
      number(String(trial.epochs)),
      element("td", { title: trial.failure?.message ?? null }, trial.failure?.cause ?? ""),
    );
  }
}
