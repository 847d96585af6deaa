// Limiting a question to some documents or collections. A conversation keeps the limit of its last question.
import { get, attempt } from "./server.js";

const byId = (id) => document.getElementById(id);
const composer = byId("composer");
const picker = composer?.querySelector(".scope");
let scope = JSON.parse(composer?.dataset.scope || "[]");

export const chosen = () => scope;

export const limit = (names) => {
  scope = names;
  picker.classList.toggle("limited", scope.length > 0);
  const label = byId("scope-label");
  label.textContent = scope.length === 0 ? label.dataset.all : scope.length === 1 ? scope[0] : label.dataset.some.replace("{count}", scope.length);
};

const load = async (words = "") => {
  const html = await attempt(() => get(`/pilcrow/scope?q=${encodeURIComponent(words)}`));
  if (html === null) return;
  byId("scope-choices").innerHTML = html;
  byId("scope-choices").querySelectorAll("input").forEach((one) => { one.checked = scope.includes(one.value); });
};

if (picker) {
  limit(scope);
  picker.addEventListener("toggle", () => { if (picker.open) load(byId("scope-filter").value); });
  byId("scope-filter").addEventListener("input", (event) => load(event.target.value));
  byId("scope-choices").addEventListener("change", ({ target }) => {
    limit(target.checked ? [...scope, target.value] : scope.filter((name) => name !== target.value));
  });
  byId("scope-all").addEventListener("click", () => { limit([]); picker.open = false; });
  document.addEventListener("click", (event) => { if (!picker.contains(event.target)) picker.open = false; });
}
