// The options of a search as a form, generated from the service's schema. After the start it waits for the study.

import { call, get, studyPath } from "./api.js";
import { byId, element, run } from "./dom.js";

const FIRST = ["space", "dataset", "data_dir", "budget", "max_latency", "min_accuracy", "target", "study", "workers"];
const SUGGESTIONS = { space: "spaces", dataset: "datasets", sampler: "samplers", target: "targets", data_dir: "roots" };
const POLL_MS = 700;

// Commands in help texts stand between backticks.
function formatHelp(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function field(name, schema, choices) {
  const kinds = (schema.anyOf ?? [schema]).filter((option) => option.type !== "null");
  const kind = kinds[0].type;
  const id = `option-${name}`;
  const list = choices[SUGGESTIONS[name]] ?? [];
  const input = schema.enum
    ? element("select", { id, name, "aria-describedby": `${id}-help` }, ...schema.enum.map(choice))
    : element("input", {
      id,
      name,
      "data-kind": kind,
      type: kind === "boolean" ? "checkbox" : "text",
      inputmode: kind === "integer" || kind === "number" ? "decimal" : null,
      list: list.length ? `${id}-choices` : null,
      "aria-describedby": `${id}-help`,
      autocomplete: "off",
    });
  return element(
    "div",
    {},
    element("label", { for: id }, name.replaceAll("_", " "), kind === "array" ? " (separated by spaces)" : ""),
    input,
    element("datalist", { id: `${id}-choices` }, ...list.map((value) => element("option", { value }))),
    element("div", { id: `${id}-help`, class: "muted" }, ...formatHelp(schema.description ?? "")),
  );
}

// One of the three values of a flag that is left to the data by default.
function choice(value) {
  return element("option", { value: String(value ?? "") }, value === null ? "default" : value ? "yes" : "no");
}

function value(input) {
  if (input.tagName === "SELECT") return input.value === "" ? undefined : input.value === "true";
  if (input.type === "checkbox") return input.checked || undefined;
  const text = input.value.trim();
  if (text === "") return undefined;
  if (input.dataset.kind === "array") return text.split(/\s+/);
  if (input.dataset.kind === "integer" || input.dataset.kind === "number") {
    return Number.isNaN(Number(text)) ? text : Number(text);
  }
  return text;
}

async function start(event) {
  event.preventDefault();
  const button = byId("start");
  const message = byId("status");
  button.disabled = true;
  try {
    const inputs = [...document.querySelectorAll("form input, form select")];
    const options = Object.fromEntries(
      inputs.map((input) => [input.name, value(input)]).filter(([, option]) => option !== undefined),
    );
    let search = await call("POST", "/searches", options);
    while (search.study === null && search.state === "starting") {
      message.textContent = "Starting…";
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      search = await get(`/searches/${search.id}`);
    }
    if (search.study === null) throw new Error(search.error ?? "the search was stopped");
    location.assign(studyPath(search.study));
  } catch (error) {
    message.textContent = error.message;
    button.disabled = false;
  }
}

// Without the right to write there is no form.
if (byId("first")) {
  run(async () => {
    const [openapi, choices] = await Promise.all([get("/openapi.json"), get("/choices")]);
    const fields = openapi.components.schemas.SearchOptions.properties;
    byId("first").append(...FIRST.filter((name) => name in fields).map((name) => field(name, fields[name], choices)));
    const others = Object.keys(fields).filter((name) => !FIRST.includes(name));
    byId("others").append(...others.map((name) => field(name, fields[name], choices)));
    document.querySelector("form").addEventListener("submit", start);
    byId("start").disabled = false;
  });
}
