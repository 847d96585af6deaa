// The library and the first use: follow what is being read, and what a librarian does with documents.
import { get, post, attempt, Refused } from "./server.js";
import { toast } from "./toast.js";
import "./upload.js";

const byId = (id) => document.getElementById(id);
const page = byId("library") || byId("first");
const isStart = page.id === "first";
const picked = new Set();
const leaving = new Set(); // being removed, which waits for a file that is being read
const shown = {};
let [seen, timer, asked] = [page.dataset.seen, 0, 0];

const keyOf = (it) => `${it.dataset.shelf || it.dataset.pick || ""} ${Object.values(it.closest("[data-source], [data-path]")?.dataset || {})[0]}`;

// Put new HTML in a region; what was open stays open, and the focus where it was.
const replace = (name, html) => {
  const region = byId(`shelf-${name}`);
  if (!region || shown[name] === html) return;
  shown[name] = html;
  const open = new Set([...region.querySelectorAll("details[open]")].map((one) => one.className));
  const focused = region.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  region.innerHTML = html;
  region.querySelectorAll("details").forEach((one) => { one.open = one.open || open.has(one.className); });
  if (focused) [...region.querySelectorAll("button, input")].find((one) => keyOf(one) === focused)?.focus();
};

const showPicked = () => {
  page.querySelectorAll("tr[data-source]").forEach((row) => row.classList.toggle("leaving", leaving.has(row.dataset.source)));
  const bar = byId("picked");
  if (!bar) return;
  const boxes = [...page.querySelectorAll("[data-pick=one]")];
  boxes.forEach((box) => { box.checked = picked.has(box.closest("tr").dataset.source); });
  const all = page.querySelector("[data-pick=all]");
  if (all) all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
  const { one, many } = byId("picked-count").dataset;
  byId("picked-count").textContent = picked.size === 1 ? one : many.replace("{count}", picked.size);
  bar.hidden = !picked.size;
};

// Once the first document can be asked, there is a box to ask it.
const showComposer = () => {
  const ready = page.querySelector(".ready");
  if (!ready) return;
  page.classList.add("some");
  byId("first-ask").hidden = false;
  const label = byId("scope-label");
  if (label.textContent === label.dataset.all) label.textContent = ready.dataset.all;
  label.dataset.all = ready.dataset.all;
};

// Ask for the state: each second while something is read, and now and then for what others do.
const poll = async () => {
  clearTimeout(timer);
  const turn = ++asked;
  const query = new URLSearchParams(location.search);
  query.set("seen", seen);
  if (isStart) query.set("start", "true");
  let wait = 3000;
  try {
    const state = JSON.parse(await get(`/pilcrow/shelf?${query}`));
    if (turn !== asked) return;
    seen = state.seen;
    Object.entries(state.html).forEach(([name, html]) => replace(name, html));
    showPicked();
    showComposer();
    page.classList.remove("lost");
    wait = state.busy ? 1000 : 10000;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (turn !== asked) return;
    if (error.message && !page.classList.contains("lost")) toast(error.message, { problem: true });
    page.classList.add("lost");
  }
  timer = setTimeout(poll, wait);
};

const act = async (name, body) => {
  const done = await attempt(() => post(`/pilcrow/${name}`, body));
  await poll();
  return done;
};

const remove = async (sources) => {
  sources.forEach((one) => { picked.delete(one); leaving.add(one); });
  showPicked();
  const removed = await act("remove", { sources });
  sources.forEach((one) => leaving.delete(one));
  showPicked();
  if (!removed) return;
  toast(removed.message, { label: removed.undo, act: () => act("restore-documents", { key: removed.key }) });
};

const unpick = () => { picked.clear(); showPicked(); };
const actions = {
  again: ({ source }) => act("again", { sources: [source] }),
  "again-all": () => act("again", { sources: [] }),
  "again-picked": () => { act("again", { sources: [...picked] }); unpick(); },
  remove: ({ source }) => remove([source]),
  "remove-picked": () => remove([...picked]),
  unpick,
  clear: () => act("clear"),
  unwatch: ({ path }) => act("unwatch", { path }),
};

page.addEventListener("click", (event) => {
  const it = event.target.closest("[data-shelf]");
  if (it) actions[it.dataset.shelf]?.(it.closest("[data-source], [data-path]")?.dataset || {});
  const link = event.target.closest("#shelf-table a[href^='/library?']");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  view(link.href);
});

page.addEventListener("change", ({ target }) => {
  if (!target.dataset.pick) return;
  const boxes = target.dataset.pick === "all" ? page.querySelectorAll("[data-pick=one]") : [target];
  boxes.forEach((box) => picked[target.checked ? "add" : "delete"](box.closest("tr").dataset.source));
  showPicked();
});

// Show other documents, or in another order, under an address of its own.
const view = (address) => {
  history.replaceState(null, "", address);
  seen = "";
  poll();
};

const finder = byId("finder");
finder?.addEventListener("input", () => {
  const query = new URLSearchParams(location.search);
  query.set("q", new FormData(finder).get("q"));
  query.delete("at");
  view(`/library?${query}`);
});
finder?.addEventListener("submit", (event) => event.preventDefault());

byId("watch")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await act("watch", { path: byId("watch-path").value })) event.target.reset();
});

document.addEventListener("shelf", poll);
poll();
