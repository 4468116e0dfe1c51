/* The command palette: `/` or Ctrl-K from anywhere. The server finds, this moves. */

import htmx from "./htmx.js";
import { open } from "./dialogs.js";

const box = () => document.getElementById("palette");
const hits = () => [...box().querySelectorAll(".hit")];

function select(at) {
  const all = hits();
  if (!all.length) return;
  const index = (at + all.length) % all.length;
  all.forEach((hit, i) => hit.setAttribute("aria-selected", String(i === index)));
  all[index].scrollIntoView({ block: "nearest" });
  box().querySelector("input").setAttribute("aria-activedescendant", all[index].id);
}

const current = () => hits().findIndex((hit) => hit.getAttribute("aria-selected") === "true");

export function show(text) {
  const dialog = box();
  if (!dialog) return;
  open(dialog);
  const input = dialog.querySelector("input");
  if (text !== undefined) input.value = text;
  input.select();
  htmx.trigger(input, "find");
}

export function start() {
  const dialog = box();
  if (!dialog) return;
  const input = dialog.querySelector("input");
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]")) {
      event.preventDefault();
      show(event.target.closest("[data-palette]").dataset.palette || undefined);
    }
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      dialog.open ? dialog.close() : show();
    }
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      select(current() + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const hit = hits()[Math.max(0, current())];
      if (hit) event.ctrlKey || event.metaKey ? window.open(hit.href, "_blank", "noopener") : hit.click();
    } else if (event.key === "Tab") {
      const hit = hits()[current()];
      if (hit?.dataset.fill) {
        event.preventDefault();
        input.value = hit.dataset.fill;
        htmx.trigger(input, "find");
      }
    }
  });
  dialog.addEventListener("click", (event) => {
    const hit = event.target.closest(".hit[data-fill]");
    if (hit && !hit.getAttribute("href")?.startsWith("/")) {
      event.preventDefault();
      input.value = hit.dataset.fill;
      input.focus();
      htmx.trigger(input, "find");
    }
  });
  dialog.addEventListener("htmx:afterSwap", () => select(0));
}
