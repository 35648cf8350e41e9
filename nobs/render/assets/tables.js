"use strict";
// Sortable tables and their columns.

const PAGE = 25;
const NAMES = new Intl.Collator("en", { numeric: true });
let shown = PAGE;

function compare(column, descending) {
  const sign = descending ? -1 : 1;
  return (one, other) => {
    const [a, b] = [column.value(one), column.value(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number") return sign * (a - b);
    return sign * NAMES.compare(a, b);
  };
}

function drawTable(columns, rows, caption, first) {
  const body = h("tbody");
  const more = h("div", { class: "more" });
  const heads = columns.map((column) =>
    h("th", { scope: "col", class: column.number ? "num" : column.key },
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
      h("table", null, h("caption", null, h("span", null, caption)), h("thead", null, h("tr", null, heads)), body)),
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
      // A confidence below 95 % is shown below the interval.
      const below = found.interval ? found.interval.split(/ (?=\()/) : [];
      return h("td", { class: "num" }, found.text, below.map((part) => h("small", null, part)));
    },
  };
}

function hostOf(row) {
  return data.hosts[row.host];
}

// A text that may wrap after the separators of a name.
function breakable(text) {
  return text.split(/(?<=[/_:@])/).flatMap((part, index) => (index ? [h("wbr"), part] : [part]));
}

function timeOf(host) {
  return host.timestamp.slice(0, 16).replace("T", " ");
}

// The time of measurement, if another row of the table looks the same.
function twinOf(row) {
  return row.ambiguous ? timeOf(hostOf(row)) : "";
}

function machineCell(host, hardware, ...more) {
  const below = [hardware, ...more].filter(Boolean);
  return h("th", { scope: "row", class: "name machine" },
    h("a", { href: link({ host: host.run }) }, breakable(host.host || "(no name)")), below.map((text) => h("small", null, text)));
}

const rankColumn = {
  key: "rank", label: "#", meaning: "rank among the results for the same model", number: true, lower: true,
  value: (row) => row.place, cell: (row) => h("td", { class: "num" }, row.rank === null ? "–" : String(row.rank)),
};
const machineColumn = {
  key: "machine", label: "machine",
  value: (row) => hostOf(row).host, cell: (row) => machineCell(hostOf(row), row.hardware, row.under, twinOf(row)),
};
const modelColumn = {
  key: "model", label: "model",
  value: (row) => row.model,
  cell: (row) => h("th", { scope: "row", class: "name" }, breakable(row.model), row.settings ? h("small", null, row.settings) : null),
};
const backendColumn = {
  key: "backend", label: "backend", value: (row) => row.device, cell: (row) => h("td", null, row.device),
};
const stateColumn = {
  key: "state", label: "state", value: (row) => `${row.status} ${row.verdict} ${row.warnings.length}`,
  cell: (row) => h("td", { class: "state" },
    h("span", { class: row.status === "ok" ? "closed" : "failed" }, row.status),
    [row.why, row.verdict].filter(Boolean).map((text) => h("small", { class: text === "unstable" ? "flag" : null }, text)),
    notes([...row.open, ...row.warnings, ...(row.price ? [`costs at a claimed price: ${row.price}`] : [])])),
};

function notes(texts) {
  if (!texts.length) return null;
  const count = texts.length === 1 ? "1 note" : `${texts.length} notes`;
  return h("details", null, h("summary", null, count), texts.map((text) => h("small", null, text)));
}

function captionOf(table) {
  return `${viewOf(table)}: medians with 95 % CIs`;
}

function resultColumns(figures) {
  return [modelColumn, ...figures.map(figureColumn), backendColumn, stateColumn];
}
