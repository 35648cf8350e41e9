"use strict";
// What the page shows follows from the data it carries and from the fragment of its address.

const data = JSON.parse(document.getElementById("data").textContent);
const PAGE = 25;
let state = {};
let shown = PAGE;

// ---- elements ----------------------------------------------------------------------------------

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null));
  return element;
}

function replace(id, ...children) {
  document.getElementById(id).replaceChildren(...children);
}

// ---- state -------------------------------------------------------------------------------------

function link(changes, keep = ["theme"]) {
  const kept = keep.map((key) => [key, state[key]]);
  const all = Object.entries({ ...Object.fromEntries(kept), ...changes });
  return "#" + new URLSearchParams(all.filter(([, value]) => value));
}

function change(changes) {
  history.replaceState(null, "", link({ ...state, ...changes }));
  state = readState();
}

function readState() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

function viewOf(table) {
  return `${table.workload} ${table.division}`;
}

// ---- tables ------------------------------------------------------------------------------------

function compare(column, descending) {
  const sign = descending ? -1 : 1;
  return (one, other) => {
    const [a, b] = [column.value(one), column.value(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number") return sign * (a - b);
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  };
}

function drawTable(columns, rows, caption, first) {
  const body = h("tbody");
  const more = h("div", { class: "more" });
  const heads = columns.map((column) =>
    h("th", { scope: "col", class: column.number ? "num" : null },
      h("button", { type: "button", title: column.meaning, click: () => sort(column) }, column.label)));
  const view = { rows, fill };
  function sort(column) {
    const same = (state.sort || first.key) === column.key;
    const descending = same ? !isDescending(column) : column.number && !column.lower;
    change({ sort: column.key, dir: descending ? "down" : "up" });
    fill();
  }
  function isDescending(column) {
    return state.dir ? state.dir === "down" : Boolean(column.number && !column.lower);
  }
  function fill() {
    const column = columns.find((each) => each.key === state.sort) || first;
    const sorted = [...view.rows].sort(compare(column, isDescending(column)));
    body.replaceChildren(...sorted.slice(0, shown).map((row) => h("tr", null, columns.map((each) => each.cell(row)))));
    heads.forEach((head, index) => {
      const direction = isDescending(column) ? "descending" : "ascending";
      if (columns[index] === column) head.setAttribute("aria-sort", direction);
      else head.removeAttribute("aria-sort");
    });
    fillMore(more, sorted.length, fill);
  }
  fill();
  view.element = h("div", { class: "panel" },
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      h("table", null, h("caption", null, caption), h("thead", null, h("tr", null, heads)), body)),
    more);
  return view;
}

function fillMore(more, count, fill) {
  const grow = (by) => () => { shown += by; fill(); };
  more.hidden = count <= shown;
  more.replaceChildren(
    h("button", { type: "button", click: grow(PAGE) }, `Show ${PAGE} more`),
    h("button", { type: "button", click: grow(count) }, `Show all ${count}`));
}

function figureColumn(figure) {
  return {
    key: figure.key, label: figure.label, meaning: figure.meaning || null, number: true, lower: figure.lower,
    value: (row) => (row.figures[figure.key] ? row.figures[figure.key].value : null),
    cell: (row) => {
      const found = row.figures[figure.key];
      if (!found) return h("td", { class: "num" }, "–");
      return h("td", { class: "num" }, found.text, found.interval ? h("small", null, found.interval) : null);
    },
  };
}

function hostOf(row) {
  return data.hosts[row.host];
}

// A text that may be broken behind the marks of a name.
function breakable(text) {
  return text.split(/(?<=[/_:@])/).flatMap((part, index) => (index ? [h("wbr"), part] : [part]));
}

function timeOf(host) {
  return host.timestamp.slice(0, 16).replace("T", " ");
}

// When it was measured, where another row of the table looks the same.
function twinOf(row) {
  return row.twin ? timeOf(hostOf(row)) : "";
}

function machineCell(host, twin = "") {
  const below = [host.hardware, twin].filter(Boolean);
  return h("th", { scope: "row", class: "name" },
    h("a", { href: link({ host: host.run }) }, breakable(host.host || "(no name)")), below.map((text) => h("small", null, text)));
}

const machineColumn = {
  key: "machine", label: "machine",
  value: (row) => hostOf(row).host.toLowerCase(), cell: (row) => machineCell(hostOf(row), twinOf(row)),
};
const modelColumn = {
  key: "model", label: "model",
  value: (row) => row.model.toLowerCase(), cell: (row) => h("th", { scope: "row", class: "name" }, breakable(row.model), row.settings ? h("small", null, row.settings) : null),
};
const backendColumn = {
  key: "backend", label: "backend", value: (row) => row.device, cell: (row) => h("td", null, row.device),
};
const stateColumn = {
  key: "state", label: "state", value: (row) => row.status + row.warnings.length,
  cell: (row) => h("td", { class: "name" },
    h("span", { class: row.status === "ok" ? "closed" : "failed" }, row.status),
    row.why ? h("small", null, row.why) : null, notes([...row.open, ...row.warnings])),
};

function notes(texts) {
  if (!texts.length) return null;
  const count = texts.length === 1 ? "1 note" : `${texts.length} notes`;
  return h("details", null, h("summary", null, count), texts.map((text) => h("small", null, text)));
}

function resultColumns(figures) {
  return [modelColumn, ...figures.map(figureColumn), backendColumn, stateColumn];
}

// ---- views -------------------------------------------------------------------------------------

function select(name, label, values, onChange) {
  const options = ["", ...values].map((value) => h("option", { value }, value || "all"));
  const field = h("select", { change: () => onChange({ [name]: field.value }) }, options);
  field.value = values.includes(state[name]) ? state[name] : "";
  return h("label", { class: "field" }, h("span", null, label), field);
}

function search(label, onChange) {
  const field = h("input", { type: "search", input: () => onChange({ q: field.value }) });
  field.value = state.q || "";
  return h("label", { class: "field grow" }, h("span", null, label), field);
}

function unique(rows, read) {
  return [...new Set(rows.map(read))].sort();
}

function matches(row) {
  const host = hostOf(row);
  const text = `${host.host} ${host.hardware} ${row.device} ${row.model} ${row.status}`.toLowerCase();
  return (state.q || "").toLowerCase().split(" ").every((word) => text.includes(word))
    && (!state.device || row.device === state.device)
    && (!state.model || row.model === state.model);
}

const MEANING = {
  closed: "The pinned workload, unchanged: these results can be compared.",
  open: "Something pinned was changed, each row says what: shown, but never ranked with closed results.",
  legacy: "Imported from older reports, whose work was not pinned: for orientation only.",
};

function showTable(table) {
  const count = h("output", { "aria-live": "polite" });
  const charts = h("section", { class: "charts", "aria-label": "Charts" });
  const headline = table.figures[0];
  const columns = [machineColumn, ...resultColumns(table.figures)];
  const first = columns.find((each) => headline && each.key === headline.key) || machineColumn;
  const view = drawTable(columns, table.rows.filter(matches), `${viewOf(table)}: medians, below them their 95 % intervals`, first);
  const filter = (changes) => {
    change(changes);
    shown = PAGE;
    view.rows = table.rows.filter(matches);
    view.fill();
    tell();
  };
  function tell() {
    count.value = `${view.rows.length} of ${table.rows.length} rows`;
    drawCharts(charts, table, view.rows);
  }
  replace("main",
    h("div", { class: "head" }, h("h2", null, table.workload),
      h("span", { class: `badge ${table.division}` }, table.division), h("p", null, MEANING[table.division] || "")),
    h("div", { class: "filters" }, search("Search machine, hardware, model", filter),
      select("device", "Backend", unique(table.rows, (row) => row.device), filter),
      select("model", "Model", unique(table.rows, (row) => row.model), filter), count),
    view.element, charts);
  tell();
}

function facts(title, values) {
  const entries = Object.entries(values);
  if (!entries.length) return null;
  const list = entries.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]);
  return h("section", { class: "panel" }, h("h3", null, title), h("dl", { class: "facts" }, list));
}

