// The conversations: searching, renaming, sharing, deleting with an undo.
import { get, post, attempt } from "./server.js";
import { toast } from "./toast.js";

const list = document.getElementById("rail-list");
const search = document.getElementById("rail-search");
const words = document.body.dataset;
const current = () => new URLSearchParams(location.search).get("c") || "";

const update = async () => {
  const query = new URLSearchParams({ q: search?.value || "", c: current() });
  const html = await attempt(() => get(`/pilcrow/listing?${query}`));
  if (html !== null) list.innerHTML = html;
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
  const end = async (save) => {
    if (!box.isConnected) return;
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

const remove = async (item) => {
  const { conversation } = item.dataset;
  if (!(await attempt(() => post("/pilcrow/delete", { conversation })))) return;
  const undo = async () => {
    await attempt(() => post("/pilcrow/restore", { conversation }));
    if (conversation === current()) location.reload(); else update();
  };
  await update();
  toast(words.deleted, { label: words.undo, act: undo });
};

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
