/* Choosing among many: one types, the server finds. One choice is a combobox (ARIA 1.2), several are boxes to tick. */

import htmx from "./htmx.js";

const finder = (target) => target.closest?.("[data-find]");
const boxOf = (input) => input.closest("[data-chooser]");
const isOne = (input) => input?.role === "combobox";
const listOf = (input) => document.getElementById(input.getAttribute("aria-controls"));
const optionsOf = (input) => [...listOf(input).querySelectorAll("[data-value]")];
const activeOf = (input) => listOf(input).querySelector('[aria-selected="true"]');
const isOpen = (input) => input.getAttribute("aria-expanded") === "true";
// What was typed, and not yet chosen, is what is searched for; the name of what is chosen is not.
const sought = (input) => (isOne(input) && input.value === input.defaultValue ? "" : input.value.trim());

function find(input, then = "") {
  input.dataset.find = then;
  htmx.trigger(input, "find");
}

function close(input) {
  input.dataset.find = "";
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
  listOf(input).hidden = true;
  htmx.trigger(input, "htmx:abort");
}

function activate(input, option) {
  activeOf(input)?.setAttribute("aria-selected", "false");
  if (!option) return;
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", option.id);
}

function choose(input, value, label) {
  const sent = boxOf(input).querySelector("input[type=hidden]");
  const changed = sent.value !== value;
  sent.value = value;
  input.value = input.defaultValue = label;
  boxOf(input).querySelector("[data-unchoose]")?.toggleAttribute("hidden", !value);
  close(input);
  if (!changed) return;
  sent.dispatchEvent(new Event("input", { bubbles: true }));
  sent.dispatchEvent(new Event("change", { bubbles: true }));
}

const take = (input, option) => choose(input, option.dataset.value, option.textContent);

/** Leaving: an emptied optional field is empty, any other text that was not chosen gives way to what was. */
function settle(input) {
  if (!input.value.trim() && !input.required) choose(input, "", "");
  input.value = input.defaultValue;
  close(input);
}

function show(input) {
  const then = input.dataset.find;
  const options = optionsOf(input);
  const { value } = boxOf(input).querySelector("input[type=hidden]");
  const chosen = options.find((option) => option.dataset.value === value);
  chosen?.toggleAttribute("data-kept", true);
  if (then === "take" && options.length) return take(input, options[0]);
  listOf(input).hidden = false;
  input.setAttribute("aria-expanded", "true");
  input.removeAttribute("aria-activedescendant");
  listOf(input).scrollTop = 0;
  const last = then === "last" ? options.at(-1) : null;
  if (then || sought(input)) activate(input, last ?? (sought(input) ? options[0] : (chosen ?? options[0])));
  listOf(input).scrollIntoView({ block: "nearest" });
}

/** True when the key was the list's. */
function press(input, key) {
  const options = optionsOf(input);
  const active = activeOf(input);
  if (key === "ArrowDown" || key === "ArrowUp") {
    const step = key === "ArrowDown" ? 1 : -1;
    if (!isOpen(input)) find(input, step > 0 ? "first" : "last");
    else if (options.length) {
      const at = options.indexOf(active);
      activate(input, options.at((at < 0 && step < 0 ? -1 : at + step) % options.length));
    }
    return true;
  }
  if (key === "Enter") {
    if (isOpen(input) && active) take(input, active);
    else if (sought(input)) find(input, "take"); // typed faster than it was found
    else return isOpen(input) && (close(input), true);
    return true;
  }
  if (key === "Escape") {
    const was = isOpen(input) || input.value !== input.defaultValue;
    input.value = input.defaultValue;
    close(input);
    return was;
  }
  if (key === "Tab" && isOpen(input) && active) take(input, active);
  return false;
}

export function start() {
  document.addEventListener("htmx:configRequest", (event) => {
    const input = finder(event.detail.elt);
    if (!input || event.detail.elt !== input) return;
    const { formData, triggeringEvent } = event.detail;
    if (triggeringEvent?.type === "input" && isOne(input) && input.value === input.defaultValue) {
      event.preventDefault(); // it was chosen, or taken back, while the typing was waited for
      return close(input);
    }
    formData.set("choose", boxOf(input).dataset.chooser);
    formData.set("of", sought(input));
    // A field whose choice depends on others says which: data-with="area branch".
    for (const name of boxOf(input).querySelector("[data-with]")?.dataset.with.split(" ") ?? []) {
      formData.set(name, input.form?.elements[name]?.value ?? "");
    }
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const input = finder(event.detail.requestConfig?.elt ?? document.body);
    if (!input) return;
    if (isOne(input)) event.detail.shouldSwap &&= document.activeElement === input; // who has left is not called back
    else {
      const kept = boxOf(input).querySelector("[data-chosen]");
      event.detail.target.querySelectorAll("label:has(:checked)").forEach((label) => kept.append(label));
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const input = finder(event.detail.requestConfig?.elt ?? document.body);
    if (!input || event.target !== event.detail.target) return; // it comes for each option as well
    boxOf(input).querySelector("[role=status]").textContent = event.detail.target.querySelector(".menu-title")?.textContent ?? "";
    if (isOne(input)) return show(input);
    const had = new Set([...boxOf(input).querySelectorAll("[data-chosen] input")].map((box) => box.value));
    const found = [...event.detail.target.querySelectorAll("input")];
    found.filter((box) => had.has(box.value)).forEach((box) => box.parentElement.remove());
    if (input.dataset.find === "first") found.find((box) => box.isConnected)?.focus();
    input.dataset.find = "";
  });

  document.addEventListener(
    "keydown",
    (event) => {
      const input = finder(event.target);
      if (!input || event.isComposing || event.ctrlKey || event.metaKey) return;
      let used = false;
      if (isOne(input)) used = press(input, event.key);
      else if (event.key === "Enter" || event.key === "ArrowDown") {
        find(input, event.key === "ArrowDown" ? "first" : "");
        used = true;
      }
      if (!used) return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
  // What is typed to find something is not yet a change of the form.
  document.addEventListener("change", (event) => finder(event.target) && event.stopPropagation(), true);
  document.addEventListener("input", (event) => {
    const input = finder(event.target);
    if (input) input.dataset.find = "";
  });
  document.addEventListener("mousedown", (event) => event.target.closest("[role=listbox]")?.closest("[data-chooser]") && event.preventDefault());
  document.addEventListener("click", (event) => {
    const input = event.target.closest("[data-chooser]")?.querySelector("[data-find]");
    if (!input) return;
    if (event.target === input) {
      if (!isOne(input)) {
        if (!input.value && !boxOf(input).querySelector("[data-found] label")) find(input);
      } else if (isOpen(input) && !sought(input)) close(input);
      else if (!isOpen(input)) {
        input.select();
        find(input);
      }
    } else if (event.target.closest("[data-value]")) take(input, event.target.closest("[data-value]"));
    else if (event.target.closest("[data-unchoose]")) {
      choose(input, "", "");
      input.focus();
    }
  });
  document.addEventListener("focusout", (event) => isOne(finder(event.target)) && settle(event.target));
}
