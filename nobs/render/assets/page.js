"use strict";
// The view depends on the embedded data and on the fragment of the URL.

const data = JSON.parse(document.getElementById("data").textContent);
for (const table of data.tables) table.rows.forEach((row, place) => { row.place = place; });
const hasDevices = data.devices.length + data.sums.length > 0;
let state = {};

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
  document.getElementById(id).replaceChildren(...children.flat());
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

// Whether one of the texts contains every word of the search.
function finds(...texts) {
  const all = texts.join(" ").toLowerCase();
  return (state.q || "").toLowerCase().split(" ").every((word) => all.includes(word));
}

function matches(row) {
  return finds(hostOf(row).host, row.hardware, row.device, row.model, row.status)
    && (!state.device || row.device === state.device)
    && (!state.model || row.model === state.model);
}

const MEANING = {
  closed: "The pinned workload, unchanged: these results can be compared.",
  open: "Something pinned was changed, see the notes of each row. Open results are never ranked with closed ones.",
  legacy: "Imported from older reports without pinned workloads: for orientation only.",
};

function showTable(table) {
  const count = h("output", { "aria-live": "polite" });
  const charts = h("section", { class: "charts", "aria-label": "Charts" });
  const columns = [rankColumn, machineColumn, ...resultColumns(table.figures)];
  const view = drawTable(columns, table.rows.filter(matches), `${captionOf(table)}; ranked per model`, rankColumn);
  const filter = (changes) => {
    change(changes);
    shown = PAGE;
    view.rows = table.rows.filter(matches);
    view.fill();
    update();
  };
  function update() {
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
  update();
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
    view: drawTable(resultColumns(table.figures), table.rows, captionOf(table), modelColumn),
  }));
  replace("main",
    h("div", { class: "head" }, h("h2", null, host.host || "(no name)"),
      h("p", null, `${host.hardware}; measured ${timeOf(host)}; from ${host.file}`)),
    h("section", { class: "panel" }, h("h3", null, "Trust flags"), host.flags.length
      ? h("ul", { class: "flags flag" }, host.flags.map((flag) => h("li", null, flag)))
      : h("p", { class: "note" }, "None."),
    host.notes.length ? h("ul", { class: "flags", "aria-label": "Notes" }, host.notes.map((note) => h("li", null, note))) : null),
    ...parts.flatMap(({ view, charts }) => [view.element, charts]),
    h("div", { class: "columns" }, facts("Device", host.device), facts("Run", host.details),
      facts("Environment", host.environment), facts("Sensors", host.sensors)));
  parts.forEach(({ table, charts }) => drawDeclared(charts, table, table.rows, modelNames));
}

function showHosts() {
  const text = (key, label, read, cell) => ({
    key, label, value: read, cell: cell || ((host) => h("td", { class: "name" }, read(host))),
  });
  const columns = [
    text("machine", "machine", (host) => host.host, (host) => machineCell(host)),
    text("processor", "processor", (host) => host.device.processor || ""),
    text("gpu", "GPU", (host) => host.device.gpu_name || "–"),
    text("backend", "backend", (host) => host.device.device || ""),
    text("time", "measured", timeOf),
    { key: "flags", label: "flags", number: true, value: (host) => host.flags.length,
      cell: (host) => h("td", { class: "num" }, String(host.flags.length)) },
  ];
  const find = () => data.hosts.filter((host) => finds(host.host, ...Object.values(host.device)));
  const count = h("output", { "aria-live": "polite" });
  const view = drawTable(columns, find(), "One row per report", columns[0]);
  const update = () => { count.value = `${view.rows.length} of ${data.hosts.length} reports`; };
  const filter = (changes) => { change(changes); shown = PAGE; view.rows = find(); view.fill(); update(); };
  replace("main", h("div", { class: "head" }, h("h2", null, "Machines"),
    h("p", null, "All reports by machine. Select a machine for its environment and flags.")),
  h("div", { class: "filters" }, search("Search machine, hardware", filter), count), view.element);
  update();
}

function showSkipped() {
  replace("main", h("div", { class: "head" }, h("h2", null, "Skipped files")),
    h("section", { class: "panel" }, h("ul", { class: "flags" },
      data.skipped.map((each) => h("li", null, `${each.file}: ${each.reason}`)))));
}

function showViews() {
  const chip = (view, current, ...children) => h("li", null,
    h("a", { href: link({ view }), "aria-current": current ? "page" : null }, ...children));
  const chips = data.tables.map((table) => chip(viewOf(table), state.view === viewOf(table),
    table.workload, h("span", { class: `badge ${table.division}` }, table.division)));
  chips.push(chip("machines", state.view === "machines", "Machines"));
  if (hasDevices) chips.push(chip("devices", state.view === "devices", "Several devices"));
  if (data.skipped.length) chips.push(chip("skipped", state.view === "skipped", `Skipped: ${data.skipped.length}`));
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
  else if (state.view === "devices" && hasDevices) showDevices();
  else if (table) showTable(table);
  else showHosts();
}

function start() {
  const plural = data.hosts.length === 1 ? "report" : "reports";
  const times = data.hosts.map((host) => host.timestamp).sort();
  replace("summary", `${data.hosts.length} ${plural}${times.length ? `, latest: ${times.at(-1).slice(0, 10)}` : ""}`);
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
