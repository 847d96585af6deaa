// A short message at the edge of the page, perhaps with something to do about it.
const SECONDS = 8;

export const toast = (text, { label = "", act = null, problem = false } = {}) => {
  const shown = document.createElement("p");
  shown.className = problem ? "toast problem" : "toast";
  if (problem) shown.setAttribute("role", "alert");
  shown.append(text);
  if (label) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => { shown.remove(); act(); });
    shown.append(button);
  }
  document.getElementById("toasts").append(shown);
  setTimeout(() => shown.remove(), SECONDS * 1000);
};
