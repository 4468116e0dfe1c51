import htmx from "htmx.org";

import { say, word } from "./toasts.js";

Object.assign(htmx.config, {
  allowEval: false,
  allowScriptTags: false,
  includeIndicatorStyles: false,
  selfRequestsOnly: true,
  historyCacheSize: 0, // no page of a tenant's stays behind in the browser's storage
  refreshOnHistoryMiss: true,
  scrollBehavior: "auto",
  timeout: 30000,
  responseHandling: [
    { code: "204", swap: false },
    { code: "[23]..", swap: true },
    { code: "422", swap: true },
    { code: "[45]..", swap: false, error: true },
  ],
});

let running = 0;
const busy = (step) => {
  running = Math.max(0, running + step);
  document.documentElement.classList.toggle("busy", running > 0);
};
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.elt.matches?.("[data-quiet]")) busy(1);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.elt.matches?.("[data-quiet]")) busy(-1);
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.elt.matches?.("[data-quiet]")) return;
  const { status } = event.detail.xhr;
  say(word({ 403: "forbidden", 404: "gone", 503: "away" }[status] ?? "failed"), "bad");
});
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (!event.detail.elt.matches?.("[data-quiet]")) say(word("offline"), "bad");
  });
}
// The token stands in the page once; every request that changes something carries it.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb === "get") {
    // What was left empty has no place in the address.
    for (const [name, value] of [...event.detail.formData]) if (value === "") event.detail.formData.delete(name);
  } else {
    event.detail.headers["X-CSRFToken"] = document.querySelector('meta[name="csrf"]')?.content ?? "";
  }
});

export default htmx;
