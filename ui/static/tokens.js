// The API tokens on the settings page: making one, which is shown once, and removing it.
import { post, attempt } from "./server.js";

const show = (answer) => {
  if (!answer) return;
  document.getElementById("tokens").outerHTML = answer.html;
  document.querySelector("#made, #token-label").focus();
};

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("#tokens form");
  if (!form) return;
  event.preventDefault();
  const label = form.elements.label.value;
  show(await attempt(() => post("/pilcrow/tokens/add", { label })));
});

document.addEventListener("click", async (event) => {
  const token = event.target.closest('[data-act="token-remove"]')?.closest("[data-token]");
  if (token) show(await attempt(() => post("/pilcrow/tokens/remove", { id: Number(token.dataset.token) })));
});
