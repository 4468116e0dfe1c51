/* Copy, print, go back, and where the focus goes after a swap. */

import { say, word } from "./toasts.js";

export function start() {
  // The rail stays where it was scrolled to, and where one is, is seen.
  const rail = document.querySelector(".rail-groups");
  if (rail) {
    rail.scrollTop = Number(sessionStorage.getItem("rail"));
    rail.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    addEventListener("pagehide", () => sessionStorage.setItem("rail", rail.scrollTop));
  }
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      event.preventDefault();
      try {
        await navigator.clipboard.writeText(copy.dataset.copy);
        say(word("copied"));
      } catch {
        say(word("failed"), "bad");
      }
    }
    const save = event.target.closest("[data-save]");
    if (save) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([save.dataset.text], { type: "text/plain" }));
      link.download = save.dataset.save;
      link.click();
      URL.revokeObjectURL(link.href);
    }
    if (event.target.closest("[data-print]")) print();
    // A link to a PDF with data-print-of opens it in a hidden frame and brings up the printer.
    const paper = event.target.closest("[data-print-of]");
    if (paper) {
      event.preventDefault();
      document.getElementById("print-frame")?.remove();
      const frame = document.createElement("iframe");
      frame.id = "print-frame";
      frame.className = "sr-only";
      frame.title = word("print");
      frame.src = paper.dataset.printOf;
      frame.addEventListener("load", () => {
        try {
          frame.contentWindow.focus();
          frame.contentWindow.print();
        } catch {
          window.open(paper.dataset.printOf, "_blank", "noopener");
        }
      });
      document.body.append(frame);
    }
  });
  // Tabs and other swapped regions: focus stays where the reader is, and the region is announced.
  document.addEventListener("htmx:afterSettle", (event) => {
    const region = event.detail.elt;
    if (region?.id === "tab") {
      for (const tab of document.querySelectorAll("[data-tabs] > a")) {
        const on = new URL(tab.href).search === location.search || tab.dataset.code === region.querySelector("[data-tab]")?.dataset.tab;
        on ? tab.setAttribute("aria-current", "true") : tab.removeAttribute("aria-current");
      }
    }
    region?.querySelector?.("[autofocus]")?.focus();
  });
}
