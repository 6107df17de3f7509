"use strict";
(() => {
  const tip = document.getElementById("tip");

  function tell(_, event, __, value) {
    if (value === null || value === undefined || value === "") { tip.hidden = true; return; }
    const told = typeof value === "object" ? Object.entries(value) : [["", value]];
    tip.textContent = told.filter(([, text]) => text !== "" && text !== "null").map(([name, text]) => name.trim() ? `${name}: ${text}` : `${text}`).join("\n");
    tip.hidden = tip.textContent === "";
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 16;
    tip.style.left = `${Math.max(left, 4)}px`;
    tip.style.top = `${below + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : below}px`;
  }

  const specs = document.getElementById("specs");
  const drawn = specs === null ? [] : Object.entries(JSON.parse(specs.textContent)).map(([name, spec]) => {
    const place = document.getElementById(`picture-${name}`);
    return vegaEmbed(place, spec, { mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false, tooltip: tell });
  });
  Promise.all(drawn).then(() => { document.documentElement.dataset.drawn = drawn.length; });

  function key(row, place) {
    const cell = row.cells[place];
    return cell.dataset.order === undefined ? cell.textContent.trim() : Number(cell.dataset.order);
  }

  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
    return one.localeCompare(other, undefined, { numeric: true });
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, place) => heading.addEventListener("click", () => {
      const falling = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach(other => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].map(row => [key(row, place), row]);
      rows.sort(([one], [other]) => falling ? compare(other, one) : compare(one, other));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    }));
  }

  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(one => { one.open = true; }));
})();
