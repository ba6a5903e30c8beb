// How each kind of chart looks. Shapes tell the roles apart where colours cannot: in print, and to some eyes.
const SHAPES = {
  real: "circle", synthetic: "diamond", holdout: "circle-open", neutral: "circle",
  first: "circle", second: "square", third: "triangle-up",
};
const PAPER_WIDTH = {small: 213, matrix: 330, "large-matrix": 670, wide: 670};
const CONFIG = {displayModeBar: false, responsive: false, doubleClick: "reset", scrollZoom: false};
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

const probe = document.body.appendChild(element("span", undefined, {hidden: true}));

// Colours stand in the style sheet; the probe turns them into what the plotting library reads.
function palette() {
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = [
    "ink", "soft", "line", "real", "real-fill", "synthetic", "holdout", "synthetic-fill", "holdout-fill", "neutral", "neutral-fill", "first",
    "second", "third", "zero", "less", "more", "weaker", "stronger",
  ];
  return Object.fromEntries(names.map((name) => [name, colour(name)]));
}

// The library reads a little markup in labels; text from the data must not be taken for it.
function plain(text, most = 200) {
  const characters = Array.from(String(text).replace(/\s+/g, " "));
  const short = characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : characters.join("");
  return short.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("$", "&#36;");
}

function drawPlot(place, {paper = false} = {}) {
  if (place.dataset.drawn && !paper) return;
  place.dataset.drawn = "1";
  const chart = DATA.charts[place.dataset.chart];
  const size = [...place.closest(".plot-figure").classList].find((name) => name in PAPER_WIDTH);
  const width = paper ? PAPER_WIDTH[size] : place.clientWidth || PAPER_WIDTH[size];
  const colours = palette();
  const {traces, layout} = BUILDERS[chart.kind](chart, colours, {size, width, paper, height: Number(place.dataset.height)});
  Plotly.react(place, traces, {
    width,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: {family: FONT, size: size === "small" ? 10.5 : 12, color: colours.ink},
    hoverlabel: {font: {family: FONT, size: 12}, align: "left"},
    dragmode: false,
    showlegend: false,
    legend: {orientation: "h", x: 0, xanchor: "left", y: 1, yref: "container", yanchor: "top"},
    ...layout,
  }, CONFIG);
  if (chart.kind === "associations") followZoom(place, layout.meta);
}

function axis(colours, more) {
  return {
    gridcolor: colours.line, linecolor: colours.soft, zeroline: false, tickcolor: colours.soft, fixedrange: true,
    automargin: true, ...more,
  };
}

// Five rows of small plots go on a page.
function smallHeight(paper) {
  return paper ? 138 : 150;
}

// Bins of equal width show shares; others show density, so that area stays the share.
function spread(chart, colours, {size, height, paper}) {
  const edges = chart.edges;
  const widths = edges.slice(1).map((edge, index) => edge - edges[index]);
  const widest = Math.max(...widths);
  const unequal = widest > 0 && widths.some((width) => Math.abs(width - widest) > 0.02 * widest);
  const level = (values) => values.map((value, index) => unequal ? (widths[index] > 0 ? value * widest / widths[index] : 0) : value);
  const shown = widths.map((width) => width || widest || 1);
  const middle = widths.map((width, index) => edges[index] + (widest ? width : 1) / 2 - (widest ? 0 : 0.5));
  const text = widths.map((_, index) => `${plain(edgeText(chart, edges[index]))} to ${plain(edgeText(chart, edges[index + 1]))}`);
  const hover = (values) => ({customdata: values.map((value, index) => [text[index], `${written(100 * value, 3)} %`]), hovertemplate: "%{customdata[0]}<br>%{customdata[1]}"});
  const traces = [];
  const filled = chart.real ? "real" : "holdout";
  if (chart[filled]) {
    traces.push({
      type: "bar", name: filled === "real" ? "Real" : "Fresh real rows (holdout)", x: middle, y: level(chart[filled]), width: shown,
      marker: {color: colours[`${filled}-fill`], line: {width: 0}}, ...hover(chart[filled]),
    });
  }
  const values = level(chart.synthetic);
  traces.push({
    type: "scatter", mode: "lines", name: "Synthetic",
    x: [edges[0], ...edges, edges.at(-1)], y: [0, ...values, values.at(-1), 0],
    line: {shape: "hv", color: colours.synthetic, width: size === "small" ? 1.6 : 2}, hoverinfo: "skip",
  });
  if (!traces[0].customdata) Object.assign(traces[0], {fill: "tozeroy"});
  const small = size === "small";
  const titles = {hours: "hours", score: "Score of a pair; 1 is best"};
  return {traces, layout: {
    height: small ? smallHeight(paper) : height || 260,
    margin: {l: small ? 6 : 50, r: small ? 6 : 16, t: small ? 4 : 34, b: 24},
    bargap: 0,
    showlegend: !small,
    xaxis: axis(colours, {
      type: chart.unit === "date" ? "date" : "linear", showgrid: false, nticks: small ? 5 : 10, ticks: "outside", ticklen: 3,
      tickangle: 0, title: titles[chart.unit] ? {text: titles[chart.unit]} : undefined,
    }),
    yaxis: axis(colours, {showticklabels: !small, rangemode: "tozero", tickformat: ".0%", nticks: 4, showgrid: !small, automargin: !small, ticks: "",
      title: small ? undefined : {text: unequal ? "Density" : "Share"}}),
  }};
}

