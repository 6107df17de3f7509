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
  const pictures = specs === null ? [] : Object.entries(JSON.parse(specs.textContent)).map(([name, spec]) => {
    const place = document.getElementById(`picture-${name}`);
    if (typeof spec.height === "number") place.style.minHeight = `${spec.height + 40}px`;
    return { place, spec };
  });
  const style = { mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false, tooltip: tell };
  const later = globalThis.requestIdleCallback === undefined ? work => setTimeout(work, 1) : work => requestIdleCallback(work, { timeout: 200 });

  function draw(picture) {
    picture.drawn ??= vegaEmbed(picture.place, picture.spec, style);
    return picture.drawn;
  }

  // What is on the screen comes first; the others follow one by one while the page answers already.
  async function drawAll() {
    const near = pictures.filter(({ place }) => place.getBoundingClientRect().top < innerHeight);
    await Promise.all(near.map(draw));
    performance.mark("seen");
    const scrolledTo = new IntersectionObserver(seen => seen.filter(one => one.isIntersecting).forEach(one => draw(pictures.find(({ place }) => place === one.target))));
    pictures.forEach(({ place }) => scrolledTo.observe(place));
    for (const picture of pictures) {
      await new Promise(later);
      await draw(picture);
    }
    scrolledTo.disconnect();
    performance.mark("drawn");
    document.documentElement.dataset.drawn = pictures.length;
  }
  drawAll();

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
