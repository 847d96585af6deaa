// The source pane: a citation opens it, Escape closes it, and the reader goes on where they were.
import { get, attempt } from "./server.js";

const pane = document.getElementById("pane");
const room = document.querySelector(".room");
let opener = null;

const open = async (link) => {
  if (!pane.contains(link)) opener = link;
  const html = await attempt(() => get(link.getAttribute("href")));
  if (html === null) return;
  pane.innerHTML = html;
  pane.hidden = false;
  room.classList.add("reading-source");
  document.querySelectorAll("[aria-current=true].mark").forEach((mark) => mark.removeAttribute("aria-current"));
  const shown = document.querySelector(`#main a.mark[href="${CSS.escape(link.getAttribute("href"))}"]`);
  shown?.setAttribute("aria-current", "true");
  const cited = pane.querySelector(".cited") || pane.querySelector("button, a");
  cited?.focus({ preventScroll: true });
  cited?.scrollIntoView({ block: "center" });
};

export const close = () => {
  if (pane.hidden) return false;
  pane.hidden = true;
  room.classList.remove("reading-source");
  if (opener?.isConnected) opener.focus();
  return true;
};

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest('a[href*="/source?"]');
  if (link) { event.preventDefault(); open(link); return; }
  if (event.target.closest('#pane [data-act="close"]')) close();
  const image = event.target.closest("#pane figure img");
  if (image) {
    const dialog = document.createElement("dialog");
    dialog.className = "enlarged";
    dialog.append(image.cloneNode());
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
});

// Drag the pane's edge to make it wider; the width is kept.
const width = localStorage.getItem("pane");
const setWidth = (pixels) => document.documentElement.style.setProperty("--pane", `${pixels}px`);
if (width) setWidth(Number(width));

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest(".grip");
  if (!grip) return;
  grip.setPointerCapture(event.pointerId);
  const move = ({ clientX }) => {
    const pixels = Math.min(Math.max(innerWidth - clientX, 320), innerWidth * 0.6);
    setWidth(pixels);
    localStorage.setItem("pane", String(Math.round(pixels)));
  };
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", () => grip.removeEventListener("pointermove", move), { once: true });
});

// Pointing at a number tints its sentence and its source, and the other way round.
const light = (event, on) => {
  const it = event.target.closest?.("[data-n]");
  if (!it) return;
  const numbers = it.dataset.n.split(" ");
  it.closest(".turn")?.querySelectorAll("[data-n]").forEach((other) => {
    if (other.dataset.n.split(" ").some((number) => numbers.includes(number))) other.classList.toggle("lit", on);
  });
};
document.addEventListener("pointerover", (event) => light(event, true));
document.addEventListener("pointerout", (event) => light(event, false));
document.addEventListener("focusin", (event) => light(event, true));
document.addEventListener("focusout", (event) => light(event, false));
