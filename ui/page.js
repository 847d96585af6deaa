// The page's script. It sends clicks to the server through hidden text boxes, because Gradio's own scripted
// component needs eval(), which the content security policy forbids.
(() => {
const byId = (id) => document.getElementById(id);
let opener = null;

const send = (box, action) => {
  const area = byId(box).querySelector("textarea, input");
  const property = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(area), "value");
  property.set.call(area, JSON.stringify({ ...action, at: Date.now() }));
  area.dispatchEvent(new Event("input", { bubbles: true }));
};
const chat = (action) => send("pilcrow-act", action);
const library = (action) => send("pilcrow-shelf-act", action);

const openSource = async (link) => {
  const panel = byId("pilcrow-panel");
  const body = panel.querySelector(".pilcrow-panel-body");
  opener = link;
  panel.hidden = false;
  byId("pilcrow-tabs").classList.add("pilcrow-reading");
  body.innerHTML = '<p class="pilcrow-status" role="status">Opening…</p>';
  try {
    const response = await fetch(link.getAttribute("href"), { credentials: "same-origin" });
    if (response.status === 401) { location.reload(); return; }
    body.innerHTML = await response.text();
  } catch {
    body.innerHTML = '<p class="pilcrow-problem" role="alert">Pilcrow does not respond. Check that it is still running.</p>';
  }
  const cited = body.querySelector(".pilcrow-cited");
  (cited || panel.querySelector("button")).focus({ preventScroll: true });
  if (cited) cited.scrollIntoView({ block: "center" });
};

// On a narrow screen the list of conversations covers the page: close it once one is chosen.
const closeSide = () => {
  const side = byId("pilcrow-side");
  if (innerWidth < 768 && side.classList.contains("open")) side.querySelector(".toggle-button").click();
};

const closeSource = () => {
  byId("pilcrow-panel").hidden = true;
  byId("pilcrow-tabs").classList.remove("pilcrow-reading");
  if (opener && opener.isConnected) opener.focus();
};

const copy = async (button, text) => {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Can't copy";
  }
  setTimeout(() => { button.textContent = button.dataset.do === "link" ? "Link" : "Copy"; }, 1500);
};

const textOf = (turn) => {
  const answer = turn.querySelector(".pilcrow-answer").cloneNode(true);
  answer.querySelectorAll(".pilcrow-tip").forEach((tip) => tip.remove());
  answer.querySelectorAll(".pilcrow-number").forEach((mark) => { mark.textContent = ` [${mark.textContent}]`; });
  const sources = [...turn.querySelectorAll(".pilcrow-list > ul > li")].map((item) => {
    const number = item.querySelector(".pilcrow-number");
    const where = item.querySelector(".pilcrow-where");
    const name = item.querySelector(".pilcrow-source").textContent + (where ? `, ${where.textContent}` : "");
    return `${number ? `[${number.textContent}] ` : ""}${name}: ${item.querySelector(".pilcrow-quote").textContent}`;
  });
  return [answer.textContent.trim(), "", ...sources].join("\n");
};

const addressOf = (turn) => {
  const talk = document.querySelector(".pilcrow-talk");
  const here = new URL(location.href);
  here.search = `?c=${talk.dataset.conversation}`;
  here.hash = turn ? turn.id : "";
  return here.href;
};

const actions = {
  copy: (button, turn) => copy(button, textOf(turn)),
  link: (button, turn) => copy(button, addressOf(turn)),
  retry: (_, turn) => chat({ do: "retry", number: Number(turn.dataset.number) }),
  edit: (_, turn) => {
    chat({ do: "edit", number: Number(turn.dataset.number) });
    byId("pilcrow-box").querySelector("textarea").focus();
  },
};

// The first click asks for confirmation, the second acts.
const confirmed = (button, act) => {
  if (button.dataset.asked) { act(); return; }
  button.dataset.asked = "yes";
  const label = button.textContent;
  button.textContent = `${label}?`;
  setTimeout(() => { delete button.dataset.asked; button.textContent = label; }, 4000);
};

const clicks = [
  ["[data-do]", (it) => actions[it.dataset.do](it, it.closest(".pilcrow-turn"))],
  ["[data-ask]", (it) => chat({ do: "ask", ask: it.dataset.ask })],
  ["[data-plain]", (it) => chat({ do: "plain", ask: it.dataset.plain })],
  ["[data-open]", (it) => chat({ do: "open", open: it.dataset.open })],
  ["[data-delete]", (it) => confirmed(it, () => chat({ do: "delete", conversation: it.dataset.delete }))],
  ["[data-again]", (it) => library({ again: it.dataset.again })],
  ["[data-remove]", (it) => confirmed(it, () => library({ remove: it.dataset.remove }))],
  ["[data-unwatch]", (it) => library({ unwatch: it.dataset.unwatch })],
  ["[data-close]", closeSource],
  ['a[href^="pilcrow/source"]', openSource],
];

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  for (const [selector, act] of clicks) {
    const it = event.target.closest(selector);
    if (it) { event.preventDefault(); act(it); return; }
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !byId("pilcrow-panel").hidden) closeSource();
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest(".pilcrow-feedback");
  if (!form) return;
  event.preventDefault();
  const values = new FormData(form);
  const turn = form.closest(".pilcrow-turn");
  const verdict = values.get(`verdict${turn.dataset.number}`);
  if (verdict) chat({ do: "judge", number: Number(turn.dataset.number), verdict, note: values.get("note") });
});

// The address names the conversation, so that a reload, a bookmark or a link opens it again.
let shown = null;
let seen = 0;
const update = () => {
  const here = document.querySelector("#pilcrow-said :is(.pilcrow-talk, .pilcrow-welcome)");
  if (!here) return;
  const now = here.dataset.conversation || "";
  const turns = here.querySelectorAll(".pilcrow-turn");
  if (now !== shown) closeSide();
  if (now === shown && turns.length === seen) return;
  const linked = shown === null && location.hash ? byId(location.hash.slice(1)) : null;
  const place = linked || turns[turns.length - 1];
  if (place) place.scrollIntoView({ block: "start" });
  history.replaceState(null, "", now ? `?c=${now}${linked ? location.hash : ""}` : location.pathname);
  shown = now;
  seen = turns.length;
};
new MutationObserver(update).observe(document.documentElement, { childList: true, subtree: true });
})();
