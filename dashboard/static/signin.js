// A token for a session; then back to where the user wanted to go, on this site only.

import { call } from "./api.js";

// Where the user wanted to go, on this site: any other place, or what is none, is the first page.
function wanted() {
  try {
    const address = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
    return address.origin === location.origin ? address.href : "/";
  } catch {
    return "/";
  }
}

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const place = document.getElementById("error");
  try {
    await call("POST", "/session", { token: document.getElementById("token").value });
    location.assign(wanted());
  } catch (error) {
    place.textContent = error.message;
    place.hidden = false;
  }
});
