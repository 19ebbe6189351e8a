// The page of a study: it fetches all trials once, then what changes. Its address holds what is shown.

import { call, follow, get, studyPath } from "./api.js";
import { read, write } from "./address.js";
import { age, byId, count, duration, element, facts, ms, pageData, percent, run, showError, table } from "./dom.js";
import { showFidelities } from "./fidelity.js";
import { draw } from "./figures.js";
import {
  baselineCard,
  cost,
  curvesFigure,
  fidelityLabel,
  frontFigure,
  historyFigure,
  mixersFigure,
  onLimitDragged,
  pick,
  resultLine,
} from "./front.js";
import { parallelFigure } from "./parallel.js";
import { strip, swatch } from "./strip.js";
import { offerChanges, showChanges } from "./study_changes.js";
import { stateLabel, TrialsTable } from "./trials_table.js";

const DEFAULTS = {
  trials: [],
  limit: null,
  x: "latency_ms",
  scale: "log",
  over: "trials",
  sort: "trial",
  // 1 for descending order.
  falls: 1,
  filter: "",
};
const MAX_SELECTED = 6;

const testLabel = ({ test_accuracy: tested }) => tested === null ? "" : ` (test part ${percent(tested)})`;

class StudyPage {
  constructor(name) {
    this.name = name;
    this.path = studyPath(name);
    this.state = read({ ...DEFAULTS, limit: pageData("limit") });
    if (!(this.state.limit > 0)) this.state.limit = null;
    this.trials = new Map();
    this.details = new Map();
    this.front = { members: [], fallen: [], objectives: [], measure: "accuracy", baselines: [], conclusion: [] };
    this.moments = [];
    this.focusedMember = -1;
    this.table = new TrialsTable(byId("trials"), name, this.state, {
      onChange: () => this.saveState(),
      onToggle: (number) => this.toggle(number),
    });
  }

  async start() {
    await this.fetch();
    this.listen();
    follow(
      `${this.path}/events`,
      "study",
      (summary) => this.update(summary).catch(showError),
      (reason) => showError(new Error(reason)),
    );
  }

  async fetch() {
    const after = this.revision ? `?after=${this.revision}` : "";
    const [changes, front, history, fidelity] = await Promise.all([
      get(`${this.path}/trials${after}`),
      get(`${this.path}/front`),
      get(`${this.path}/history`),
      get(`${this.path}/fidelity`),
    ]);
    if (changes.complete) this.trials.clear();
    for (const trial of changes.trials) {
      this.trials.set(trial.number, trial);
      this.details.delete(trial.number);
    }
    this.revision = changes.revision;
    this.front = front;
    this.moments = history.moments;
    showFidelities(byId("fidelity"), fidelity);
    this.updateAxes();
    await this.draw();
  }

  async update(summary) {
    this.summary = summary;
    byId("facts").replaceChildren(...facts([
      ["state", summary.running ? "running" : summary.archived ? "archived" : "idle"],
      ["trials", summary.budget ? `${summary.done} of ${summary.budget}` : count(summary.done)],
      ["time left", duration(summary.left_s)],
      ["trials per hour", count(Math.round(summary.trials_per_hour))],
      [`best ${this.front.measure}`, percent(summary.best_accuracy)],
      ["front", count(summary.front_size)],
      ["hypervolume", summary.hypervolume.toPrecision(4)],
      ["space", summary.space],
      ["data set", summary.dataset],
      ["target", summary.target],
      ...(summary.target_training ? [["trained at", fidelityLabel(summary.target_training)]] : []),
      ["limit", ms(summary.max_latency_ms)],
      [`least ${this.front.measure}`, percent(summary.min_accuracy)],
      ["age", age(summary.created_at)],
      ...(summary.note ? [["note", summary.note]] : []),
    ]));
    const stop = byId("stop");
    if (stop) stop.hidden = !summary.running;
    showChanges(summary);
    const causes = Object.entries(summary.failures);
    byId("failures").replaceChildren(
      causes.length
        ? table([["cause", false], ["trials", true]], causes.map(([cause, number]) => [cause, count(number)]))
        : element("p", { class: "muted" }, "None."),
    );
    if (summary.last_error) {
      byId("failures").append(
        element("p", { class: "muted" }, `Last failure: ${summary.last_error.cause}: ${summary.last_error.message}`),
      );
    }
    if (summary.revision !== this.revision) await this.fetch();
  }

