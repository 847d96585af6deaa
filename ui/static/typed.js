// What was typed survives a reload and a visit elsewhere, for each conversation, as long as the tab is open.
const box = document.getElementById("question");
const key = () => `typed:${document.getElementById("composer").dataset.conversation}`;

export const forget = () => sessionStorage.removeItem(key());

if (box) {
  if (!box.value) box.value = sessionStorage.getItem(key()) || "";
  box.addEventListener("input", () => sessionStorage.setItem(key(), box.value));
}
