// Exchanges a token for a session, then returns to the page that the user asked for, on this site only.

import { call } from "./api.js";

// The page that the user asked for. Another site or an invalid address becomes the first page.
function destination() {
  try {
    const address = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
    return address.origin === location.origin ? address.href : "/";
  } catch {
    return "/";
  }
}

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const message = document.getElementById("error");
  try {
    await call("POST", "/session", { token: document.getElementById("token").value });
    location.assign(destination());
  } catch (error) {
    message.textContent = error.message;
    message.hidden = false;
  }
});