function showHost(host) {
  const index = data.hosts.indexOf(host);
  const own = data.tables.map((table) => ({ ...table, rows: table.rows.filter((row) => row.host === index) }));
  const held = own.filter((table) => table.rows.length);
  const parts = held.map((table) => ({
    table, charts: h("section", { class: "charts", "aria-label": `Charts of ${viewOf(table)}` }),
    view: drawTable(resultColumns(table.figures), table.rows, `${viewOf(table)}: medians, below them their 95 % intervals`, modelColumn),
  }));
  replace("main",
    h("div", { class: "head" }, h("h2", null, host.host || "(no name)"),
      h("p", null, `${host.hardware}; measured ${timeOf(host)}; from ${host.file}`)),
    h("section", { class: "panel" }, h("h3", null, "Trust flags"), host.flags.length
      ? h("ul", { class: "flags flag" }, host.flags.map((flag) => h("li", null, flag)))
      : h("p", { class: "note" }, "None was raised.")),
    ...parts.flatMap(({ view, charts }) => [view.element, charts]),
    h("div", { class: "columns" }, facts("Device", host.device), facts("Run", host.details),
      facts("Environment", host.environment), facts("Sensors", host.sensors)));
  parts.forEach(({ table, charts }) => drawCurves(charts, table.rows, modelNames));
}

