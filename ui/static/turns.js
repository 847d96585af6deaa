// What a reader does with an answer: copy it, link to it, ask again, change the question, judge it.
import { post, attempt } from "./server.js";
import { toast } from "./toast.js";
import { ask, stop } from "./ask.js";
import { limit } from "./scope.js";
import { edit, unedit } from "./typed.js";

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

const questionOf = (turn) => turn.querySelector("h2").textContent.trim();

// Ask again. The last answer is replaced; after an earlier one, nothing is lost.
const again = (turn) => {
  const isLast = turn === byId("talk").lastElementChild;
  ask(questionOf(turn), { replaces: isLast ? Number(turn.dataset.number) : 0 });
};

// What a question without an answer was to replace is still there.
const retry = (turn, extractive) => ask(questionOf(turn), { replaces: Number(turn.dataset.replaces), extractive });

const actions = {
  copy: (turn) => copy(textOf(turn)),
  link: (turn) => copy(addressOf(turn)),
  retry: again,
  everywhere: (turn) => { limit([]); again(turn); },
  again: (turn) => retry(turn, false),
  plain: (turn) => retry(turn, true),
  edit: (turn) => edit(turn.dataset.number, questionOf(turn)),
  unedit,
  stop,
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
  const kept = await attempt(() => post("/pilcrow/judge", judged));
  if (!kept) return;
  const summary = form.closest("details").querySelector("summary");
  summary.querySelector("span").innerHTML = kept.label;
  summary.classList.toggle("given", verdict !== null);
  form.closest("details").open = false;
  toast(words.thanks);
});
