// Keys: ⌘K or Ctrl K searches, ⌘⇧O or Ctrl Shift O begins anew, / goes to the question, ? helps, Escape closes.
import { close } from "./pane.js";
import { unedit } from "./typed.js";

const byId = (id) => document.getElementById(id);
const room = document.querySelector(".room");
const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");

const showRail = (isOpen) => {
  room.classList.toggle("rail-open", isOpen);
  document.querySelectorAll("[data-act=menu][aria-expanded]").forEach((it) => it.setAttribute("aria-expanded", isOpen));
};

const help = () => { showRail(false); byId("help")?.showModal(); };

// Escape closes one thing at a time, the innermost first; a dialog closes by itself.
const escape = () => {
  if (document.querySelector("dialog[open]")) return;
  const menu = document.querySelector("details.menu[open], details.scope[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); return; }
  if (!close() && !unedit()) showRail(false);
};

document.addEventListener("keydown", (event) => {
  const command = event.metaKey || event.ctrlKey;
  const key = event.key.toLowerCase();
  if (command && key === "k") { event.preventDefault(); showRail(true); byId("rail-search")?.focus(); return; }
  if (command && event.shiftKey && key === "o") { event.preventDefault(); location.assign("/"); return; }
  if (key === "escape") { escape(); return; }
  if (isTyping(event.target) || command || event.altKey || document.querySelector("dialog[open]")) return;
  if (key === "/") { event.preventDefault(); byId("question")?.focus(); }
  if (key === "?") help();
});

document.addEventListener("click", (event) => {
  const it = event.target.closest("[data-act]");
  if (it?.dataset.act === "help") help();
  if (it?.dataset.act === "close") it.closest("dialog")?.close();
  if (it?.dataset.act === "menu") showRail(!room.classList.contains("rail-open"));
});
