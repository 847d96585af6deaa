// The conversations: searching, renaming, sharing, deleting with an undo.
import { get, post, attempt } from "./server.js";
import { toast } from "./toast.js";

const list = document.getElementById("rail-list");
const search = document.getElementById("rail-search");
const words = document.body.dataset;
const current = () => new URLSearchParams(location.search).get("c") || "";

export const update = async () => {
  const words = search?.value || "";
  const query = new URLSearchParams({ q: words, c: current() });
  const html = await attempt(() => get(`/pilcrow/listing?${query}`));
  if (html !== null && words === (search?.value || "")) list.innerHTML = html;
};

search?.addEventListener("input", update);

const rename = (item) => {
  const link = item.querySelector("a");
  const box = document.createElement("input");
  box.value = link.textContent.trim();
  box.maxLength = 120;
  box.setAttribute("aria-label", words.rename);
  link.hidden = true;
  link.after(box);
  box.focus();
  box.select();
  let isOver = false;
  const end = async (save) => {
    if (isOver) return;
    isOver = true;
    const title = box.value.trim();
    box.remove();
    link.hidden = false;
    if (save && title) await attempt(() => post("/pilcrow/rename", { conversation: item.dataset.conversation, title }));
    update();
  };
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") { event.stopPropagation(); end(false); }
  });
  box.addEventListener("blur", () => end(true));
};

// After the open conversation is deleted, the undo is offered on the start page.
const offerUndo = (conversation, wasOpen) => {
  const undo = async () => {
    if (!(await attempt(() => post("/pilcrow/restore", { conversation })))) return;
    if (wasOpen) location.assign(`/?c=${encodeURIComponent(conversation)}`); else update();
  };
  toast(words.deleted, { label: words.undo, act: undo });
};

const remove = async ({ dataset: { conversation } }) => {
  if (!(await attempt(() => post("/pilcrow/delete", { conversation })))) return;
  if (conversation === current()) {
    sessionStorage.setItem("deleted", conversation);
    location.assign("/");
    return;
  }
  await update();
  offerUndo(conversation, false);
};

const deleted = sessionStorage.getItem("deleted");
sessionStorage.removeItem("deleted");
if (deleted) offerUndo(deleted, true);

const share = async (conversation) => {
  const shared = await attempt(() => post("/pilcrow/share", { conversation }));
  if (!shared) return;
  const address = new URL(shared.address, location.href).href;
  await navigator.clipboard.writeText(address).catch(() => {});
  const back = async () => { if (await attempt(() => post("/pilcrow/unshare", { conversation }))) toast(words.unshared); };
  toast(`${words.shared} ${address}`, { label: words.unshare, act: back });
};

document.addEventListener("click", (event) => {
  const it = event.target.closest("[data-act]");
  const item = it?.closest("[data-conversation]");
  if (!item) return;
  if (it.dataset.act === "rename") rename(item);
  if (it.dataset.act === "delete") remove(item);
  if (it.dataset.act === "share") share(item.dataset.conversation);
});

// A menu closes when something else is clicked.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target) || event.target.closest("[data-act], a")) menu.open = false;
  });
});
