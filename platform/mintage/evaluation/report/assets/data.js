// What the page knows: the plots' data, all pairs of columns, and how numbers are written.
const DATA = JSON.parse(document.getElementById("data").textContent);
const GAP = "–";

function written(value, digits = 4) {
  if (value === null || value === undefined) return GAP;
  const text = new Intl.NumberFormat("en-GB", {maximumSignificantDigits: digits}).format(value);
  return text.replace("-", "−");
}

function element(tag, text, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A value in CSV, quoted as RFC 4180 says. Text that a spreadsheet could take for a formula gets an apostrophe.
function csvField(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvText(head, rows) {
  return [head, ...rows].map((row) => row.map(csvField).join(",") + "\r\n").join("");
}

function download(name, text) {
  // The mark in front tells spreadsheets that the text is UTF-8.
  const link = element("a", undefined, {
    href: URL.createObjectURL(new Blob(["\ufeff", text], {type: "text/csv"})),
    download: `${`${DATA.subject}-${name}`.replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 80)}.csv`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const PAIR_KINDS = {c: "continuous", d: "discrete", m: "mixed"};
const PAIR_HEAD = ["Column", "With", "Kind", "Score", "Fresh rows", "SDMetrics’ score", "Real", "Synthetic"];

function pairRow(source, index) {
  return [
    source.names[source.left[index]], source.names[source.right[index]], PAIR_KINDS[source.kind[index]],
    source.fixed[index], source.holdout[index], source.score[index], source.real[index], source.synthetic[index],
  ];
}

function allPairs(source) {
  return source.left.map((_, index) => pairRow(source, index));
}

// The rows of the table behind a plot: what it shows, and what it leaves out for want of room.
function chartTable(chart) {
  switch (chart.kind) {
    case "spread": return spreadTable(chart);
    case "levels": return levelsTable(chart);
    case "associations": return associationTable(chart);
    default: return seriesTable(chart);
  }
}

function spreadTable(chart) {
  const sides = [["Real", chart.real], ["Holdout", chart.holdout], ["Synthetic", chart.synthetic]].filter(([, values]) => values);
  const rows = chart.edges.slice(1).map((edge, index) =>
    [edgeText(chart, chart.edges[index]), edgeText(chart, edge), ...sides.map(([, values]) => values[index])]);
  return {head: ["From", "To", ...sides.map(([name]) => name)], rows};
}

function edgeText(chart, edge) {
  if (edge === null) return GAP;
  return chart.unit === "date" ? new Date(edge).toISOString().replace("T", " ").replace(/(:00)?\.000Z$/, "") : edge;
}

function levelsTable(chart) {
  const rows = chart.labels.map((label, index) => [label, chart.real[index], chart.synthetic[index]]);
  if (chart.other) rows.push(["(all others)", ...chart.other]);
  return {head: ["Level", "Real", "Synthetic"], rows};
}

function associationTable(chart) {
  const rows = allPairs(DATA.pairs[chart.pairs]).map((row) => {
    const [left, right, kind, , , , real, synthetic] = row;
    const difference = real === null || synthetic === null ? null : Number((synthetic - real).toPrecision(4));
    return [left, right, kind, real, synthetic, difference];
  });
  return {head: ["Column", "With", "Kind", "Real", "Synthetic", "Difference"], rows};
}

// A chart of series names its points by labels, or by numbers along an axis.
function seriesTable(chart) {
  const points = chart.labels ?? chart.across;
  const head = [chart.across_axis || "Label"];
  for (const series of chart.series) head.push(series.name, ...(series.low ? [`${series.name}, 95 % low`, `${series.name}, 95 % high`] : []));
  const rows = points.map((point, index) => [
    point,
    ...chart.series.flatMap((series) =>
      series.low ? [series.values[index], series.low[index], series.high[index]] : [series.values[index]]),
  ]);
  return {head, rows};
}
