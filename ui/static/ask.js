// Asking: the composer, the question being answered, and what becomes of it.
import { post, attempt } from "./server.js";
import { toast } from "./toast.js";
import { chosen, restore } from "./scope.js";
import { forget } from "./typed.js";

const byId = (id) => document.getElementById(id);
const composer = byId("composer");
const talk = () => byId("talk");
const words = document.body.dataset;

const setRunning = (isRunning) => {
  composer.classList.toggle("answering", isRunning);
  byId("ask").hidden = isRunning;
  byId("stop").hidden = !isRunning;
};

const replaceRunning = (html) => {
  const running = byId("running");
  if (running) running.outerHTML = html; else talk().insertAdjacentHTML("beforeend", html);
};

const isNearEnd = () => document.documentElement.scrollHeight - scrollY - innerHeight < 160;

const grow = (html) => {
  const follow = isNearEnd();
  replaceRunning(html);
  if (follow) byId("running")?.scrollIntoView({ block: "end" });
};

// Follow the question being answered; if the server is gone, say so and try again.
const follow = () => {
  setRunning(true);
  const { conversation, number } = byId("running").dataset;
  const events = new EventSource(`/pilcrow/events?${new URLSearchParams({ conversation, number })}`);
  const over = (html) => { events.close(); replaceRunning(html); setRunning(false); };
  events.addEventListener("draft", (event) => { byId("gone").hidden = true; grow(JSON.parse(event.data).html); });
  events.addEventListener("failed", (event) => over(JSON.parse(event.data).html));
  events.addEventListener("done", (event) => {
    const { html, listing } = JSON.parse(event.data);
    over(html);
    byId("rail-list").innerHTML = listing;
    talk().querySelector(".turn:last-of-type")?.scrollIntoView({ block: "start" });
  });
  events.addEventListener("lost", () => {
    const question = byId("running").querySelector("h2").textContent.trim();
    over("");
    if (!byId("question").value) byId("question").value = question;
    toast(words.lost, { problem: true });
  });
  events.addEventListener("error", () => {
    byId("gone").hidden = false;
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
  });
};

// Ask a question; the box is emptied only once the server has it.
export const ask = async (question, { replaces = 0, extractive = false } = {}) => {
  if (!question.trim() || composer.classList.contains("answering")) return false;
  const conversation = composer.dataset.conversation;
  const asked = { question, conversation, sources: chosen(), replaces, extractive };
  const begun = await attempt(() => post("/pilcrow/ask", asked));
  if (!begun) return false;
  if (!talk() || begun.conversation !== conversation) {
    if (byId("question").value === question) forget();
    location.assign(`/?c=${encodeURIComponent(begun.conversation)}`);
    return true;
  }
  talk().querySelectorAll(".turn").forEach((turn) => {
    if (turn.classList.contains("failed") || (replaces && Number(turn.dataset.number) >= replaces)) turn.remove();
  });
  replaceRunning(begun.html);
  byId("running").scrollIntoView({ block: "center" });
  follow();
  return true;
};

export const stop = async () => {
  const conversation = composer.dataset.conversation;
  const stopped = await attempt(() => post("/pilcrow/stop", { conversation }));
  if (!stopped) return;
  const box = byId("question");
  if (!box.value) box.value = stopped.question;
  box.focus();
};

if (composer) {
  const box = byId("question");
  const send = async () => {
    const question = box.value;
    const replaces = Number(composer.dataset.replaces || 0);
    if (!(await ask(question, { replaces }))) return;
    if (box.value === question) box.value = "";
    delete composer.dataset.replaces;
    forget();
  };
  composer.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  restore();
  if (document.querySelector(".turn.running")) follow();
  else if (location.hash) byId(location.hash.slice(1))?.scrollIntoView();
  else talk()?.querySelector(".turn:last-of-type")?.scrollIntoView({ block: "start" });
}

document.addEventListener("click", (event) => {
  const it = event.target.closest("[data-ask]");
  if (it) ask(it.dataset.ask);
});
