// Asking: the composer, the question being answered, and what becomes of it.
import { post, attempt } from "./server.js";
import { toast } from "./toast.js";
import { chosen } from "./scope.js";
import { carry, edit, unedit, write } from "./typed.js";
import { update } from "./rail.js";

const byId = (id) => document.getElementById(id);
const composer = byId("composer");
const box = byId("question");
const talk = () => byId("talk");
const words = document.body.dataset;
let isSending = false;

const isAnswering = () => composer?.classList.contains("answering");

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

const showLast = () => talk()?.querySelector(".turn:last-of-type")?.scrollIntoView({ block: "start" });

// Turns that a new answer replaces are hidden until it is there, and come back if there is none.
const hideReplaced = (first) => talk().querySelectorAll(".turn").forEach((turn) => {
  if (turn.classList.contains("failed")) turn.remove();
  else if (first && Number(turn.dataset.number) >= first) turn.hidden = true;
});

const settle = (isAnswered) => talk().querySelectorAll(".turn[hidden]").forEach((turn) => {
  if (isAnswered) turn.remove(); else turn.hidden = false;
});

// The server was stopped and knows nothing of the question: it comes back into the box.
const lost = (question) => {
  settle(false);
  if (!box.value) write(question);
  toast(words.lost, { problem: true });
  if (talk().querySelector(".turn")) return;
  carry("");
  composer.dataset.conversation = "";
  write(sessionStorage.getItem("typed:"));
  history.replaceState(null, "", "/");
};

// Follow the question being answered; if the server is gone, say so and try again.
const follow = () => {
  setRunning(true);
  const { conversation, number } = byId("running").dataset;
  const question = byId("running").querySelector("h2").textContent.trim();
  const events = new EventSource(`/pilcrow/events?${new URLSearchParams({ conversation, number })}`);
  const on = (name, act) => events.addEventListener(name, (event) => act(event.data && JSON.parse(event.data).html));
  const over = (isAnswered, html) => {
    events.close();
    replaceRunning(html);
    settle(isAnswered);
    setRunning(false);
    byId("gone").hidden = true;
    update();
  };
  on("open", () => { byId("gone").hidden = true; });
  on("draft", (html) => {
    const isFollowed = isNearEnd();
    replaceRunning(html);
    if (isFollowed) byId("running").scrollIntoView({ block: "end" });
  });
  on("failed", (html) => over(false, html));
  on("done", (html) => {
    const isFollowed = isNearEnd();
    over(true, html);
    if (isFollowed) showLast();
  });
  on("lost", () => { over(false, ""); lost(question); });
  on("error", () => {
    byId("gone").hidden = false;
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
  });
};

// Ask a question; the box is emptied only once the server has it.
export const ask = async (question, { replaces = 0, extractive = false } = {}) => {
  if (!question.trim() || isSending) return;
  if (isAnswering()) { toast(words.waits); return; }
  const isSaved = talk()?.querySelector(".turn:not(.failed)");
  const conversation = isSaved ? composer.dataset.conversation : "";
  const asked = { question, conversation, sources: chosen(), replaces, extractive };
  isSending = true;
  const begun = await attempt(() => post("/pilcrow/ask", asked), () => ask(question, { replaces, extractive }));
  isSending = false;
  if (!begun) return;
  if (box?.value === question) { write(""); unedit(); }
  if (!isSaved) {
    if (box) carry(begun.conversation);
    location[talk() ? "replace" : "assign"](`/?c=${encodeURIComponent(begun.conversation)}`);
    return;
  }
  hideReplaced(replaces);
  replaceRunning(begun.html);
  const running = byId("running");
  const isStale = Number(running.dataset.number) !== talk().querySelectorAll(".turn:not([hidden])").length;
  if (isStale) { location.reload(); return; }  // asked in another tab meanwhile
  running.scrollIntoView({ block: "center" });
  follow();
};

export const stop = async () => {
  const { conversation, replaces } = byId("running").dataset;
  const stopped = await attempt(() => post("/pilcrow/stop", { conversation }));
  if (!stopped) return;
  if (!box.value && Number(replaces)) edit(replaces, stopped.question);
  else if (!box.value) write(stopped.question);
  box.focus();
};

if (composer) {
  const send = () => ask(box.value, { replaces: Number(composer.dataset.replaces || 0) });
  composer.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  if (document.querySelector(".turn.running")) follow();
  else if (location.hash) byId(location.hash.slice(1))?.scrollIntoView();
  else showLast();
}

document.addEventListener("click", (event) => {
  const it = event.target.closest("[data-ask]");
  if (it) ask(it.dataset.ask);
});
