// What the page does in the browser. The server is spoken to through hidden text boxes, since Gradio's own
// scripted component wants eval(), which the content security policy forbids.
(() => {
const byId = (id) => document.getElementById(id);
let opener = null;

const tell = (box, what) => {
  const area = byId(box).querySelector("textarea, input");
  const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(area), "value");
  own.set.call(area, JSON.stringify({ ...what, at: Date.now() }));
  area.dispatchEvent(new Event("input", { bubbles: true }));
};
const chat = (what) => tell("pilcrow-act", what);
const shelf = (what) => tell("pilcrow-shelf-act", what);

const openSource = async (link) => {
  const panel = byId("pilcrow-panel");
  const body = panel.querySelector(".pilcrow-panel-body");
  opener = link;
  panel.hidden = false;
  byId("pilcrow-tabs").classList.add("pilcrow-reading");
  body.innerHTML = '<p class="pilcrow-status" role="status">Opening …</p>';
  try {
    const found = await fetch(link.getAttribute("href"), { credentials: "same-origin" });
    if (found.status === 401) { location.reload(); return; }
    body.innerHTML = await found.text();
  } catch {
    body.innerHTML = '<p class="pilcrow-problem" role="alert">Pilcrow does not answer: is it still running?</p>';
  }
  const cited = body.querySelector(".pilcrow-cited");
  (cited || panel.querySelector("button")).focus({ preventScroll: true });
  if (cited) cited.scrollIntoView({ block: "center" });
};

// On a narrow screen the conversations cover the page: they show only while one is chosen.
const closeSide = () => {
  const side = byId("pilcrow-side");
  if (innerWidth < 768 && side.classList.contains("open")) side.querySelector(".toggle-button").click();
};

const closeSource = () => {
  byId("pilcrow-panel").hidden = true;
  byId("pilcrow-tabs").classList.remove("pilcrow-reading");
  if (opener && opener.isConnected) opener.focus();
};

const copied = async (button, text) => {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed here";
  }
  setTimeout(() => { button.textContent = button.dataset.do === "link" ? "Link" : "Copy"; }, 1500);
};

const plain = (turn) => {
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

const doings = {
  copy: (button, turn) => copied(button, plain(turn)),
  link: (button, turn) => copied(button, addressOf(turn)),
  retry: (_, turn) => chat({ do: "retry", number: Number(turn.dataset.number) }),
  edit: (_, turn) => {
    chat({ do: "edit", number: Number(turn.dataset.number) });
    byId("pilcrow-box").querySelector("textarea").focus();
  },
};

// A first click asks, the second does it.
const sure = (button, act) => {
  if (button.dataset.sure) { act(); return; }
  button.dataset.sure = "yes";
  const said = button.textContent;
  button.textContent = `${said}?`;
  setTimeout(() => { delete button.dataset.sure; button.textContent = said; }, 4000);
};

const clicks = [
  ["[data-do]", (it) => doings[it.dataset.do](it, it.closest(".pilcrow-turn"))],
  ["[data-ask]", (it) => chat({ do: "ask", ask: it.dataset.ask })],
  ["[data-plain]", (it) => chat({ do: "plain", ask: it.dataset.plain })],
  ["[data-open]", (it) => chat({ do: "open", open: it.dataset.open })],
  ["[data-delete]", (it) => sure(it, () => chat({ do: "delete", conversation: it.dataset.delete }))],
  ["[data-again]", (it) => shelf({ again: it.dataset.again })],
  ["[data-remove]", (it) => sure(it, () => shelf({ remove: it.dataset.remove }))],
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
  const given = new FormData(form);
  const turn = form.closest(".pilcrow-turn");
  const verdict = given.get(`verdict${turn.dataset.number}`);
  if (verdict) chat({ do: "judge", number: Number(turn.dataset.number), verdict, note: given.get("note") });
});

// The address shows the conversation, so that a reload, a bookmark or a shared link opens it again.
let shown = null;
let seen = 0;
const settled = () => {
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
new MutationObserver(settled).observe(document.documentElement, { childList: true, subtree: true });
})();
