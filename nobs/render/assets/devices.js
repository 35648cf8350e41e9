"use strict";
// Several devices of one machine: each alone, and all at once.

function plainTable(caption, heads, rows) {
  const head = (text, index) => h("th", { scope: "col", class: index ? "num" : null }, text);
  const cell = (text, index) => (index ? h("td", { class: "num" }, text) : h("th", { scope: "row", class: "name" }, text));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: "plain" }, h("caption", null, h("span", null, caption)),
      h("thead", null, h("tr", null, heads.map(head))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map(cell))))));
}

function marked(name, mark, text) {
  return [breakable(name), mark ? h("small", { class: "flag" }, text) : null];
}

function listed(texts) {
  return texts.length ? h("ul", { class: "flags" }, texts.map((text) => h("li", null, text))) : null;
}

function drawCompared(each) {
  const title = `${each.machine}: ${each.workload}, ${each.model}`;
  const rows = each.devices.map((device) => [
    [marked(device.name, device.is_odd, "stands out"), h("small", null, device.hardware)],
    device.value, device.reach || "–", device.to_best === null ? "" : device.to_best.toFixed(3)]);
  return h("section", { class: "panel" }, h("h3", null, title),
    plainTable("Each device alone", ["device", each.label, "95 % CI", "vs best"], rows), listed(each.sentences));
}

function drawSum(each) {
  const rows = each.parts.map((part) =>
    [marked(part.device, part.worst, "the worst"), part.rate, part.alone, part.kept]);
  return h("section", { class: "panel" }, h("h3", null, each.title), listed(each.facts),
    plainTable(each.hardware, ["device", `${each.unit} at once`, "alone", "kept"], rows), listed(each.notes));
}

function showDevices() {
  replace("main", h("div", { class: "head" }, h("h2", null, "Several devices"),
    h("p", null, "Devices of one machine, each alone and all at once. A price is that of the whole machine.")),
  data.devices.map(drawCompared), data.sums.map(drawSum));
}
