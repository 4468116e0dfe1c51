const icons = { good: "circle-check", info: "info", warn: "triangle-alert", bad: "circle-x" };

/** A sentence of the page's language, put on <body> as data-say-… by the server. */
export const word = (name) => document.body.dataset[`say${name[0].toUpperCase()}${name.slice(1)}`] ?? "";

export const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.body.dataset.sprite}#${name}`);
  svg.append(use);
  return svg;
};

function arm(note) {
  let timer;
  const leave = () => note.remove();
  const wait = () => (timer = setTimeout(leave, note.dataset.tone === "bad" ? 12000 : 6000));
  note.querySelector("button").addEventListener("click", leave);
  note.addEventListener("pointerenter", () => clearTimeout(timer));
  note.addEventListener("pointerleave", wait);
  note.addEventListener("focusin", () => clearTimeout(timer));
  note.addEventListener("focusout", wait);
  wait();
}

export function say(text, tone = "good") {
  if (!text) return;
  const note = document.createElement("div");
  note.className = `toast-note t-${tone}`;
  note.dataset.tone = tone;
  const line = document.createElement("p");
  line.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon-btn";
  close.setAttribute("aria-label", word("close"));
  close.append(icon("x"));
  note.append(icon(icons[tone] ?? "info"), line, close);
  document.getElementById("toasts")?.append(note);
  arm(note);
}

export function start() {
  document.querySelectorAll("#toasts > .toast-note").forEach(arm);
  document.addEventListener("toast", (event) => {
    for (const note of event.detail.value ?? event.detail.notes ?? []) say(note.text, note.tone);
  });
}
