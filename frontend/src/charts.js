/* Charts: the library is fetched only where a chart stands. The table under it is the truth; this draws it. */

let drawer;

async function draw(root) {
  const boxes = [...root.querySelectorAll("[data-chart]")];
  if (!boxes.length) return;
  drawer ??= import("./chart.js");
  const { plot } = await drawer;
  boxes.forEach(plot);
}

export function start() {
  draw(document);
  document.addEventListener("htmx:afterSettle", (event) => draw(event.detail.elt));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-chart-table]");
    if (!button) return;
    const figure = button.closest("figure");
    const table = figure.querySelector(".chart-table");
    const box = figure.querySelector("[data-chart]");
    const asTable = table.hidden;
    table.hidden = !asTable;
    box.hidden = asTable;
    button.setAttribute("aria-pressed", String(asTable));
  });
}
