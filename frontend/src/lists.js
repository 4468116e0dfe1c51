/* Lists: a click on a row opens it, ticked rows bring the bulk bar, j and k walk, the row's menu is fetched when opened. */

import htmx from "./htmx.js";

const linkOf = (row) => row?.querySelector("th[scope=row] a");
const typing = (target) => target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog[open]");

function refresh(list) {
  const boxes = [...list.querySelectorAll('tbody input[name="pk"]')];
  const ticked = boxes.filter((box) => box.checked).length;
  const all = list.querySelector("[data-tick-all]");
  if (all) {
    all.checked = boxes.length > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  const bar = list.querySelector("[data-bulk]");
  if (!bar) return;
  bar.hidden = ticked === 0;
  const everything = list.querySelector('input[name="all"]');
  if (ticked < boxes.length && everything) everything.value = "";
  const whole = everything?.value === "1";
  bar.querySelector("[data-ticked]").hidden = whole;
  bar.querySelector("[data-ticked] b").textContent = ticked.toLocaleString("en");
  bar.querySelector("[data-whole]")?.toggleAttribute("hidden", !whole);
  bar.querySelector("[data-choose-all]")?.toggleAttribute("hidden", whole || ticked < boxes.length || !ticked);
  const count = whole ? bar.dataset.total : ticked.toLocaleString("en");
  for (const button of bar.querySelectorAll("[data-confirm-pattern]")) {
    button.dataset.confirm = button.dataset.confirmPattern.replace("%(count)s", count);
  }
}

let menu = null;
function closeMenu() {
  if (!menu) return;
  menu.opener.setAttribute("aria-expanded", "false");
  menu.box.remove();
  menu = null;
}

async function openMenu(button) {
  const same = menu?.opener === button;
  closeMenu();
  if (same) return;
  const row = button.closest("tr");
  const table = button.closest("table");
  const box = document.createElement("div");
  box.className = "row-menu menu-list";
  box.setAttribute("popover", "manual");
  box.id = "row-menu";
  document.querySelector("main").append(box);
  button.setAttribute("aria-expanded", "true");
  menu = { opener: button, box };
  await htmx.ajax("GET", `${table.dataset.base}${row.dataset.pk}/menu/`, { target: box, swap: "innerHTML" });
  if (menu?.box !== box) return;
  box.showPopover();
  const at = button.getBoundingClientRect();
  const rtl = document.dir === "rtl";
  const left = rtl ? at.left : at.right - box.offsetWidth;
  box.style.left = `${Math.max(8, Math.min(left, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${at.bottom + box.offsetHeight + 8 > innerHeight ? Math.max(8, at.top - box.offsetHeight - 4) : at.bottom + 4}px`;
  box.querySelector("a, button")?.focus();
}

export function start() {
  // The list's address is its whole state: what is sent beside it (export, bulk, columns, views) says that address.
  document.addEventListener(
    "submit",
    (event) => event.target.querySelectorAll('input[name="query"]').forEach((input) => (input.value = location.search.slice(1))),
    true,
  );
  let lastBox = null;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("table[data-base] .more > button");
    if (button) {
      openMenu(button);
      return;
    }
    if (menu && !menu.box.contains(event.target)) closeMenu();

    const box = event.target.closest('input[name="pk"]');
    if (box && event.shiftKey && lastBox) {
      const boxes = [...box.closest("tbody").querySelectorAll('input[name="pk"]')];
      const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)].sort((a, b) => a - b);
      if (from >= 0) boxes.slice(from, to + 1).forEach((other) => (other.checked = box.checked));
    }
    if (box) lastBox = box;

    const row = event.target.closest("table.rows[data-open] tbody tr");
    if (!row || event.target.closest("a, button, input, label, summary, .sel") || getSelection().toString()) return;
    const link = linkOf(row);
    if (link) event.metaKey || event.ctrlKey ? window.open(link.href, "_blank", "noopener") : link.click();
  });

  document.addEventListener("change", (event) => {
    const list = event.target.closest("[data-list]");
    if (!list) return;
    if (event.target.matches("[data-tick-all]")) {
      list.querySelectorAll('tbody input[name="pk"]').forEach((box) => (box.checked = event.target.checked));
      refresh(list);
    } else if (event.target.matches('input[name="pk"]')) refresh(list);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choose-all], [data-choose-none]");
    const list = button?.closest("[data-list]");
    if (!list) return;
    const none = button.matches("[data-choose-none]");
    if (none) list.querySelectorAll('input[name="pk"], [data-tick-all]').forEach((box) => (box.checked = false));
    list.querySelector('input[name="all"]').value = none ? "" : "1";
    refresh(list);
  });
  document.addEventListener("htmx:afterSettle", () => document.querySelectorAll("[data-list]").forEach(refresh));
  addEventListener("pageshow", () => document.querySelectorAll("[data-list]").forEach(refresh));

  document.addEventListener("keydown", (event) => {
    if (menu && event.key === "Escape") {
      const { opener } = menu;
      closeMenu();
      opener.focus();
      return;
    }
    if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const stops = [...menu.box.querySelectorAll("a, button")];
      const step = event.key === "ArrowDown" ? 1 : -1;
      stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length]?.focus();
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const rows = [...document.querySelectorAll("table.rows[data-open] tbody tr")];
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.classList.contains("at"));
    if (["j", "k", "ArrowDown", "ArrowUp"].includes(event.key)) {
      if (event.key.startsWith("Arrow") && at < 0) return;
      const next = Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" || event.key === "ArrowDown" ? 1 : -1)));
      rows[at]?.classList.remove("at");
      rows[next].classList.add("at");
      rows[next].scrollIntoView({ block: "nearest" });
      linkOf(rows[next])?.focus({ preventScroll: true });
      event.preventDefault();
    } else if (event.key === "x" && at >= 0) {
      rows[at].querySelector('input[name="pk"]')?.click();
      event.preventDefault();
    } else if (event.key === "." && at >= 0) {
      rows[at].querySelector(".more > button")?.click();
      event.preventDefault();
    } else if ((event.key === "[" || event.key === "]") && document.querySelector(`[data-page="${event.key === "]" ? "next" : "previous"}"]`)) {
      document.querySelector(`[data-page="${event.key === "]" ? "next" : "previous"}"]`).click();
    }
  });

  // The chips are outside of what is swapped, so that an open one stays open: their words follow here.
  document.addEventListener("change", (event) => {
    const panel = event.target.closest("details.drop[data-chip]");
    if (!panel || event.target.type === "search") return;
    if (event.target.type === "radio" && event.target.name && panel.dataset.chip === "date") {
      panel.querySelectorAll("input[type=date]").forEach((input) => (input.value = ""));
    } else if (event.target.type === "date") {
      panel.querySelectorAll("input[type=radio]").forEach((input) => (input.checked = false));
    }
  });
  document.addEventListener("click", (event) => {
    const clear = event.target.closest("[data-clear-chip]");
    if (!clear) return;
    const panel = clear.closest("details");
    panel.querySelectorAll("input").forEach((input) => {
      if (input.type === "checkbox" || input.type === "radio") input.checked = false;
      else input.value = "";
    });
    panel.open = false;
    htmx.trigger(clear.closest("form"), "change");
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.drop[data-chip]") && event.target.open) {
      const choices = event.target.querySelector("[data-choices]");
      if (choices) {
        const asked = new URLSearchParams([...new FormData(choices.closest("form"))].filter(([, value]) => value));
        htmx.ajax("GET", `${choices.dataset.choices}?${asked}`, { target: choices, swap: "innerHTML" });
        delete choices.dataset.choices;
      }
      event.target.querySelector("input")?.focus({ preventScroll: true });
    }
  }, true);
}
