// Exchanges a token for a session, then returns to the page that the user asked for, on this site only. Ends sessions.

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

const message = document.getElementById("error");

function show(text) {
  message.textContent = text;
  message.hidden = false;
}

document.getElementById("signout").addEventListener("click", async () => {
  try {
    await call("DELETE", "/session");
    show("Signed out.");
  } catch (error) {
    show(error.message);
  }
});

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await call("POST", "/session", { token: document.getElementById("token").value });
    location.assign(destination());
  } catch (error) {
    show(error.message);
  }
});
