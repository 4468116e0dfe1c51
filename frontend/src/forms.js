/* Forms: sent once, errors focused, "typing has begun" remembered. */

import { word } from "./toasts.js";

export function start() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog" || form.method === "get") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    const button = event.submitter;
    if (button) {
      button.setAttribute("aria-busy", "true");
      button.classList.add("btn-disabled-soft");
    }
  });
  const release = (form) => {
    delete form.dataset.sent;
    form.querySelectorAll("[aria-busy]").forEach((button) => {
      button.removeAttribute("aria-busy");
      button.classList.remove("btn-disabled-soft");
    });
  };
  // Coming back with the browser's button finds the form as it was left: it may be sent again.
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt.closest?.("form");
    if (form?.dataset.sent) release(form);
  });

  document.querySelector(".error-summary")?.focus();

  let dirty = false;
  document.addEventListener("input", (event) => {
    if (event.target.closest("form[data-guard]")) dirty = true;
  });
  document.addEventListener("submit", () => (dirty = false));
  addEventListener("beforeunload", (event) => {
    if (dirty) event.preventDefault();
  });

  // A field typed by hand to prove one means it: <input data-type-to-confirm="bright">
  document.addEventListener("input", (event) => {
    const { typeToConfirm } = event.target.dataset ?? {};
    if (typeToConfirm === undefined) return;
    event.target.form.querySelector("[type=submit]").disabled = event.target.value.trim() !== typeToConfirm;
  });

  // Secrets are shown only while asked to.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-reveal]");
    if (!button) return;
    const input = document.getElementById(button.dataset.reveal);
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
    button.setAttribute("aria-label", word(shown ? "show" : "hide"));
  });
}