function levels(chart, colours, {paper}) {
  const shown = Math.min(chart.shown, chart.labels.length);
  const beyond = (values, other) => values.slice(shown).reduce((sum, value) => sum + value, other || 0);
  const labels = chart.labels.slice(0, shown);
  const real = chart.real.slice(0, shown);
  const synthetic = chart.synthetic.slice(0, shown);
  const rest = [beyond(chart.real, chart.other?.[0]), beyond(chart.synthetic, chart.other?.[1])];
  if (chart.labels.length > shown || chart.other) {
    labels.push("all others");
    real.push(rest[0]);
    synthetic.push(rest[1]);
  }
  const rows = labels.map((_, index) => index);
  const hover = (values) => ({customdata: values.map((value, index) => [plain(labels[index], 60), `${written(100 * value, 3)} %`]), hovertemplate: "%{customdata[0]}<br>%{customdata[1]}"});
  return {
    traces: [
      {type: "bar", orientation: "h", name: "Real", x: real, y: rows, width: 0.72, marker: {color: colours["real-fill"]}, ...hover(real)},
      {type: "scatter", mode: "markers", name: "Synthetic", x: synthetic, y: rows, cliponaxis: false,
        marker: {symbol: "diamond", size: 7, color: colours.synthetic}, ...hover(synthetic)},
    ],
    layout: {
      height: smallHeight(paper),
      margin: {l: 6, r: 10, t: 4, b: 24},
      xaxis: axis(colours, {rangemode: "tozero", tickformat: ".0%", nticks: 4, tickangle: 0, ticks: "outside", ticklen: 3}),
      yaxis: axis(colours, {tickvals: rows, ticktext: labels.map((label) => plain(label, 14)), range: [Math.max(rows.length, 3) - 0.4, -0.6], showgrid: false}),
    },
  };
}

// What there is room for; the table below the plot shows the rest.
function firstOnes(chart) {
  const most = chart.shown ?? chart.labels.length;
  const first = (values) => values && values.slice(0, most);
  const series = chart.series.map((one) => ({...one, values: first(one.values), low: first(one.low), high: first(one.high)}));
  return {...chart, labels: first(chart.labels), series};
}

function rowLayout(chart, colours, {width}, rowHeight, legend) {
  const rows = chart.labels.map((_, index) => index);
  return {
    height: rows.length * rowHeight + (legend ? 92 : 68),
    margin: {l: 10, r: 24, t: legend ? 34 : 10, b: 44},
    showlegend: legend,
    yaxis: axis(colours, {tickvals: rows, ticktext: chart.labels.map((label) => plain(label, width < 500 ? 20 : 44)),
      range: [rows.length - 0.4, -0.6], showgrid: false}),
  };
}

// Real bars are filled, synthetic ones outlined: that shows without colours as well.
function barMarker(role, colours) {
  switch (role) {
    case "real": return {color: colours.real};
    case "synthetic": return {color: colours["synthetic-fill"], line: {color: colours.synthetic, width: 1.5}};
    case "holdout": return {color: colours["holdout-fill"], line: {color: colours.holdout, width: 1}};
    default: return {color: colours["neutral-fill"]};
  }
}

