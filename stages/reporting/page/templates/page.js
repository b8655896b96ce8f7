"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const read = (id) => JSON.parse(document.getElementById(id).textContent);

  // The ledger's filter.
  const form = document.querySelector(".filter");
  const rows = all("#ledger tbody tr");
  const fields = all("[data-filter]", form);
  const wanted = (row, field) => {
    const value = field.value.trim();
    if (!value) return true;
    if (field.dataset.filter !== "words") return row.dataset[field.dataset.filter] === value;
    return row.textContent.toLowerCase().includes(value.toLowerCase());
  };
  const filter = () => {
    for (const row of rows) row.hidden = !fields.every((field) => wanted(row, field));
    const shown = rows.filter((row) => !row.hidden).length;
    form.querySelector("[role=status]").textContent = `${shown} of ${rows.length} lines`;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  filter();

  // The charts, and the one legend of all of them.
  const curves = read("curves-data");
  const unfolded = (series) => {
    const columns = Object.entries(series);
    const row = (_, place) => Object.fromEntries(columns.map(([key, value]) => [key, Array.isArray(value) ? value[place] : value]));
    return series.epoch.map(row);
  };
  const datasets = { seeds: curves.seeds.flatMap(unfolded), means: curves.means.flatMap(unfolded) };
  const views = [];
  const hidden = new Set();
  const show = () => {
    for (const button of all(".legend button")) button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.variant)));
    for (const view of views) view.signal("hidden", [...hidden]).runAsync();
  };
  for (const button of all(".legend button")) {
    button.addEventListener("click", () => {
      const name = button.dataset.variant;
      if (!hidden.delete(name)) hidden.add(name);
      show();
    });
  }
  for (const element of all(".legend, .canvas")) element.hidden = false;
  for (const element of all(".needs-script")) element.hidden = true;
  const drawn = all(".canvas").map(async (canvas) => {
    const spec = { ...read(`spec-${canvas.dataset.chart}`), datasets };
    const result = await vegaEmbed(canvas, spec, { mode: "vega-lite", renderer: "svg", actions: false });
    views.push(result.view);
  });
  Promise.all(drawn).then(() => { document.documentElement.dataset.charts = "drawn"; });

  // On paper every detail is open.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });

  // Where the reader is.
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      for (const link of links.values()) link.removeAttribute("aria-current");
      const link = links.get(entry.target.id);
      link.setAttribute("aria-current", "true");
      const list = link.closest("ol"); // on a phone, a line that scrolls
      list.scrollLeft = link.offsetLeft - list.clientWidth / 3;
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const section of all("main > section")) seen.observe(section);
})();
