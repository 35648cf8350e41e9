"use strict";
// Charts of the rows that the table shows; Observable Plot draws them.
/* global Plot, d3 */

const MOST_MACHINES = 16;
const MOST_LINES = 8;
const COLORS = ["#2f7ed8", "#d9622b", "#1f9d78", "#a05bd0", "#c9416f", "#8f7d16", "#3a9fc4", "#7d8590"];

// Names of machines differ at their ends as often as at their beginnings.
function shorten(text, most) {
  const half = Math.floor((most - 1) / 2);
  return text.length > most ? `${text.slice(0, half)}…${text.slice(-half)}` : text;
}

function bottom(label) {
  return { label, labelAnchor: "center", labelArrow: false, labelOffset: 40, tickFormat: formatTick };
}

function addChart(charts, title, text, options) {
  const box = h("figure", { class: "panel chart" }, h("figcaption", null, h("h3", null, title), h("p", null, text)));
  charts.append(box);
  const width = Math.max(260, box.clientWidth - 38);
  const plot = Plot.plot({
    width, style: { background: "transparent", color: "inherit", fontFamily: "inherit", fontSize: "12px" },
    ...options(width), color: { range: COLORS, legend: true, ...options(width).color },
  });
  const svg = plot.matches("svg") ? plot : plot.querySelector(":scope > svg");
  for (const part of svg.querySelectorAll("[aria-label]")) {
    part.dataset.mark = part.getAttribute("aria-label");
    part.removeAttribute("aria-label");
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${title}. ${text} The table has the values.`);
  for (const legend of plot.querySelectorAll(":scope > div svg")) legend.setAttribute("aria-hidden", "true");
  box.append(plot);
}

function nameOf(row) {
  return hostOf(row).host;
}

function modelName(row) {
  return shorten(row.model.split("/").at(-1), 24);
}

function lineName(row) {
  return `${shorten(nameOf(row), 24)}, ${modelName(row)}`;
}

function formatTick(value) {
  return value >= 1000 ? d3.format("~s")(value) : String(Number(value.toPrecision(3)));
}

// One name a row also where machines share theirs.
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

function drawFigure(charts, rows, figure, all) {
  const hosts = [...new Set(bestFirst(rows, figure).map((row) => row.host))];
  const kept = hosts.slice(0, MOST_MACHINES);
  if (!kept.length) return;
  const points = bestFirst(rows, figure).filter((row) => kept.includes(row.host)).map((row) => ({
    host: row.host, model: row.model, ...row.figures[figure.key],
    title: `${nameOf(row)}\n${row.model}\n${row.figures[figure.key].text}\n${row.figures[figure.key].interval}`,
  }));
  const ends = points.flatMap((point) => [point.low ?? point.value, point.high ?? point.value]);
  const isWide = Math.min(...ends) > 0 && Math.max(...ends) / Math.min(...ends) > 50;
  const cut = hosts.length > kept.length ? `The best ${kept.length} of ${hosts.length} machines. ` : "";
  const models = unique(points, (point) => point.model);
  const known = unique(all, (row) => row.model);
  const colors = models.map((model) => COLORS[known.indexOf(model) % COLORS.length]);
  const text = [cut + (figure.lower ? "Less is better" : "More is better"), isWide ? "logarithmic scale" : "",
    points.some((point) => point.low !== null) ? "bars are intervals of the medians" : "",
    models.length === 1 ? models[0] : ""].filter(Boolean).join("; ");
  addChart(charts, figure.title, `${text}.`, (width) => {
    const left = Math.min(220, Math.round(width * 0.38));
    const label = (host) => shorten(`${data.hosts[host].host}`, Math.floor(left / 7.6));
    return {
      marginLeft: left, marginRight: 20, marginBottom: 46, height: 66 + 30 * kept.length,
      x: {
        ...bottom(figure.axis), grid: true, ticks: Math.max(3, width / 120), ...(isWide ? { type: "log" } : { zero: true, nice: true }),
      },
      color: { domain: models, range: colors, legend: models.length > 1 },
      y: { type: "point", label: null, domain: kept, tickFormat: label, tickSize: 0, padding: 0.4 },
      symbol: { domain: models, legend: false },
      marks: [
        Plot.ruleY(points.filter((point) => point.low !== null), { y: "host", x1: "low", x2: "high", stroke: "model", strokeWidth: 5, strokeOpacity: 0.4 }),
        Plot.dot(points, { y: "host", x: "value", stroke: "model", fill: "model", symbol: "model", r: 4.5, title: "title", tip: true }),
      ],
    };
  });
}

function drawRequests(charts, rows, headline) {
  const best = bestFirst(rows.filter((row) => row.requests.length), headline).slice(0, MOST_LINES);
  const names = distinct(best, lineName);
  const points = best.flatMap((row, index) => row.requests.map(([tokens, latency]) => ({ tokens, latency, line: names[index] })));
  if (!points.length) return;
  addChart(charts, "Latency against output tokens", "One mark for each request.", () => ({
    marginBottom: 46,
    x: { ...bottom("output tokens"), grid: true, zero: true, nice: true }, y: { label: "seconds", grid: true, zero: true, nice: true },
    color: { domain: names }, marks: [Plot.dot(points, { x: "tokens", y: "latency", stroke: "line", symbol: "line", r: 3.5, tip: true })],
  }));
}

function drawSamples(charts, rows, title, name = lineName) {
  const held = rows.filter((row) => row.samples.length > 1).slice(0, MOST_LINES);
  const names = distinct(held, name);
  const isTimed = held.every((row) => row.starts.length === row.samples.length);
  const points = held.flatMap((row, index) => {
    const middle = [...row.samples].sort((a, b) => a - b)[row.samples.length >> 1];
    return row.samples.map((sample, repeat) => ({
      x: isTimed ? row.starts[repeat] : repeat + 1, share: (100 * sample) / middle, line: names[index],
    }));
  });
  if (!points.length) return;
  const cut = rows.length > held.length ? `The first ${held.length} of ${rows.length} rows. ` : "";
  addChart(charts, title, `${cut}Speed of each repeat, in their order, in % of the median: a line that falls is throttling.`, () => ({
    marginBottom: 46, x: isTimed ? bottom("seconds since the first repeat began") : { ...bottom("repeat"), interval: 1, type: "linear" },
    y: { label: "% of the median", grid: true, nice: true }, color: { domain: names },
    marks: [
      Plot.ruleY([98, 102], { strokeOpacity: 0 }),
      Plot.ruleY([100], { stroke: "currentColor", strokeOpacity: 0.3 }),
      Plot.lineY(points, { x: "x", y: "share", stroke: "line", strokeWidth: 1.8 }),
      Plot.dot(points, { x: "x", y: "share", fill: "line", r: 2.5, tip: true }),
    ],
  }));
}

function drawLoads(charts, rows, headline) {
  const best = bestFirst(rows.filter((row) => row.loads.length > 1), headline).slice(0, MOST_LINES);
  const names = distinct(best, lineName);
  const points = best.flatMap((row, index) => row.loads.map(([concurrency, rate]) => ({ concurrency, rate, line: names[index] })));
  if (!points.length) return;
  addChart(charts, "Throughput against load", "Output tokens a second of all requests together; logarithmic scale of requests.", () => ({
    marginBottom: 46, x: { ...bottom("requests at the same time"), type: "log", base: 2 },
    y: { label: "tokens/s", grid: true, zero: true, nice: true }, color: { domain: names },
    marks: [
      Plot.lineY(points, { x: "concurrency", y: "rate", stroke: "line", strokeWidth: 1.8 }),
      Plot.dot(points, { x: "concurrency", y: "rate", fill: "line", r: 3.5, tip: true }),
    ],
  }));
}

function drawCharts(charts, table, rows) {
  charts.replaceChildren();
  const charted = table.figures.filter((figure) => figure.charted);
  charted.forEach((figure) => drawFigure(charts, rows, figure, table.rows));
  if (!charted.length) return;
  drawLoads(charts, rows, charted[0]);
  drawRequests(charts, rows, charted[0]);
  drawSamples(charts, bestFirst(rows, charted[0]), "Every repeat");
}