  updateAxes() {
    const names = new Set(["latency_ms", ...[...this.trials.values()].flatMap((trial) => Object.keys(trial.figures))]);
    names.delete("accuracy");
    const select = byId("x");
    if (select.options.length !== names.size) {
      select.replaceChildren(...[...names].map((name) => element("option", { value: name }, name)));
    }
    if (!names.has(this.state.x)) this.state.x = DEFAULTS.x;
    select.value = this.state.x;
  }

  async draw() {
    this.table.show(this.trials, this.front.measure);
    await draw(byId("front"), `${this.name} front`, () => frontFigure(this));
    byId("conclusion").replaceChildren(...this.front.conclusion.map((line) => element("p", {}, line)));
    this.showLimit();
    await draw(byId("mixers"), `${this.name} mixers`, () => mixersFigure(this));
    await draw(
      byId("history"),
      `${this.name} hypervolume`,
      () => historyFigure(this.moments, this.state.over, this.front.target_training),
    );
    await draw(byId("parallel"), `${this.name} parallel coordinates`, () => parallelFigure(this));
    const mixers = new Set([...this.trials.values()].flatMap((trial) => trial.stages.map((stage) => stage.mixer)));
    byId("legend").replaceChildren(...[...mixers].sort().map((mixer) => element("li", {}, swatch(mixer), mixer)));
    await this.drawSelected();
  }

  async drawSelected() {
    const selected = this.state.trials.filter((number) => this.trials.has(number));
    byId("selected").replaceChildren(...selected.map((number) => this.card(this.trials.get(number))));
    byId("unselected").hidden = selected.length > 0;
    const compare = byId("compare");
    compare.hidden = selected.length < 2 || selected.length > 3;
    compare.href = `${this.path}/compare?${selected.map((number) => `trial=${number}`).join("&")}`;
    // The cards are shown at once; learning curves are fetched.
    const missing = selected.filter((number) => !this.details.has(number));
    await Promise.all(
      missing.map(async (number) => this.details.set(number, await get(`${this.path}/trials/${number}`))),
    );
    byId("curves").hidden = selected.length === 0;
    const details = selected.map((number) => this.details.get(number)).filter(Boolean);
    if (selected.length) {
      await draw(byId("curves"), `${this.name} learning curves`, () => curvesFigure(details, this.front.measure));
    }
  }

  card(trial) {
    return element(
      "div",
      { class: "card" },
      element(
        "strong",
        {},
        element("a", { href: `${this.path}/trials/${trial.number}` }, `trial ${trial.number}`),
        ` ${stateLabel(trial)}`,
      ),
      strip(trial.stages, 240, 44),
      element("div", {}, resultLine(trial, trial.figures.parameters, this.front.measure)),
      trial.failure ? element("div", { class: "error" }, trial.failure.cause) : null,
    );
  }

  // A trial by its number, or a baseline by its name.
  showPointed(number) {
    const baseline = this.front.baselines.find((candidate) => candidate.name === number);
    if (baseline) byId("pointed").replaceChildren(baselineCard(baseline, this.front.measure));
    const trial = this.trials.get(number);
    if (trial) byId("pointed").replaceChildren(this.card(trial));
  }