function showHosts() {
  const text = (key, label, read, cell) => ({
    key, label, value: (host) => read(host).toLowerCase(), cell: cell || ((host) => h("td", { class: "name" }, read(host))),
  });
  const columns = [
    text("machine", "machine", (host) => host.host, (host) => machineCell(host)),
    text("processor", "processor", (host) => host.device.processor || ""),
    text("gpu", "GPU", (host) => host.device.gpu_name || "–"),
    text("backend", "backend", (host) => host.device.device || ""),
    text("time", "measured", timeOf),
    { key: "flags", label: "trust flags", number: true, value: (host) => host.flags.length,
      cell: (host) => h("td", { class: "num" }, String(host.flags.length)) },
  ];
  const find = () => data.hosts.filter((host) =>
    JSON.stringify([host.host, host.device]).toLowerCase().includes((state.q || "").toLowerCase()));
  const view = drawTable(columns, find(), "One line for each report", columns[0]);
  const filter = (changes) => { change(changes); shown = PAGE; view.rows = find(); view.fill(); };
  replace("main", h("div", { class: "head" }, h("h2", null, "Machines"),
    h("p", null, "What was measured where: a machine's own page has its environment and trust flags.")),
  h("div", { class: "filters" }, search("Search", filter)), view.element);
}

function showSkipped() {
  replace("main", h("div", { class: "head" }, h("h2", null, "Files left out")),
    h("section", { class: "panel" }, h("ul", { class: "flags" },
      data.skipped.map((each) => h("li", null, `${each.file}: ${each.reason}`)))));
}

function showViews() {
  const chip = (view, current, ...children) => h("li", null,
    h("a", { href: link({ view }), "aria-current": current ? "page" : null }, ...children));
  const chips = data.tables.map((table) => chip(viewOf(table), state.view === viewOf(table),
    table.workload, h("span", { class: `badge ${table.division}` }, table.division)));
  chips.push(chip("machines", state.view === "machines", "Machines"));
  if (data.skipped.length) chips.push(chip("skipped", state.view === "skipped", `Left out: ${data.skipped.length}`));
  replace("views", ...chips);
}

function show() {
  state = readState();
  shown = PAGE;
  const host = state.host !== undefined && data.hosts.find((each) => each.run === state.host);
  if (!host && !state.view && data.tables.length) state.view = viewOf(data.tables[0]);
  const table = data.tables.find((each) => viewOf(each) === state.view);
  document.documentElement.dataset.theme = state.theme || "auto";
  document.getElementById("theme").value = state.theme || "auto";
  showViews();
  if (host) showHost(host);
  else if (state.view === "skipped") showSkipped();
  else if (table) showTable(table);
  else showHosts();
}

function start() {
  const plural = data.hosts.length === 1 ? "report" : "reports";
  const times = data.hosts.map((host) => host.timestamp).sort();
  replace("summary", `${data.hosts.length} ${plural}${times.length ? `, the latest of ${times.at(-1).slice(0, 10)}` : ""}`);
  const theme = document.getElementById("theme");
  theme.addEventListener("change", () => {
    change({ theme: theme.value === "auto" ? "" : theme.value });
    document.documentElement.dataset.theme = theme.value;
    showViews();
  });
  addEventListener("hashchange", show);
  show();
}

document.addEventListener("DOMContentLoaded", start);
