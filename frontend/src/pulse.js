/* Running jobs: asked for once the page is quiet, then often while something runs and seldom otherwise. */

import htmx from "./htmx.js";

export function start() {
  const box = document.getElementById("runs");
  if (!box) return;
  const ask = async () => {
    if (document.visibilityState === "visible") {
      await htmx.ajax("GET", box.dataset.url, { target: box, swap: "innerHTML", source: box }).catch(() => {});
    }
    setTimeout(ask, box.querySelector("[data-running]") ? 2500 : 30000);
  };
  setTimeout(ask, 1200);
}
