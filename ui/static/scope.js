// Limiting a question to some documents or collections. The limit belongs to one conversation.
import { get, attempt } from "./server.js";

const byId = (id) => document.getElementById(id);
const composer = byId("composer");
const picker = composer?.querySelector(".scope");
const key = () => `scope:${composer.dataset.conversation}`;
let scope = [];

export const chosen = () => scope;

const show = () => {
  picker.classList.toggle("limited", scope.length > 0);
  const label = byId("scope-label");
  label.textContent = scope.length === 0 ? label.dataset.all : scope.length === 1 ? scope[0] : label.dataset.some.replace("{count}", scope.length);
};

const set = (names) => {
  scope = names;
  sessionStorage.setItem(key(), JSON.stringify(scope));
  show();
};

// Take up the limit of this conversation: of this tab, or else of its last question.
export const restore = () => {
  const kept = sessionStorage.getItem(key());
  scope = JSON.parse(kept || composer.dataset.scope || "[]");
  show();
};

const load = async (words = "") => {
  const html = await attempt(() => get(`/pilcrow/scope?q=${encodeURIComponent(words)}`));
  if (html === null) return;
  byId("scope-choices").innerHTML = html;
  byId("scope-choices").querySelectorAll("input").forEach((one) => { one.checked = scope.includes(one.value); });
};

if (picker) {
  picker.addEventListener("toggle", () => { if (picker.open) load(); });
  byId("scope-filter")?.addEventListener("input", (event) => load(event.target.value));
  byId("scope-choices").addEventListener("change", ({ target }) => {
    set(target.checked ? [...scope, target.value] : scope.filter((name) => name !== target.value));
  });
  byId("scope-all")?.addEventListener("click", () => { set([]); load(); picker.open = false; });
  document.addEventListener("click", (event) => { if (!picker.contains(event.target)) picker.open = false; });
}
