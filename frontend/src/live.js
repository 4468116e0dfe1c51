/* Live places: an element with data-live="20" is asked for again every so many seconds, as long as it is looked at.

It is asked for at data-url (or the page's own address); what comes back takes its place, and says when to ask next.
data-swap="innerHTML" keeps the element, data-target and data-select swap something larger. A place the reader is busy
with waits for its turn; one that gets no answer says since when it is old. Why not server-sent events: see
docs/decisions/live-places.md. */

import htmx from "./htmx.js";
import { word } from "./toasts.js";

const armed = new WeakSet();
const due = new Set(); // whose turn came while nobody looked

/** Whether a swap would take something out of the reader's hands. */
function inUse(box) {
  return (
    box.contains(document.activeElement) ||
    box.querySelector("details.drop[open], input:checked") ||
    document.querySelector("dialog[open], .row-menu")
  );
}

function outdated(box) {
  const fresh = box.querySelector("[data-fresh]");
  if (!fresh || fresh.classList.contains("tone-warn")) return;
  fresh.classList.add("tone-warn");
  fresh.prepend(`${word("stale")} `);
}

async function ask(box) {
  if (!box.isConnected) return;
  if (document.visibilityState !== "visible") {
    due.add(box);
    return;
  }
  if (inUse(box)) {
    wait(box, 5);
    return;
  }
  try {
    const answer = await fetch(box.dataset.url ?? location.href, {
      headers: { "HX-Request": "true", "HX-Target": box.id },
      signal: AbortSignal.timeout(15000),
    });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    const html = await answer.text();
    if (!box.isConnected || inUse(box)) {
      wait(box, 5);
      return;
    }
    const target = box.dataset.target ? document.querySelector(box.dataset.target) : box;
    const scrolled = target.querySelector(".list-scroll")?.scrollTop;
    htmx.swap(target, html, { swapStyle: box.dataset.swap ?? "outerHTML", swapDelay: 0, settleDelay: 0 }, { select: box.dataset.select });
    target.querySelector("p[role=status]")?.remove(); // nobody wants to hear it every time
    if (scrolled) document.getElementById(target.id)?.querySelector(".list-scroll")?.scrollTo(0, scrolled);
  } catch {
    outdated(box);
  }
  arm();
  if (box.isConnected) wait(box, Number(box.dataset.live));
}

function wait(box, seconds) {
  armed.add(box);
  setTimeout(() => ask(box), seconds * 1000);
}

function arm() {
  for (const box of document.querySelectorAll("[data-live]")) if (!armed.has(box)) wait(box, Number(box.dataset.live));
}

export function start() {
  arm();
  document.addEventListener("htmx:afterSettle", arm);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    const waiting = [...due];
    due.clear();
    waiting.forEach(ask);
  });
  // The count on the bell is asked for after the page stands; until then it is what it was on the page before.
  const bell = document.getElementById("bell");
  if (bell) {
    bell.textContent = sessionStorage.getItem("bell") ?? "";
    new MutationObserver(() => sessionStorage.setItem("bell", document.getElementById("bell")?.textContent ?? "")).observe(
      bell.parentElement,
      { childList: true, subtree: true, characterData: true },
    );
  }
}
