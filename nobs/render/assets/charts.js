"use strict";
// Charts of the visible rows, drawn with Observable Plot.

const MOST_MACHINES = 16;
// The table has every value that the pointer shows.
const TIP = { ariaHidden: "true" };
const COLORS = ["#2f7ed8", "#d9622b", "#1f9d78", "#a05bd0", "#c9416f", "#8f7d16", "#3a9fc4", "#7d8590"];

// Names of machines may differ at either end.
function shorten(text, most) {
  const half = Math.floor((most - 1) / 2);
  return text.length > most ? `${text.slice(0, half)}…${text.slice(-half)}` : text;
}

function bottom(label) {
  return { label, labelAnchor: "center", labelArrow: false, labelOffset: 40, tickFormat: formatTick };
}

// `values` returns headings and rows of values that only the chart shows.
function addChart(charts, title, text, options, values = null) {
  const box = h("figure", { class: "panel chart" }, h("figcaption", null, h("h3", null, title), h("p", null, text)));
  charts.append(box);
  const width = Math.max(260, box.clientWidth - 38);
  const plot = Plot.plot({
    width, marginTop: 32, style: { background: "transparent", color: "inherit", fontFamily: "inherit", fontSize: "12px" },
    ...options(width), color: { range: COLORS, legend: true, ...options(width).color },
  });
  const svg = plot.matches("svg") ? plot : plot.querySelector(":scope > svg");
  for (const part of svg.querySelectorAll("[aria-label]")) {
    part.dataset.mark = part.getAttribute("aria-label");
    part.removeAttribute("aria-label");
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${title}. ${text} ${values ? "The values are below." : "The values are in the table."}`);
  for (const legend of plot.querySelectorAll(":scope > div svg")) legend.setAttribute("aria-hidden", "true");
  box.append(plot);
  if (values) box.append(valuesOf(title, values));
}

// Filled when opened: a chart may have thousands of marks.
function valuesOf(title, values) {
  const details = h("details", { class: "values", toggle: () => {
    if (!details.open || details.querySelector("table")) return;
    const [heads, ...rows] = values();
    details.append(h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Values of ${title}` },
      h("table", null, h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", null, rows.map((row) => h("tr", null, row.map((cell) => h("td", null, String(cell ?? "–")))))))));
  } }, h("summary", null, "Values"));
  return details;
}

function modelName(row) {
  return shorten(row.model.split("/").at(-1), 24);
}

function brief(hardware) {
  return hardware.replace(/^NVIDIA (?=\S)|\((R|TM)\)/g, "");
}

// The label of a mark, in lines; the first two name the machine.
function titleOf(row) {
  const host = hostOf(row);
  return [brief(row.hardware), [host.host, twinOf(row)].filter(Boolean).join(", ")].join("\n");
}

// Lines are named after the hardware, and after the model if there are several.
function lineNames(rows) {
  const several = unique(rows, (row) => row.model).length > 1;
  return distinct(rows, (row) => shorten(brief(row.hardware), 28) + (several ? `, ${modelName(row)}` : ""));
}

function modelNames(rows) {
  return distinct(rows, modelName);
}

function formatTick(value) {
  return value >= 1000 ? d3.format(".3~s")(value) : String(Number(value.toPrecision(3)));
}

// Ticks of a logarithmic axis: the measured values, unless there are too many.
function steps(values) {
  const found = [...new Set(values)].sort((a, b) => a - b);
  return found.length > 9 ? 8 : found;
}

// One name per row, even if machines share theirs.
function distinct(rows, name) {
  const seen = new Map();
  return rows.map((row) => {
    const text = name(row);
    seen.set(text, (seen.get(text) || 0) + 1);
    return seen.get(text) > 1 ? `${text} (${seen.get(text)})` : text;
  });
}

function bestFirst(rows, figure) {
  const column = figureColumn(figure);
  return rows.filter((row) => row.figures[figure.key]).sort(compare(column, !figure.lower));
}

