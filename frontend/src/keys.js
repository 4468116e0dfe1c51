/* Shortcuts: any element with data-keys="g s" or data-keys="e" is clicked by them. `?` lists them all. */

import { open } from "./dialogs.js";
import { show } from "./palette.js";

export function start() {
  let before = "";
  let timer;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], dialog[open], .row-menu")) {
      if (!event.target.matches?.("input[type=checkbox], input[type=radio]") || event.target.closest("dialog[open], .drop[open]")) return;
    }
    if (event.key === "/" || event.key === "?") {
      event.preventDefault();
      event.key === "/" ? show() : open(document.getElementById("keys"));
      return;
    }
    if (event.key.length !== 1) return;
    const pressed = before ? `${before} ${event.key.toLowerCase()}` : event.key.toLowerCase();
    const target = document.querySelector(`[data-keys="${CSS.escape(pressed).replaceAll("\\ ", " ")}"]`);
    clearTimeout(timer);
    if (target) {
      before = "";
      event.preventDefault();
      target.focus();
      target.click();
    } else {
      before = before ? "" : event.key.toLowerCase();
      timer = setTimeout(() => (before = ""), 900);
    }
  });
}
