// What the box holds. It survives a reload and a visit elsewhere, for each conversation, as long as the tab is open.
const byId = (id) => document.getElementById(id);
const composer = byId("composer");
const box = byId("question");
let draft = "";

const keep = (conversation, text) => {
  if (text) sessionStorage.setItem(`typed:${conversation}`, text);
  else sessionStorage.removeItem(`typed:${conversation}`);
};

export const write = (text) => { box.value = text; keep(composer.dataset.conversation, text); };

// Take what is typed along to another conversation.
export const carry = (conversation) => { keep(conversation, box.value); write(""); };

// Edit a question that was asked; what was typed before comes back afterwards.
export const edit = (number, question) => {
  if (!composer.dataset.replaces) draft = box.value;
  composer.dataset.replaces = number;
  byId("editing").hidden = false;
  write(question);
  box.focus();
};

export const unedit = () => {
  if (!composer?.dataset.replaces) return false;
  delete composer.dataset.replaces;
  byId("editing").hidden = true;
  write(draft);
  draft = "";
  return true;
};

if (box) {
  if (!box.value) box.value = sessionStorage.getItem(`typed:${composer.dataset.conversation}`) || "";
  box.addEventListener("input", () => keep(composer.dataset.conversation, box.value));
}
