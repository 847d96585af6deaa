// The source pane: a citation opens it, Escape closes it, and the reader goes on where they were.
import { get, attempt } from "./server.js";

const pane = document.getElementById("pane");
const room = document.querySelector(".room");
let opener = null;

const open = async (link) => {
  if (!pane.contains(link)) opener = link;
  const html = await attempt(() => get(link.getAttribute("href")), () => open(link));
  if (html === null) return;
  pane.innerHTML = html;
  pane.hidden = false;
  tellWidth();
  room.classList.add("reading-source");
  document.querySelectorAll("[aria-current=true].mark").forEach((mark) => mark.removeAttribute("aria-current"));
  const shown = document.querySelector(`#main a.mark[href="${CSS.escape(link.getAttribute("href"))}"]`);
  shown?.setAttribute("aria-current", "true");
  const cited = pane.querySelector(".cited") || pane.querySelector("button, a");
  cited?.focus({ preventScroll: true });
  const picture = pane.querySelector("figure");  // of a PDF's page, with the quote boxed
  if (picture) pane.scrollTop = 0; else cited?.scrollIntoView({ block: "center" });
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
  const image = event.target.closest('[data-act="enlarge"]')?.querySelector("img");
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

// Drag the pane's edge, or move it with the arrow keys; the width is kept.
const NARROWEST = 320;
const STEP = 32;
const widest = () => Math.max(Math.round(innerWidth / 2), NARROWEST);

const tellWidth = () => {
  const grip = pane.querySelector(".grip");
  const now = Math.round(pane.getBoundingClientRect().width);
  const values = { valuenow: now, valuemin: NARROWEST, valuemax: widest() };
  Object.entries(values).forEach(([name, value]) => grip?.setAttribute(`aria-${name}`, value));
};

const setWidth = (pixels) => {
  const width = Math.round(Math.min(Math.max(pixels, NARROWEST), widest()));
  document.documentElement.style.setProperty("--pane", `${width}px`);
  localStorage.setItem("pane", String(width));
  tellWidth();
};
const kept = localStorage.getItem("pane");
if (kept) document.documentElement.style.setProperty("--pane", `${Number(kept)}px`);

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest(".grip");
  if (!grip) return;
  grip.setPointerCapture(event.pointerId);
  const move = ({ clientX }) => setWidth(innerWidth - clientX);
  grip.addEventListener("pointermove", move);
  grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", move), { once: true });
});

document.addEventListener("keydown", (event) => {
  const wider = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
  if (!wider || !event.target.matches(".grip")) return;
  event.preventDefault();
  setWidth(pane.getBoundingClientRect().width + wider);
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
