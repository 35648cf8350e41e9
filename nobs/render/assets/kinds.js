"use strict";
// The chart kinds that tasks can declare, and the chart of repeats; independent of tasks.

const MOST_LINES = 8;
const PART_COLORS = ["#d9622b", "#a05bd0", "#2f7ed8", "#c9416f", "#7d8590", "#1f9d78", "#8f7d16", "#3a9fc4"];

function firstOf(rows, held) {
  return rows.length > held.length ? `The first ${held.length} of ${rows.length} rows. ` : "";
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

// Hardware and model in two lines.
function inTwo(line) {
  return line.replace(/, (?=[^,]*$)/, "\n");
}

function left(label) {
  return { label, grid: true, zero: true, nice: true };
}

function marksOf(row, chart) {
  return row.charts[chart.key] || [];
}

// ---- parts of a whole --------------------------------------------------------------------------

function drawShares(charts, chart, rows, names) {
  const usable = rows.filter((row) => marksOf(row, chart).length === chart.parts.length);
  const held = usable.slice(0, MOST_MACHINES);
  if (!held.length) return;
  const lines = names(held);
  const parts = held.flatMap((row, index) => marksOf(row, chart).map((share, part) => ({
    line: lines[index], share: 100 * share, part: chart.parts[part],
    title: `${titleOf(row)}\n${row.model}\n${chart.parts[part]}: ${percent(share)}`,
  })));
  const rest = chart.parts.indexOf(chart.rest_of);
  const rests = rest < 0 ? [] : held.map((row, index) => ({ line: lines[index], text: percent(1 - marksOf(row, chart)[rest]) }));
  addChart(charts, chart.title, firstOf(usable, held) + chart.text, (width) => {
    const axis = namesAxis(width, lines.map(inTwo));
    return {
      marginLeft: axis.marginLeft, marginRight: 56, marginTop: 8, marginBottom: 46, height: 58 + 34 * held.length,
      x: { ...bottom(chart.x), domain: [0, 100] },
      y: { label: null, domain: lines, tickFormat: (line) => axis.lines[lines.indexOf(line)], tickSize: 0, padding: 0.35 },
      color: { domain: chart.parts, range: PART_COLORS },
      marks: [
        Plot.barX(parts, Plot.stackX({ y: "line", x: "share", fill: "part", order: chart.parts, title: "title", tip: TIP })),
        Plot.text(rests, { y: "line", x: 100, text: "text", textAnchor: "start", dx: 6 }),
      ],
    };
  }, () => [["", ...chart.parts], ...held.map((row, index) => [lines[index], ...marksOf(row, chart).map(percent)])]);
}

// ---- two workloads of the same work ------------------------------------------------------------

function machineKey(row) {
  return JSON.stringify([hostOf(row).host, row.hardware, row.device, row.model]);
}

function bestByMachine(rows, figure) {
  const found = new Map();
  for (const row of bestFirst(rows, figure)) {
    if (!found.has(machineKey(row))) found.set(machineKey(row), row);
  }
  return found;
}

function drawPairs(charts, chart, rows, table) {
  const other = chart.pair.find((workload) => workload !== table.workload);
  const partner = data.tables.find((each) => each.division === table.division && each.workload === other);
  const figure = table.figures.find((each) => each.key === chart.figure);
  if (!partner || !figure) return;
  const isPlain = table.workload === chart.pair[0];
  const [own, others] = [bestByMachine(rows, figure), bestByMachine(partner.rows, figure)];
  const pairs = [...own].filter(([key]) => others.has(key)).slice(0, MOST_MACHINES)
    .map(([key, row]) => (isPlain ? [row, others.get(key)] : [others.get(key), row]));
  if (!pairs.length) return;
  const names = isPlain ? [viewOf(table), viewOf(partner)] : [viewOf(partner), viewOf(table)];
  const lines = lineNames(pairs.map(([plain]) => plain));
  const valueOf = (row) => row.figures[figure.key];
  const points = pairs.flatMap((pair, index) => pair.map((row, place) => ({
    line: lines[index], kind: names[place], ...valueOf(row),
    title: `${titleOf(row)}\n${row.model}\n${row.settings}\n${valueOf(row).text} ${figure.label}`,
  })));
  const gains = pairs.map(([plain, best], index) => ({
    line: lines[index], from: valueOf(plain).value, to: valueOf(best).value,
    text: `×${(valueOf(best).value / valueOf(plain).value).toFixed(2)}: ${best.settings}`,
  }));
  const isWide = spreadsWide(points);
  addChart(charts, chart.title, chart.text, (width) => {
    const axis = namesAxis(width, lines.map(inTwo));
    return {
      marginLeft: axis.marginLeft, marginRight: 24, marginTop: 14, marginBottom: 46, height: 64 + 42 * pairs.length,
      x: { ...bottom(figure.axis), grid: true, ...extent(isWide) },
      y: { type: "point", label: null, domain: lines, tickFormat: (line) => axis.lines[lines.indexOf(line)], tickSize: 0, padding: 0.5 },
      color: { domain: names }, symbol: { domain: names, legend: false },
      marks: [
        Plot.link(gains, { y: "line", x1: "from", x2: "to", stroke: "currentColor", strokeOpacity: 0.35 }),
        Plot.ruleY(points.filter((point) => point.low !== null), { y: "line", x1: "low", x2: "high", stroke: "kind", strokeWidth: 5, strokeOpacity: 0.4 }),
        Plot.dot(points, { y: "line", x: "value", stroke: "kind", fill: "kind", symbol: "kind", r: 4.5, title: "title", tip: TIP }),
        Plot.text(gains, { y: "line", text: "text", frameAnchor: "left", textAnchor: "start", dx: 4, dy: -14 }),
      ],
    };
  }, () => [["", ...names, "gain"], ...pairs.map(([plain, best], index) =>
    [lines[index], valueOf(plain).text, valueOf(best).text, gains[index].text])]);
}

// ---- points, joined or not ---------------------------------------------------------------------

function drawPoints(charts, chart, rows, names) {
  const usable = rows.filter((row) => marksOf(row, chart).length >= chart.least);
  const held = usable.slice(0, MOST_LINES);
  if (!held.length) return;
  const lines = names(held);
  const points = held.flatMap((row, index) => marksOf(row, chart).map(([x, y = null, high = null, series = "", why = ""]) => ({
    x, y, high, series, why, line: lines[index], path: `${lines[index]} ${series}`,
    title: [titleOf(row), row.model, series, `${formatTick(x)} ${chart.x}`,
      y === null ? why : `${formatTick(y)} ${chart.y}`].filter(Boolean).join("\n"),
  })));
  const drawn = points.filter((point) => point.y !== null).sort((a, b) => a.x - b.x);
  const failed = points.filter((point) => point.y === null).map((point) => ({ ...point, y: 0 }));
  // Next to each other: on top of each other the longest would hide the rest.
  const bars = lines.map((line, index) => Plot.ruleX(drawn.filter((point) => point.line === line && point.high !== null),
    { x: "x", y1: "y", y2: "high", dx: 6 * (index - (lines.length - 1) / 2), stroke: "line", strokeWidth: 5, strokeOpacity: 0.4 }));
  const joined = chart.kind === "lines";
  const symbol = chart.series ? "series" : joined ? null : "line";
  const scale = chart.doubles
    ? { type: "log", base: 2, ticks: steps(points.map((point) => point.x)), inset: chart.series ? 0 : 4 * held.length }
    : chart.counts ? { grid: true, interval: 1, type: "linear" } : { grid: true, zero: true, nice: true };
  addChart(charts, chart.title, firstOf(usable, held) + chart.text, () => ({
    marginBottom: 46, x: { ...bottom(chart.x), ...scale }, y: left(chart.y), color: { domain: lines },
    ...(symbol ? { symbol: { legend: Boolean(chart.series), domain: chart.series ? unique(drawn, (point) => point.series) : lines } } : {}),
    marks: [
      ...(chart.high ? bars : []),
      joined ? Plot.lineY(drawn, { x: "x", y: "y", z: "path", stroke: "line", strokeWidth: 1.8 }) : null,
      Plot.dot(drawn, { x: "x", y: "y", r: symbol === "series" ? 4 : 3.5, title: "title", tip: TIP,
        ...(symbol ? { stroke: "line", symbol } : { fill: "line" }) }),
      Plot.text(failed, { x: "x", y: "y", text: () => "×", fill: "line", fontSize: 16, title: "title" }),
    ],
  }), () => {
    const columns = [["", (point) => point.line], [chart.series, (point) => point.series], [chart.x, (point) => point.x],
      [chart.y, (point) => (point.y === null ? point.why : point.y)], [chart.high, (point) => point.high]]
      .filter(([head], index) => head || !index);
    return [columns.map(([head]) => head), ...points.map((point) => columns.map(([, read]) => read(point)))];
  });
}

// ---- cells coloured by their value ---------------------------------------------------------------

function drawHeat(charts, chart, rows, names) {
  const usable = rows.filter((row) => marksOf(row, chart).length >= chart.least);
  const held = usable.slice(0, MOST_MACHINES);
  if (!held.length) return;
  const lines = names(held);
  const cells = held.flatMap((row, index) => marksOf(row, chart).map(([x, y]) => ({
    x, y, line: lines[index], title: `${titleOf(row)}\n${row.model}\n${formatTick(x)} ${chart.x}\n${formatTick(y)} ${chart.y}`,
  })));
  const columns = unique(cells, (cell) => cell.x).sort((a, b) => a - b);
  const most = Math.max(...cells.map((cell) => cell.y));
  addChart(charts, chart.title, firstOf(usable, held) + chart.text, (width) => {
    const axis = namesAxis(width, lines.map(inTwo));
    return {
      marginLeft: axis.marginLeft, marginRight: 24, marginTop: 8, marginBottom: 46, height: 58 + 34 * held.length,
      x: { ...bottom(chart.x), type: "band", domain: columns, tickSize: 0 },
      y: { type: "band", label: null, domain: lines, tickFormat: (line) => axis.lines[lines.indexOf(line)], tickSize: 0 },
      color: { type: "linear", domain: [0, most], range: ["#e8f1fb", "#1d5fa8"], legend: false },
      marks: [
        Plot.cell(cells, { x: "x", y: "line", fill: "y", inset: 1, title: "title", tip: TIP }),
        Plot.text(cells, { x: "x", y: "line", text: (cell) => formatTick(cell.y), fill: (cell) => (cell.y > most / 2 ? "#fff" : "#111"), stroke: null }),
      ],
    };
  }, () => [["", ...columns.map(formatTick)], ...lines.map((line) => [line, ...columns.map((x) =>
    cells.find((cell) => cell.line === line && cell.x === x)?.y)])]);
}

// ---- pictures ----------------------------------------------------------------------------------

function drawPictures(charts, chart, rows, names) {
  const usable = rows.filter((row) => marksOf(row, chart).length);
  const held = usable.slice(0, MOST_LINES);
  if (!held.length) return;
  const lines = names(held);
  charts.append(h("figure", { class: "panel chart" },
    h("figcaption", null, h("h3", null, chart.title), h("p", null, firstOf(usable, held) + chart.text)),
    held.map((row, index) => [h("h4", null, lines[index]), h("ul", { class: "pictures" },
      marksOf(row, chart).map(([src, text]) => h("li", null, h("img", { src, alt: "" }), text)))])));
}

// ---- repeats -----------------------------------------------------------------------------------

function drawSamples(charts, rows, names) {
  const usable = rows.filter((row) => row.samples.length > 1);
  const held = usable.slice(0, MOST_LINES);
  if (!held.length) return;
  const lines = names(held);
  const isTimed = held.every((row) => row.starts.length === row.samples.length);
  const points = held.flatMap((row, index) => {
    const middle = [...row.samples].sort((a, b) => a - b)[row.samples.length >> 1];
    return row.samples.map((sample, repeat) => ({
      x: isTimed ? row.starts[repeat] : repeat + 1, share: (100 * sample) / middle, line: lines[index],
    }));
  });
  addChart(charts, "Every repeat", `${firstOf(usable, held)}Speed of each repeat in order, in % of the median; a falling line indicates throttling.`, () => ({
    marginBottom: 46, x: isTimed ? { ...bottom("seconds since the first repeat began"), zero: true } : { ...bottom("repeat"), interval: 1, type: "linear" },
    y: { label: "% of the median", grid: true, nice: true }, color: { domain: lines },
    marks: [
      Plot.ruleY([98, 102], { strokeOpacity: 0 }),
      Plot.ruleY([100], { stroke: "currentColor", strokeOpacity: 0.3 }),
      Plot.lineY(points, { x: "x", y: "share", stroke: "line", strokeWidth: 1.8 }),
      Plot.dot(points, { x: "x", y: "share", fill: "line", r: 2.5, tip: TIP }),
    ],
  }), () => [["", isTimed ? "seconds" : "repeat", "% of the median"],
    ...points.map((point) => [point.line, formatTick(point.x), point.share.toFixed(1)])]);
}

const KINDS = { lines: drawPoints, dots: drawPoints, shares: drawShares, heat: drawHeat, pictures: drawPictures };

function drawDeclared(charts, table, rows, names) {
  for (const chart of table.charts) {
    if (KINDS[chart.kind]) KINDS[chart.kind](charts, chart, rows, names);
  }
  drawSamples(charts, rows, names);
}
