"use strict";
// Charts of what lies behind a figure: phases, trials, loads, requests and repeats.

const MOST_LINES = 8;
const PHASES = ["tokenise", "copy in", "forward", "copy out", "other"];

function firstOf(rows, held) {
  return rows.length > held.length ? `The first ${held.length} of ${rows.length} rows. ` : "";
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

// A name of hardware and model in two lines.
function inTwo(line) {
  return line.replace(/, (?=[^,]*$)/, "\n");
}

function left(label) {
  return { label, grid: true, zero: true, nice: true };
}

// ---- where the time goes -----------------------------------------------------------------------

function drawPhases(charts, rows, names) {
  const told = rows.filter((row) => row.phases.length);
  const held = told.slice(0, MOST_MACHINES);
  if (!held.length) return;
  const lines = names(held);
  const parts = held.flatMap((row, index) => row.phases.map((share, phase) => ({
    line: lines[index], share: 100 * share, phase: PHASES[phase],
    title: `${titleOf(row)}\n${row.model}\n${PHASES[phase]}: ${percent(share)}`,
  })));
  const waits = held.map((row, index) => ({ line: lines[index], text: percent(1 - row.phases[PHASES.indexOf("forward")]) }));
  addChart(charts, "Where the time of a pass goes", `${firstOf(told, held)}Parts of one pass, with the device synchronised in between. At the right: how long the device waits, which is all but the forward pass.`, (width) => {
    const axis = namesAxis(width, lines.map(inTwo));
    return {
      marginLeft: axis.marginLeft, marginRight: 56, marginTop: 8, marginBottom: 46, height: 58 + 34 * held.length,
      x: { ...bottom("% of the pass"), domain: [0, 100] },
      y: { label: null, domain: lines, tickFormat: (line) => axis.lines[lines.indexOf(line)], tickSize: 0, padding: 0.35 },
      color: { domain: PHASES, range: ["#d9622b", "#a05bd0", "#2f7ed8", "#c9416f", "#7d8590"] },
      marks: [
        Plot.barX(parts, Plot.stackX({ y: "line", x: "share", fill: "phase", order: PHASES, title: "title", tip: TIP })),
        Plot.text(waits, { y: "line", x: 100, text: "text", textAnchor: "start", dx: 6 }),
      ],
    };
  }, () => [["", ...PHASES], ...held.map((row, index) => [lines[index], ...row.phases.map(percent)])]);
}

// ---- best settings -----------------------------------------------------------------------------

// The workload of the same work at other settings: embeddings/1 and embeddings-max/1.
function partnerOf(table) {
  const plain = (workload) => workload.replace("-max", "");
  return data.tables.find((each) => each.division === table.division
    && each.workload !== table.workload && plain(each.workload) === plain(table.workload));
}

function lookOf(row) {
  return JSON.stringify([hostOf(row).host, row.hardware, row.device, row.model]);
}

function bestByLook(rows, key) {
  const found = new Map();
  for (const row of rows) {
    const before = found.get(lookOf(row));
    if (row.figures[key] && (!before || row.figures[key].value > before.figures[key].value)) found.set(lookOf(row), row);
  }
  return found;
}

function drawPartner(charts, table, rows) {
  const partner = partnerOf(table);
  const key = "rows_per_second";
  if (!partner) return;
  const isBest = table.workload.includes("-max");
  const [own, others] = [bestByLook(rows, key), bestByLook(partner.rows, key)];
  const pairs = [...own].filter(([look]) => others.has(look)).slice(0, MOST_MACHINES)
    .map(([look, row]) => (isBest ? [others.get(look), row] : [row, others.get(look)]));
  if (!pairs.length) return;
  const names = isBest ? [viewOf(partner), viewOf(table)] : [viewOf(table), viewOf(partner)];
  const lines = lineNames(pairs.map(([fixed]) => fixed));
  const points = pairs.flatMap((pair, index) => pair.map((row, place) => ({
    line: lines[index], kind: names[place], ...row.figures[key],
    title: `${titleOf(row)}\n${row.model}\n${row.settings}\n${row.figures[key].text} rows/s`,
  })));
  const gains = pairs.map(([fixed, best], index) => ({
    line: lines[index], from: fixed.figures[key].value, to: best.figures[key].value,
    text: `×${(best.figures[key].value / fixed.figures[key].value).toFixed(2)}: ${best.settings}`,
  }));
  const isWide = spreadsWide(points);
  addChart(charts, "Fixed and best settings", "Throughput at the settings that all machines share, and at those that tuning found best here: factor, number format, batch size and kernel of attention stand above the line. Bars are intervals of the medians.", (width) => {
    const axis = namesAxis(width, lines.map(inTwo));
    return {
      marginLeft: axis.marginLeft, marginRight: 24, marginTop: 14, marginBottom: 46, height: 64 + 42 * pairs.length,
      x: { ...bottom("rows/s"), grid: true, ...extent(isWide) },
      y: { type: "point", label: null, domain: lines, tickFormat: (line) => axis.lines[lines.indexOf(line)], tickSize: 0, padding: 0.5 },
      color: { domain: names }, symbol: { domain: names, legend: false },
      marks: [
        Plot.link(gains, { y: "line", x1: "from", x2: "to", stroke: "currentColor", strokeOpacity: 0.35 }),
        Plot.ruleY(points.filter((point) => point.low !== null), { y: "line", x1: "low", x2: "high", stroke: "kind", strokeWidth: 5, strokeOpacity: 0.4 }),
        Plot.dot(points, { y: "line", x: "value", stroke: "kind", fill: "kind", symbol: "kind", r: 4.5, title: "title", tip: TIP }),
        Plot.text(gains, { y: "line", text: "text", frameAnchor: "left", textAnchor: "start", dx: 4, dy: -14 }),
      ],
    };
  }, () => [["", ...names, "gain"], ...pairs.map(([fixed, best], index) =>
    [lines[index], fixed.figures[key].text, best.figures[key].text, gains[index].text])]);
}

function drawTrials(charts, rows, names) {
  const told = rows.filter((row) => row.trials.length > 1);
  const held = told.slice(0, MOST_LINES);
  if (!held.length) return;
  const lines = names(held);
  const points = held.flatMap((row, index) => row.trials.map(([settings, batch, rate, outcome]) => ({
    line: lines[index], settings, batch, rate, way: `${lines[index]} ${settings}`,
    title: `${titleOf(row)}\n${row.model}\n${settings}, batch ${batch}\n${rate === null ? outcome : `${formatTick(rate)} rows/s`}`,
  })));
  const tried = points.filter((point) => point.rate !== null).sort((a, b) => a.batch - b.batch);
  const failed = points.filter((point) => point.rate === null).map((point) => ({ ...point, rate: 0 }));
  addChart(charts, "Tuning", `${firstOf(told, held)}Throughput on texts of median length against batch size, for each number format and kernel that was tried; a cross is a choice that failed.`, () => ({
    marginBottom: 46, x: { ...bottom("rows a batch"), type: "log", base: 2, ticks: steps(points.map((point) => point.batch)) }, y: left("rows/s"), color: { domain: lines },
    symbol: { legend: true, domain: unique(tried, (point) => point.settings) },
    marks: [
      Plot.lineY(tried, { x: "batch", y: "rate", z: "way", stroke: "line", strokeWidth: 1.6 }),
      Plot.dot(tried, { x: "batch", y: "rate", stroke: "line", symbol: "settings", r: 4, title: "title", tip: TIP }),
      Plot.text(failed, { x: "batch", y: "rate", text: () => "×", fill: "line", fontSize: 16, title: "title" }),
    ],
  }), () => [["", "settings", "batch", "rows/s"], ...held.flatMap((row, index) => row.trials.map(
    ([settings, batch, rate, outcome]) => [lines[index], settings, batch, rate === null ? outcome : formatTick(rate)]))]);
}

// ---- load, requests, repeats -------------------------------------------------------------------

function drawLoads(charts, rows, names) {
  const told = rows.filter((row) => row.loads.length > 1);
  const held = told.slice(0, MOST_LINES);
  if (!held.length) return;
  const lines = names(held);
  const points = held.flatMap((row, index) => row.loads.map(([load, rate, ttft, p95]) => ({ load, rate, ttft, p95, line: lines[index] })));
  const x = { ...bottom("requests at the same time"), type: "log", base: 2, ticks: steps(points.map((point) => point.load)), inset: 4 * held.length };
  const draw = (title, text, label, y, marks, drawn) => addChart(charts, title, firstOf(told, held) + text, () => ({
    marginBottom: 46, x, y: left(label), color: { domain: lines },
    marks: [...marks, Plot.lineY(drawn, { x: "load", y, stroke: "line", strokeWidth: 1.8 }), Plot.dot(drawn, { x: "load", y, fill: "line", r: 3.5, tip: TIP })],
  }), () => [["", "requests at the same time", "tokens/s", "first token, s", "95th percentile, s"],
    ...points.map((point) => [point.line, point.load, point.rate, point.ttft, point.p95])]);
  draw("Throughput against load", "Output tokens a second of all requests together; each level was measured once.", "tokens/s", "rate", [], points);
  const timed = points.filter((point) => point.ttft !== null);
  // Side by side: at the same place the longest would hide the others.
  const slow = lines.map((line, index) => Plot.ruleX(timed.filter((point) => point.line === line && point.p95 !== null),
    { x: "load", y1: "ttft", y2: "p95", dx: 6 * (index - (lines.length - 1) / 2), stroke: "line", strokeWidth: 5, strokeOpacity: 0.4 }));
  if (timed.length) draw("Time to first token against load", "Medians of all requests of a level; bars reach up to the 95th percentile.", "seconds", "ttft", slow, timed);
}

function drawRequests(charts, rows, names) {
  const told = rows.filter((row) => row.requests.length);
  const held = told.slice(0, MOST_LINES);
  if (!held.length) return;
  const lines = names(held);
  const points = held.flatMap((row, index) => row.requests.map(([tokens, latency]) => ({ tokens, latency, line: lines[index] })));
  addChart(charts, "Latency against output tokens", `${firstOf(told, held)}One mark for each request.`, () => ({
    marginBottom: 46, x: { ...bottom("output tokens"), grid: true, zero: true, nice: true }, y: left("seconds"),
    color: { domain: lines }, symbol: { domain: lines, legend: false },
    marks: [Plot.dot(points, { x: "tokens", y: "latency", stroke: "line", symbol: "line", r: 3.5, tip: TIP })],
  }), () => [["", "output tokens", "seconds"], ...points.map((point) => [point.line, point.tokens, point.latency])]);
}

function drawSamples(charts, rows, names) {
  const told = rows.filter((row) => row.samples.length > 1);
  const held = told.slice(0, MOST_LINES);
  if (!held.length) return;
  const lines = names(held);
  const isTimed = held.every((row) => row.starts.length === row.samples.length);
  const points = held.flatMap((row, index) => {
    const middle = [...row.samples].sort((a, b) => a - b)[row.samples.length >> 1];
    return row.samples.map((sample, repeat) => ({
      x: isTimed ? row.starts[repeat] : repeat + 1, share: (100 * sample) / middle, line: lines[index],
    }));
  });
  addChart(charts, "Every repeat", `${firstOf(told, held)}Speed of each repeat, in their order, in % of the median: a line that falls points to throttling.`, () => ({
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

function drawCurves(charts, rows, names) {
  for (const draw of [drawTrials, drawPhases, drawLoads, drawRequests, drawSamples]) draw(charts, rows, names);
}