function bars(whole, colours, box) {
  const chart = firstOnes(whole);
  const alone = chart.labels.every((_, index) => chart.series.filter((series) => series.values[index] !== null).length <= 1);
  const shares = /^Share/.test(chart.axis);
  const told = (value) => shares ? `${written(100 * value, 2)} %` : written(value, 4);
  const traces = chart.series.map((series) => ({
    type: "bar", orientation: "h", name: plain(series.name), base: chart.base,
    y: chart.labels.map((_, index) => index),
    x: series.values.map((value) => value === null ? null : value - chart.base),
    text: series.values.map((value) => value === null ? "" : told(value)),
    textposition: "outside", cliponaxis: false, textfont: {color: colours.ink},
    marker: barMarker(series.role, colours),
    customdata: chart.labels.map((label) => plain(label, 80)),
    hovertemplate: "%{customdata}: %{text}<extra></extra>",
  }));
  const height = alone ? 30 : 38;
  const highest = Math.max(...chart.series.flatMap((series) => series.values.map((value) => value ?? 0)));
  return {traces, layout: {
    ...rowLayout(chart, colours, box, height, !alone && chart.series.length > 1),
    barmode: alone ? "overlay" : "group",
    bargap: 0.25,
    xaxis: axis(colours, {title: {text: plain(chart.axis)}, tickformat: shares ? ".0%" : "",
      range: chart.base === 0.5 ? [0.5, 1.03] : [chart.base, chart.base + (highest - chart.base) * 1.12 || 1]}),
  }};
}

function dots(whole, colours, box) {
  const chart = firstOnes(whole);
  const count = chart.series.length;
  const shares = /share|rate/i.test(chart.axis);
  const told = (value) => shares ? `${written(100 * value, 3)} %` : written(value, 4);
  const traces = chart.series.map((series, position) => {
    const whiskers = (index) => series.low && series.low[index] !== null;
    return {
      type: "scatter", mode: "markers", name: plain(series.name),
      x: series.values,
      y: chart.labels.map((_, index) => index + (position - (count - 1) / 2) * (series.low ? 0.22 : 0.12)),
      marker: {symbol: SHAPES[series.role], size: 9, color: colours[series.role], line: {width: 1.5, color: colours[series.role]}},
      error_x: series.low && {
        type: "data", symmetric: false, thickness: 1.6, width: 4, color: colours[series.role],
        array: series.values.map((value, index) => whiskers(index) ? series.high[index] - value : 0),
        arrayminus: series.values.map((value, index) => whiskers(index) ? value - series.low[index] : 0),
      },
      customdata: series.values.map((value, index) => [
        plain(chart.labels[index], 80), told(value),
        whiskers(index) ? ` (95 %: ${told(series.low[index])} to ${told(series.high[index])})` : "",
      ]),
      hovertemplate: "%{customdata[0]}<br>%{customdata[1]}%{customdata[2]}",
    };
  });
  const marked = chart.mark !== undefined;
  return {traces, layout: {
    ...rowLayout(chart, colours, box, count > 1 && chart.series[0].low ? 46 : 34, count > 1),
    xaxis: axis(colours, {title: {text: plain(chart.axis)}, tickformat: shares ? ".0%" : "", ...dotRange(chart)}),
    shapes: marked ? [{type: "line", x0: chart.mark, x1: chart.mark, yref: "paper", y0: 0, y1: 1, line: {color: colours.soft, width: 1.5, dash: "dot"}}] : [],
    annotations: marked ? [{x: chart.mark, y: 0, yref: "paper", yanchor: "bottom", xanchor: "left", xshift: 4, text: plain(chart.mark_text), showarrow: false, font: {color: colours.soft, size: 11}}] : [],
  }};
}

// Room for all whiskers and for the mark; never so narrow that noise looks like a difference.
function dotRange(chart) {
  const ends = chart.series.flatMap((series) => [...series.values, ...(series.low ?? []), ...(series.high ?? [])]);
  const known = [...ends, chart.mark].filter((value) => value !== null && value !== undefined);
  if (!known.length) return {};
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const span = Math.max(high - low, 0.1 * Math.max(Math.abs(low), Math.abs(high)), 1e-9);
  const middle = (low + high) / 2;
  return {range: [middle - 0.56 * span, middle + 0.56 * span]};
}

