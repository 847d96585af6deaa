// Adding files: chosen, dropped anywhere on the page, or a folder with its paths. Only librarians' pages have #dropping.
import { post, attempt, Refused } from "./server.js";
import { toast } from "./toast.js";

const byId = (id) => document.getElementById(id);
const veil = byId("dropping");
const words = veil?.dataset;
let adding = Promise.resolve();
let sending = null;

const isShown = (path) => path.split("/").every((part) => !part.startsWith("."));
const listOf = (input) => [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

// The files of a dropped file or folder, with their paths.
const walk = async (entry) => {
  const path = entry.fullPath.replace(/^\//, "");
  if (!isShown(path)) return [];
  if (entry.isFile) return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path }];
  const reader = entry.createReader();
  const found = [];
  for (;;) { // it yields at most a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const one of some) found.push(...(await walk(one)));
  }
};

const dropped = async (transfer) => {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const flat = [...transfer.files].map((file) => ({ file, path: file.name }));
  return entries.length ? (await Promise.all(entries.map(walk))).flat() : flat;
};

// What is being sent, at the edge of the page, until the server has it.
const showSending = (path, share) => {
  if (!sending) {
    sending = document.createElement("div");
    sending.className = "sending";
    sending.append(document.createElement("span"), document.createElement("progress"));
    document.body.append(sending);
  }
  sending.hidden = false;
  const text = words.sending.replace("{name}", path);
  if (sending.firstChild.textContent !== text) sending.firstChild.textContent = text;
  sending.lastChild.value = share;
  sending.lastChild.setAttribute("aria-label", text);
};

const send = ({ file, path }, choice = "ask") => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest();
  const form = new FormData();
  form.append("path", path);
  form.append("on_clash", choice);
  form.append("file", file, file.name);
  request.open("POST", "/pilcrow/upload");
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded, total }) => showSending(path, Math.min(loaded / (total || 1), 0.99)));
  request.addEventListener("load", () => {
    if (request.status < 400) resolve(request.response);
    else reject(new Refused(request.response?.message || request.response?.error?.message || String(request.status)));
  });
  request.addEventListener("error", () => reject(new Refused("")));
  showSending(path, 0);
  request.send(form);
});

// Ask what becomes of a file whose name is there: [choice, whether for all others too].
const decide = (html, more) => new Promise((resolve) => {
  document.body.insertAdjacentHTML("beforeend", html);
  const dialog = document.body.lastElementChild;
  const all = dialog.querySelector(".all");
  if (sending) sending.hidden = true;
  all.hidden = !more;
  dialog.addEventListener("click", (event) => {
    event.stopPropagation();
    const choice = event.target.closest("[data-shelf]")?.dataset.shelf;
    if (choice) dialog.close(choice);
  });
  dialog.addEventListener("close", () => {
    resolve([dialog.returnValue, all.querySelector("input").checked]);
    dialog.remove();
  });
  dialog.showModal();
});

// Send a file; if its name is there, ask and send it again. Return what is chosen for all others too.
const settle = async (file, forAll, more) => {
  const { state, html } = await send(file, forAll || "ask");
  if (state !== "clash" || forAll === "skip") return forAll;
  const [choice, all] = await decide(html, more);
  if (choice && choice !== "skip") await send(file, choice);
  return all ? choice : forAll;
};

const addNow = async (files) => {
  const offer = { files: files.map(({ file, path }) => [path, file.size]) };
  const accepted = await attempt(() => post("/pilcrow/offer", offer));
  if (!accepted) return;
  const lost = [];
  let forAll = "";
  for (const [at, number] of accepted.send.entries()) {
    try {
      forAll = await settle(files[number], forAll, at < accepted.send.length - 1);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.message) toast(error.message, { problem: true }); else lost.push(files[number]);
    }
    document.dispatchEvent(new Event("shelf"));
  }
  const name = lost.map(({ path }) => path).slice(0, 3).join(", ");
  if (lost.length) toast(words.lost.replace("{name}", name), { problem: true, label: words.retry, act: () => add(lost) });
  else if (!byId("shelf-reading")) toast(words.added, { label: words.library, act: () => location.assign("/library") });
};

export const add = (files) => {
  const shown = files.filter(({ path }) => isShown(path));
  if (!shown.length) { toast(words.hidden); return; }
  adding = adding.then(() => addNow(shown)).finally(() => {
    sending?.remove();
    sending = null;
    document.dispatchEvent(new Event("shelf"));
  });
};

if (veil) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("#attach, [data-upload]") || !target.files.length) return;
    add(listOf(target));
    target.value = "";
  });
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) veil.hidden = true; });
  document.addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    veil.hidden = true;
    add(await dropped(event.dataTransfer));
  });
  addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); }); // the rest would not be sent
}
