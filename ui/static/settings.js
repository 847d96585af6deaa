// The settings: choose, test and save models; theme and language, which are cookies; lines to copy.
import { post } from "./server.js";

const YEAR = 365 * 24 * 3600;
const POLL = 1500; // milliseconds between two looks at an exam
const form = document.getElementById("models");
const result = document.getElementById("result");
const consent = document.getElementById("consent");
const found = document.getElementById("found");

const tell = (text, kind = "") => {
  result.textContent = text;
  result.className = kind;
};

const chosen = () => {
  const data = new FormData(form);
  const read = (name) => String(data.get(name) ?? "");
  const where = read("where");
  const offered = form.querySelector('input[name="where"]:checked').closest(".option").querySelector("select");
  const checker = read("checker");
  const writer = where === "own"
    ? { llm: read("llm"), llm_model: read("llm_model"), llm_key_file: read("llm_key_file") }
    : { llm: where, llm_model: offered?.value ?? "", llm_key_file: "" };
  const own = checker === "own";
  return {
    ...writer,
    verifier: own ? read("verifier") : checker,
    verifier_model: own ? read("verifier_model") : "",
    agreed: data.getAll("agreed"),
  };
};

// Say what would leave this machine; each host needs a tick of its own.
const askConsent = (hosts) => {
  consent.replaceChildren(...hosts.map(({ host, text }) => {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "agreed", value: host });
    const label = document.createElement("label");
    label.append(box, " ", text);
    return label;
  }));
  consent.hidden = !hosts.length;
  consent.querySelector("input")?.focus();
};

const showState = (reply) => {
  if (!reply.state) return;
  document.getElementById("state").innerHTML = reply.state; // our own HTML, escaped by the server
  if (reply.examining) setTimeout(follow, POLL);
};

const follow = async () => {
  const reply = await fetch("/pilcrow/models").catch(() => null);
  if (reply?.ok) showState(await reply.json());
};

const send = async (address) => {
  const buttons = [...form.querySelectorAll(".buttons button")];
  buttons.forEach((button) => { button.disabled = true; });
  tell(form.dataset.waiting);
  try {
    const reply = await post(address, chosen());
    if (reply.consent) {
      tell(form.dataset.consent, "warning-text");
      askConsent(reply.consent);
    } else {
      tell(reply.message, "good");
      showState(reply);
    }
  } catch (error) {
    tell(error.message, "warning-text");
  }
  buttons.forEach((button) => { button.disabled = false; });
};

if (form) {
  let touched = false;
  form.addEventListener("submit", (event) => { event.preventDefault(); send("/pilcrow/models/save"); });
  document.getElementById("test").addEventListener("click", () => send("/pilcrow/models/test"));
  form.addEventListener("input", ({ target }) => {
    if (target.name === "agreed") return;
    touched = true;
    tell("");
    askConsent([]);
  });
  fetch("/pilcrow/models/found").then((reply) => reply.json()).then(({ html }) => {
    found.innerHTML = html;
    if (touched) found.querySelectorAll("input").forEach((input) => { input.checked = false; });
  }).catch(() => found.replaceChildren());
}
if (document.querySelector("#state progress")) setTimeout(follow, POLL);

const keep = (name, value) => {
  document.cookie = `${name}=${value}; path=/; samesite=lax; max-age=${value ? YEAR : 0}`;
};

document.getElementById("appearance").addEventListener("change", ({ target }) => {
  keep(target.name, target.value);
  if (target.name === "language") location.reload();
  else document.documentElement.dataset.theme = target.value;
});

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const before = button.textContent;
  button.textContent = "✓";
  setTimeout(() => { button.textContent = before; }, 1500);
});