function lines(chart, colours, {height}) {
  const dashes = {first: "dot", second: "solid", third: "dash"};
  const traces = chart.series.map((series) => ({
    type: "scatter", mode: chart.across.length > 1 ? "lines" : "markers", name: plain(series.name), x: chart.across, y: series.values,
    line: {color: colours[series.role], width: 2, dash: dashes[series.role] ?? "solid"},
    marker: {symbol: SHAPES[series.role], size: 9, color: colours[series.role]},
    customdata: series.values.map((value) => written(value, 4)),
    hovertemplate: `${plain(chart.across_axis)} %{x}<br>%{customdata}`,
  }));
  return {traces, layout: {
    height: height || 300,
    margin: {l: 60, r: 24, t: 34, b: 44},
    showlegend: true,
    xaxis: axis(colours, {title: {text: plain(chart.across_axis)}, showgrid: false, nticks: 8, ticks: "outside", ticklen: 3}),
    yaxis: axis(colours, {title: {text: plain(chart.axis)}, nticks: 6}),
    shapes: [{type: "line", x0: chart.mark, x1: chart.mark, yref: "paper", y0: 0, y1: 1, line: {color: colours.soft, width: 1.5, dash: "dot"}}],
    annotations: [{x: chart.mark, y: 1, yref: "paper", yanchor: "top", xanchor: "right", xshift: -4, text: plain(chart.mark_text), showarrow: false, font: {color: colours.soft, size: 11}}],
  }};
}

function associations(chart, colours, {size, width}) {
  const source = DATA.pairs[chart.pairs];
  const count = source.names.length;
  const matrix = Array.from({length: count}, () => new Array(count).fill(null));
  let greatest = 0;
  source.left.forEach((left, index) => {
    const [real, synthetic] = [source.real[index], source.synthetic[index]];
    let value = chart.which === "real" ? real : synthetic;
    if (chart.which === "difference") value = real === null || synthetic === null ? null : Number((synthetic - real).toPrecision(4));
    if (value !== null) greatest = Math.max(greatest, Math.abs(value));
    matrix[left][source.right[index]] = matrix[source.right[index]][left] = value;
  });
  const difference = chart.which === "difference";
  const limit = difference ? Math.max(0.05, greatest) : 1;
  const names = source.names.map((name) => plain(name, 60));
  const most = Math.max(4, Math.floor((width - 160) / (size === "large-matrix" ? 14 : 16)));
  const meta = {labels: source.names.map((name) => plain(name, 16)), most};
  const side = axis(colours, {type: "category", showgrid: false, fixedrange: false, ...labelled(meta, 0, count - 1)});
  return {
    traces: [{
      type: "heatmap", z: matrix, x: names, y: names, zmin: -limit, zmax: limit, xgap: count > 60 ? 0 : 1, ygap: count > 60 ? 0 : 1,
      colorscale: [[0, colours[difference ? "weaker" : "less"]], [0.5, colours.zero], [1, colours[difference ? "stronger" : "more"]]],
      colorbar: {thickness: 10, len: 0.9, outlinewidth: 0, tickfont: {size: 10}, title: {text: difference ? "synthetic − real" : "", side: "right"}},
      hoverongaps: false, hovertemplate: "%{y}<br>%{x}<br>%{z}<extra></extra>",
    }],
    layout: {
      height: size === "large-matrix" ? Math.min(width, 820) : Math.min(width, 520),
      margin: {l: 10, r: 10, t: 12, b: 10},
      font: {family: FONT, size: 10.5, color: colours.ink},
      dragmode: "zoom",
      xaxis: {...side, tickangle: -90},
      yaxis: {...side, autorange: "reversed"},
      meta,
    },
  };
}

// As many labels as fit; when a part is enlarged, those of the part.
function labelled(meta, first, last) {
  const from = Math.max(0, Math.ceil(first));
  const to = Math.min(meta.labels.length - 1, Math.floor(last));
  const step = Math.max(1, Math.ceil((to - from + 1) / meta.most));
  const tickvals = [];
  for (let position = from; position <= to; position += step) tickvals.push(position);
  return {tickmode: "array", tickvals, ticktext: tickvals.map((position) => meta.labels[position])};
}

function followZoom(place, meta) {
  if (place.dataset.follows) return;
  place.dataset.follows = "1";
  place.on("plotly_relayout", (change) => {
    if (!Object.keys(change).some((key) => key.includes("range"))) return;
    const update = {};
    for (const name of ["xaxis", "yaxis"]) {
      const range = [...place.layout[name].range].sort((left, right) => left - right);
      const {tickvals, ticktext} = labelled(meta, ...range);
      Object.assign(update, {[`${name}.tickvals`]: tickvals, [`${name}.ticktext`]: ticktext});
    }
    Plotly.relayout(place, update);
  });
}

const BUILDERS = {spread, levels, bars, dots, lines, associations};
