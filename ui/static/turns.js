// What a reader does with an answer: copy it, link to it, ask again, change the question, judge it.
import { post, attempt } from "./server.js";
import { toast } from "./toast.js";
import { ask, stop } from "./ask.js";

const byId = (id) => document.getElementById(id);
const words = document.body.dataset;

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    toast(words.copied);
  } catch {
    toast(words.uncopied, { problem: true });
  }
};

const textOf = (turn) => {
  const lines = [...turn.querySelectorAll("[data-copy]")].map((part) => part.dataset.copy || part.textContent.trim());
  return lines.join("\n");
};

const addressOf = (turn) => {
  const here = new URL(location.href);
  here.hash = turn.id;
  return here.href;
};

const edit = (turn) => {
  const box = byId("question");
  byId("composer").dataset.replaces = turn.dataset.number;
  box.value = turn.querySelector("h2").textContent.trim();
  byId("editing").hidden = false;
  box.focus();
};

const actions = {
  copy: (turn) => copy(textOf(turn)),
  link: (turn) => copy(addressOf(turn)),
  retry: (turn) => ask(turn.querySelector("h2").textContent.trim(), { replaces: Number(turn.dataset.number) }),
  again: (turn, it) => ask(it.dataset.question),
  plain: (turn, it) => ask(it.dataset.question, { extractive: true }),
  edit,
  unedit: () => { delete byId("composer").dataset.replaces; byId("editing").hidden = true; },
  stop: () => stop(),
};

document.addEventListener("click", (event) => {
  const it = event.target.closest("[data-act]");
  if (it && actions[it.dataset.act]) actions[it.dataset.act](it.closest(".turn"), it);
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest(".feedback");
  if (!form) return;
  event.preventDefault();
  const turn = form.closest(".turn");
  const values = new FormData(form);
  const verdict = values.get(`verdict${turn.dataset.number}`);
  const { conversation } = byId("talk").dataset;
  const judged = { conversation, number: Number(turn.dataset.number), verdict, note: values.get("note") };
  if (await attempt(() => post("/pilcrow/judge", judged))) toast(words.thanks);
});
