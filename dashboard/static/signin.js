// A token for a session; then back to where the user wanted to go, on this site only.

import { call } from "./api.js";

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const place = document.getElementById("error");
  try {
    await call("POST", "/session", { token: document.getElementById("token").value });
    const wanted = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
    location.assign(wanted.origin === location.origin ? wanted.pathname + wanted.search : "/");
  } catch (error) {
    place.textContent = error.message;
    place.hidden = false;
  }
});