  showLimit() {
    const { limit } = this.state;
    const latencies = this.front.members.map((member) => member.latency_ms);
    const range = byId("limit-range");
    if (latencies.length) {
      // Logarithmic, as the axis is.
      [range.min, range.max, range.step] = [
        Math.log(Math.min(...latencies) * 1.001),
        Math.log(Math.max(...latencies) * 1.05),
        0.005,
      ];
      range.value = limit === null ? range.max : Math.log(limit);
    }
    if (document.activeElement !== byId("limit")) {
      byId("limit").value = limit === null ? "" : Number(limit.toPrecision(4));
    }
    const best = pick(this.front.members, limit);
    const command = best &&
      `nas export --study '${this.name.replaceAll("'", "'\\''")}' --pick trial:${best.trial} --output model.yaml`;
    byId("pick").replaceChildren(
      ...(best
        ? [
          element(
            "p",
            {},
            element("strong", {}, limit === null ? `Best ${this.front.measure}: ` : "Within the limit: "),
            element("a", { href: `${this.path}/trials/${best.trial}`, id: "picked" }, `trial ${best.trial}`),
            `, ${percent(best.accuracy)}${testLabel(best)}, ${ms(best.latency_ms)}`,
          ),
          strip(best.stages, 240, 44),
          element("pre", { tabindex: "0", role: "region", "aria-label": "export command" }, command),
        ]
        : [
          element(
            "p",
            { class: "muted" },
            this.front.members.length ? "No trial on the front is within the limit." : "No results yet.",
          ),
        ]),
    );
  }

  setLimit(limit) {
    this.state.limit = limit;
    this.saveState();
    this.showLimit();
    return draw(byId("front"), `${this.name} front`, () => frontFigure(this));
  }

  async toggle(number) {
    const { trials } = this.state;
    this.state.trials = trials.includes(number)
      ? trials.filter((other) => other !== number)
      : [...trials, number].slice(-MAX_SELECTED);
    this.saveState();
    this.table.draw();
    await draw(byId("front"), `${this.name} front`, () => frontFigure(this));
    await draw(byId("parallel"), `${this.name} parallel coordinates`, () => parallelFigure(this));
    await this.drawSelected();
  }

  saveState() {
    write(this.state, DEFAULTS);
  }

  listen() {
    const place = byId("front");
    place.on("plotly_hover", ({ points }) => this.showPointed(points[0].customdata));
    place.on(
      "plotly_click",
      ({ points }) => this.trials.has(points[0].customdata) && this.toggle(points[0].customdata).catch(showError),
    );
    onLimitDragged(place, (limit) => this.setLimit(Number(limit.toPrecision(4))));
    place.addEventListener("keydown", (event) => this.handleKey(event));
    byId("limit").addEventListener(
      "change",
      (event) => this.setLimit(Number(event.target.value) > 0 ? Number(event.target.value) : null),
    );
    byId("limit-range").addEventListener(
      "input",
      (event) => this.setLimit(Number(Math.exp(event.target.value).toPrecision(4))),
    );
    byId("no-limit").addEventListener("click", () => this.setLimit(null));
    for (const name of ["x", "scale", "over"]) {
      byId(name).value = this.state[name];
      byId(name).addEventListener("change", (event) => {
        this.state[name] = event.target.value;
        this.saveState();
        this.draw().catch(showError);
      });
    }
    byId("stop")?.addEventListener("click", () => call("POST", `${this.path}/stop`).catch(showError));
    offerChanges(this.path, () => this.summary);
  }

  // Arrow keys move along the front; Enter selects.
  handleKey(event) {
    const x = (trial) => cost(trial, this.state.x);
    const members = this.front.members.map((member) => this.trials.get(member.trial));
    const drawn = members.filter((trial) => trial && x(trial) !== null).sort((one, other) => x(one) - x(other));
    if (!drawn.length) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) this.focusedMember = Math.min(drawn.length - 1, Math.max(0, this.focusedMember + step));
    else if (event.key === "Enter" && this.focusedMember >= 0) {
      this.toggle(drawn[this.focusedMember].number).catch(showError);
    } else return;
    event.preventDefault();
    this.showPointed(drawn[this.focusedMember].number);
  }
}

run(() => new StudyPage(pageData("name")).start());
