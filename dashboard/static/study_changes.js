// Changes of a study by its owner: note, name, archived or not, removal. The buttons are there for who may change it.

import { call, studyPath } from "./api.js";
import { byId, showError } from "./dom.js";

export function showChanges(summary) {
  for (const id of ["delete", "rename", "archive"]) if (byId(id)) byId(id).hidden = summary.running;
  if (byId("note")) byId("note").hidden = false;
  if (byId("archive")) byId("archive").textContent = summary.archived ? "Bring back from the archive" : "Archive";
}

// `latest` returns the study's summary.
export function offerChanges(path, latest) {
  const actions = {
    note: async () => {
      const note = window.prompt("Note on this study", latest().note);
      if (note !== null) await call("PATCH", path, { note });
    },
    rename: async () => {
      const name = window.prompt("New name of this study", latest().name);
      if (name === null || name === latest().name) return;
      await call("PATCH", path, { name });
      location.assign(studyPath(name));
    },
    archive: () => call("PATCH", path, { archived: !latest().archived }),
    delete: async () => {
      const { name, trials } = latest();
      const count = Object.values(trials).reduce((sum, number) => sum + number, 0);
      if (!window.confirm(`Remove study ${name} with its ${count} trials?`)) return;
      await call("DELETE", path);
      location.assign("/");
    },
  };
  for (const [id, action] of Object.entries(actions)) {
    byId(id)?.addEventListener("click", () => action().catch(showError));
  }
}
