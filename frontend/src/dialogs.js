/* Dialogs: data-dialog="id" opens one; data-confirm on a form or button asks first, in the page's own dialog. */

export function open(dialog) {
  if (dialog && !dialog.open) dialog.showModal();
}

let waiting = null;

function ask(text, label, tone, then) {
  const dialog = document.getElementById("ask");
  dialog.querySelector("[data-ask-text]").textContent = text;
  const yes = dialog.querySelector("[data-ask-yes]");
  yes.textContent = label || yes.dataset.label;
  yes.className = `btn ${tone === "bad" ? "btn-error" : "btn-primary"}`;
  waiting = then;
  dialog.returnValue = "";
  dialog.showModal();
}

function closeDrops(except) {
  for (const drop of document.querySelectorAll("details.drop[open]")) {
    if (!except || !drop.contains(except)) drop.open = false;
  }
}

export function start() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      event.preventDefault();
      closeDrops();
      open(document.getElementById(opener.dataset.dialog));
      return;
    }
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog")?.close();
    // A click on the backdrop lands on the dialog itself.
    if (event.target instanceof HTMLDialogElement && event.target.matches("[data-light]")) event.target.close();
    closeDrops(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const drop = event.target.closest?.("details.drop[open]") ?? document.querySelector("details.drop[open]");
    if (drop) {
      drop.open = false;
      drop.querySelector("summary").focus();
    }
  });
  // Arrow keys walk through an open menu.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const drop = event.target.closest?.("details.drop[open]");
    if (!drop || event.target.matches("input:not([type=checkbox]):not([type=radio]), select")) return;
    const stops = [...drop.querySelectorAll(".panel :is(a, button, input)")].filter((stop) => stop.offsetParent);
    if (!stops.length) return;
    event.preventDefault();
    const at = stops.indexOf(document.activeElement);
    stops[(at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1) + stops.length) % stops.length].focus();
  });
  document.getElementById("ask")?.addEventListener("close", (event) => {
    const then = waiting;
    waiting = null;
    if (event.target.returnValue === "yes" && then) then();
  });
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      const button = event.submitter;
      const text = button?.dataset.confirm ?? form.dataset.confirm;
      if (!text || form.dataset.confirmed) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      ask(text, (button?.dataset.confirmLabel ?? form.dataset.confirmLabel) || button?.textContent.trim(), button?.dataset.tone ?? form.dataset.tone, () => {
        form.dataset.confirmed = "1";
        form.requestSubmit(button);
        delete form.dataset.confirmed;
      });
    },
    true,
  );
}