function describe(figure, points, hosts, kept, isWide) {
  const models = unique(points, (point) => point.model);
  return [figure.meaning, hosts.length > kept.length ? `the best ${kept.length} of ${hosts.length} machines` : "",
    figure.lower ? "less is better" : "more is better", isWide ? "logarithmic scale" : "",
    points.some((point) => point.low !== null) ? "bars are intervals of the medians" : "no interval is known",
    models.length === 1 ? models[0] : ""].filter(Boolean).join("; ");
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function spreadsWide(points) {
  const ends = points.flatMap((point) => [point.low ?? point.value, point.high ?? point.value]);
  return Math.min(...ends) > 0 && Math.max(...ends) / Math.min(...ends) > 50;
}

function extent(isWide) {
  return isWide ? { type: "log", insetLeft: 10, insetRight: 10 } : { zero: true, nice: true };
}

// The names get the width they need, up to a third.
function namesAxis(width, labels) {
  const most = Math.min(230, Math.round(width * (width < 420 ? 0.44 : 0.38)));
  const characters = Math.floor((most - 14) / 7.2);
  const lines = labels.map((label) => label.split("\n").map((line) => shorten(line, characters)).join("\n"));
  const longest = Math.max(...lines.flatMap((label) => label.split("\n").map((line) => line.length)));
  return { marginLeft: Math.min(most, 14 + Math.ceil(longest * 7.2)), lines };
}

function drawFigure(charts, rows, figure, all) {
  const best = bestFirst(rows, figure);
  const hosts = [...new Set(best.map((row) => row.host))];
  const kept = hosts.slice(0, MOST_MACHINES);
  if (!kept.length) return;
  const points = best.filter((row) => kept.includes(row.host)).map((row) => ({
    host: row.host, model: row.model, ...row.figures[figure.key],
    machine: titleOf(row), title: `${titleOf(row)}\n${row.model}\n${row.figures[figure.key].text}\n${row.figures[figure.key].interval}`,
  }));
  const models = unique(points, (point) => point.model);
  const known = unique(all, (row) => row.model);
  const colors = models.map((model) => COLORS[known.indexOf(model) % COLORS.length]);
  const isWide = spreadsWide(points);
  addChart(charts, figure.title, sentence(describe(figure, points, hosts, kept, isWide)), (width) => {
    const { marginLeft, lines } = namesAxis(width, kept.map((host) => points.find((point) => point.host === host).machine));
    const x = { ...bottom(figure.axis), grid: true, ticks: Math.max(3, width / 120), ...extent(isWide) };
    return {
      marginLeft, marginRight: 24, marginTop: 8, marginBottom: 46, height: 58 + 36 * kept.length,
      x: figure.share ? { ...x, tickFormat: (share) => `${formatTick(100 * share)} %` } : x,
      color: { domain: models, range: colors, legend: models.length > 1 },
      y: { type: "point", label: null, domain: kept, tickFormat: (host) => lines[kept.indexOf(host)], tickSize: 0, padding: 0.5 },
      symbol: { domain: models, legend: false },
      marks: [
        Plot.ruleY(points.filter((point) => point.low !== null), { y: "host", x1: "low", x2: "high", stroke: "model", strokeWidth: 5, strokeOpacity: 0.4 }),
        Plot.dot(points, { y: "host", x: "value", stroke: "model", fill: "model", symbol: "model", r: 4.5, title: "title", tip: TIP }),
      ],
    };
  });
}

function drawCharts(charts, table, rows) {
  charts.replaceChildren();
  const charted = table.figures.filter((figure) => figure.charted);
  charted.forEach((figure) => drawFigure(charts, rows, figure, table.rows));
  if (!charted.length) return;
  for (const chart of table.charts) {
    if (chart.kind === "pairs") drawPairs(charts, chart, rows, table);
  }
  drawDeclared(charts, table, bestFirst(rows, charted[0]), lineNames);
}
