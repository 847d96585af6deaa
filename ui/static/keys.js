// Keys: ⌘K or Ctrl K searches, ⌘⇧O or Ctrl Shift O begins anew, / goes to the question, ? helps, Escape closes.
import { close } from "./pane.js";

const byId = (id) => document.getElementById(id);
const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");
const openRail = () => document.querySelector(".room").classList.add("rail-open");

document.addEventListener("keydown", (event) => {
  const command = event.metaKey || event.ctrlKey;
  if (command && event.key.toLowerCase() === "k") { event.preventDefault(); openRail(); byId("rail-search")?.focus(); return; }
  if (command && event.shiftKey && event.key.toLowerCase() === "o") { event.preventDefault(); location.assign("/"); return; }
  if (event.key === "Escape" && close()) return;
  if (event.key === "Escape") document.querySelector(".room").classList.remove("rail-open");
  if (isTyping(event.target) || command || event.altKey) return;
  if (event.key === "/") { event.preventDefault(); byId("question")?.focus(); }
  if (event.key === "?") byId("help")?.showModal();
});

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "help") byId("help")?.showModal();
  if (act === "menu") document.querySelector(".room").classList.toggle("rail-open");
});
