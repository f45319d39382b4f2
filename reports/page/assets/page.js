"use strict";
// The interactive half of a report: charts in place of the static images, tables that sort, and a list
// of contents that follows the reader. Without it the page says the same.
(() => {
const charts = new Map(JSON.parse(document.getElementById("charts").textContent).map(c => [c.name, c]));
const hidden = new Set(); // keys of what the reader has switched off, in all charts
const drawn = [];         // {chart, plot, figure}
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const shade = (chart, group) => chart.tiers ? "t" + group % 5 : "c" + group % 7;
const hue = (chart, group) => css("--" + shade(chart, group));
const heated = (chart, s) => chart.kind === "heat" && s.values !== undefined; // the fields of a heat map
const lines = chart => chart.series.filter(s => !heated(chart, s));
const element = (tag, attributes, ...children) => {
  const e = Object.assign(document.createElement(tag), attributes);
  e.append(...children);
  return e;
};

// Numbers, as the tables write them.
const commas = text => text.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
const number = v => v === 0 ? "0" : Math.abs(v) < 10 ? v.toFixed(2) : Math.abs(v) < 100 ? v.toFixed(1) : commas(v.toFixed(0));
const micros = us => us < 1e3 ? us.toFixed(0) + " µs" : us < 1e4 ? (us / 1e3).toFixed(2) + " ms" :
  us < 1e5 ? (us / 1e3).toFixed(1) + " ms" : us < 1e6 ? (us / 1e3).toFixed(0) + " ms" : (us / 1e6).toFixed(2) + " s";
const short = v => commas(String(+v.toPrecision(6)));
const percentile = x => {
  const percent = 100 * (1 - 10 ** -x);
  return "p" + percent.toFixed(Math.max(0, Math.min(6, Math.floor(x) - 1 + (x % 1 > 0.001 ? 1 : 0)))).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
};
const value = (axis, v) => axis.scale === "nines" ? percentile(v) : axis.unit === "µs" ? micros(v) :
  axis.unit === "%" ? v.toFixed(1) + " %" : axis.unit === "req/s" ? number(v) + "/s" : axis.unit === "s" ? v.toFixed(1) + " s" :
  number(v) + (axis.unit ? " " + axis.unit : "");
const mark = (axis, v) => axis.unit === "µs" ? (v < 1e3 ? short(v) + " µs" : v < 1e6 ? short(v / 1e3) + " ms" : short(v / 1e6) + " s") : short(v) + (axis.unit === "%" ? " %" : "");

// Marks at 1, 2 and 5 times the powers of ten, or at fewer of them where there is no room.
const step = (v, up) => {
  const decade = 10 ** Math.floor(Math.log10(v) + 1e-9), steps = [1, 2, 5, 10].map(m => m * decade);
  return up ? steps.find(s => s >= v * 0.9999) : steps.findLast(s => s <= v * 1.0001);
};
const logMarks = (low, high, most) => {
  for (const multiples of [[1, 2, 5], [1, 3], [1]]) {
    const marks = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high) + 1e-9; e++)
      for (const m of multiples) { const v = m * 10 ** e; if (v >= low * 0.999 && v <= high * 1.001) marks.push(+v.toPrecision(3)); }
    if (marks.length <= most || multiples.length === 1) return marks;
  }
};
const evenMarks = (low, high, most, least = 0) => {
  const by = Math.max(least, step(Math.max(high - low, 1e-9) / most, true)), marks = [];
  for (let i = Math.ceil(low / by - 1e-6); i * by <= high + by * 1e-6; i++) marks.push(+(i * by).toPrecision(10));
  return marks;
};
const ninesMarks = (low, high) => [0, Math.log10(2), Math.log10(4), 1, 2, 3, 4, 5, 6].filter(v => v >= low - 1e-6 && v <= high + 1e-6);

const key = series => series.name.replace(/, p\d[\d.]*$/, "");
const isBand = series => series.lows !== undefined;
const scattered = kind => kind === "over-time" || kind === "changes" || kind === "searches";

const extent = values => values.reduce(([a, b], v) => v === null ? [a, b] : [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);

function columns(chart) {
  const tables = lines(chart).map(s => {
    // Of several values at a place the outline of a histogram needs the last; elsewhere all are kept, a hair apart.
    const at = new Map();
    s.xs.forEach((x, i) => {
      while (chart.kind !== "histogram" && at.has(x)) x = x * (1 + 1e-7) + 1e-9;
      at.set(x, [chart.y.scale === "log" ? Math.max(s.ys[i], 1) : s.ys[i],
      isBand(s) ? s.lows[i] : null, isBand(s) ? s.highs[i] : null]);
    });
    const xs = [...at.keys()].sort((a, b) => a - b), rows = xs.map(x => at.get(x));
    return isBand(s) ? [xs, ...[0, 1, 2].map(i => rows.map(r => r[i]))] : [xs, rows.map(r => r[0])];
  });
  const data = tables.length ? uPlot.join(tables) : [[]];
  if (chart.kind === "heat" && data[0].length === 0) { // too few requests for percentiles
    data[0] = [...new Set(chart.series.flatMap(s => s.xs))].sort((a, b) => a - b);
    for (let i = 1; i < data.length; i++) data[i] = data[0].map(() => null);
  }
  return data;
}

function options(chart, data, box) {
  const narrow = box.clientWidth < 460, kind = chart.kind;
  const series = [{}], bands = [], owners = [null];
  for (const s of lines(chart)) {
    const colour = kind === "heat" ? css("--text") : hue(chart, s.group), show = !hidden.has(key(s));
    const points = scattered(kind) || kind === "by-rate" || kind === "by-size" && !s.dashed;
    const line = !scattered(kind) && !(kind === "by-size" && !s.dashed);
    const one = {label: s.name, stroke: colour, show, spanGaps: true, width: s.dashed && kind !== "by-size" ? 1.5 : 2,
      dash: s.dashed && line ? [5, 4] : undefined,
      points: {show: points, size: scattered(kind) ? 6 : 8, width: s.dashed ? 1.2 : 0, stroke: colour, fill: s.dashed ? css("--back") : colour}};
    if (!line) one.paths = () => null;
    if (kind === "histogram") one.paths = uPlot.paths.stepped({align: 1});
    series.push(one); owners.push(s);
    if (isBand(s)) {
      const edge = {label: s.name, stroke: line ? "transparent" : colour, show, spanGaps: true, points: {show: false}};
      if (!line) edge.paths = () => null;
      series.push({...edge}, {...edge}); owners.push(null, null);
      if (line) bands.push({series: [series.length - 1, series.length - 2], fill: colour + "30"});
    }
  }
  // The faster half of the requests is not where topologies differ in what matters.
  const first = chart.x.scale === "nines" && data[0][data[0].length - 1] > 0.6 ? Math.log10(2) : 0;
  const scale = (axis, values) => {
    const fields = chart.series.filter(s => heated(chart, s));
    if (axis === chart.x && fields.length) return [0, Math.max(1, ...fields.flatMap(s => s.xs.map(x => x + axis.step)))];
    if (axis === chart.x) values = [...values, ...chart.series.flatMap(s => s.span ? [s.span.low, s.span.high].filter(v => v > 0) : [])];
    if (axis === chart.y) values = [...values, ...fields.flatMap(s => s.ys.flatMap(y => [y, y * axis.step]))];
    const limits = axis === chart.y ? [axis.limit, ...chart.series.map(s => s.limit)].filter(Boolean) : [];
    let [low, high] = extent([...values, ...limits]);
    if (!isFinite(low)) [low, high] = axis.scale === "log" ? [1, 10] : [0, 1];
    if (axis.scale === "log") { low = step(low, false); high = step(high, true); return [low, low === high ? high * 2 : high]; }
    if (axis === chart.x) return axis.scale === "nines" ? [first, Math.max(1, high)] : kind === "by-size" ? [0, high * 1.08] : [Math.min(0, low), Math.max(1, high * 1.02)];
    const by = step(Math.max(high - Math.min(low, 0), 1e-9) / 5, true);
    return [Math.floor(Math.min(low, 0) / by) * by, Math.ceil(Math.max(high, 0) / by + 1e-9) * by];
  };
  const xRange = scale(chart.x, data[0]), yRange = scale(chart.y, data.slice(1).flatMap(ys => ys.filter((y, i) => y != null && (!first || data[0][i] >= first))));
  const axis = (a, size) => ({
    stroke: css("--quiet"), grid: {stroke: css("--line"), width: 1}, ticks: {show: false}, font: "12px system-ui,sans-serif",
    labelFont: "12px system-ui,sans-serif", gap: 6,
    splits: (u, i, low, high) => a.scale === "log" ? logMarks(low, high, size) : a.scale === "nines" ? ninesMarks(low, high) : evenMarks(low, high, size, a === chart.x && (kind === "by-size" || kind === "changes") ? 1 : 0),
    filter: (u, splits) => splits,
    values: (u, splits) => splits.map(v => a.scale === "nines" ? percentile(v) : mark(a, v)),
  });
  return {
    width: box.clientWidth, height: narrow ? 250 : 300, legend: {show: false}, padding: [8, 26, 0, 0],
    scales: {
      x: {time: false, distr: chart.x.scale === "log" ? 3 : 1, range: (u, low, high) => low > data[0][0] || high < data[0][data[0].length - 1] ? [low, high] : xRange},
      y: {distr: chart.y.scale === "log" ? 3 : 1, range: () => yRange},
    },
    series, bands,
    axes: [{...axis(chart.x, narrow ? 5 : 8), label: chart.x.label, labelSize: 20, size: 30}, {...axis(chart.y, 6), label: chart.y.label, labelSize: 20, labelGap: 0, size: 54}],
    cursor: {
      drag: {x: true, y: false, dist: 8}, points: {size: 8}, y: false,
      dataIdx: (u, s, at) => {
        if (s === 0 || u.data[s][at] != null) return at;
        let left = at, right = at;
        while (left > 0 && u.data[s][left] == null) left--;
        while (right < u.data[s].length - 1 && u.data[s][right] == null) right++;
        const x = u.data[0], here = u.posToVal(u.cursor.left, "x");
        const usable = [left, right].filter(i => u.data[s][i] != null);
        return usable.length === 0 ? null : usable.reduce((a, b) => Math.abs(x[a] - here) <= Math.abs(x[b] - here) ? a : b);
      },
    },
    hooks: {drawClear: [u => { spans(u, chart); fields(u, chart); }], draw: [u => { limits(u, chart); rules(u, chart); }], setCursor: [u => tell(u, chart, owners)]},
  };
}

// spans shades the intervals that a search has found.
function spans(u, chart) {
  for (const s of chart.series) {
    if (!s.span || hidden.has(key(s))) continue;
    const edge = at => Math.min(Math.max(u.valToPos(at, "x", true), u.bbox.left), u.bbox.left + u.bbox.width);
    const from = edge(s.span.low), to = edge(s.span.high);
    u.ctx.fillStyle = hue(chart, s.group) + "2e";
    u.ctx.fillRect(from, u.bbox.top, Math.max(to - from, 2), u.bbox.height);
  }
}

// fields draws those of a heat map: the larger its share, the stronger.
function fields(u, chart) {
  for (const s of chart.series) {
    if (!heated(chart, s)) continue;
    const most = Math.max(...s.values), colour = hue(chart, s.group);
    s.values.forEach((v, i) => {
      const left = u.valToPos(s.xs[i], "x", true), right = u.valToPos(s.xs[i] + chart.x.step, "x", true);
      const bottom = u.valToPos(s.ys[i], "y", true), top = u.valToPos(s.ys[i] * chart.y.step, "y", true);
      const from = Math.max(left, u.bbox.left), to = Math.min(right, u.bbox.left + u.bbox.width);
      if (to <= from) return;
      u.ctx.fillStyle = colour + Math.round(20 + 235 * Math.sqrt(v / most)).toString(16).padStart(2, "0");
      u.ctx.fillRect(from, top, Math.max(1, to - from), Math.max(1, bottom - top));
    });
  }
}

// rules draws what happened as numbered vertical lines; the legend has their names.
function rules(u, chart) {
  const c = u.ctx, ratio = devicePixelRatio;
  c.save();
  (chart.rules || []).forEach(r => {
    const at = Math.round(u.valToPos(r.x, "x", true));
    if (at < u.bbox.left || at > u.bbox.left + u.bbox.width) return;
    c.strokeStyle = c.fillStyle = css("--limit"); c.lineWidth = ratio; c.setLineDash([4 * ratio, 3 * ratio]);
    c.beginPath(); c.moveTo(at, u.bbox.top); c.lineTo(at, u.bbox.top + u.bbox.height); c.stroke();
    c.font = 12 * ratio + "px system-ui,sans-serif"; c.textAlign = "left"; c.setLineDash([]);
    c.fillText(String(r.number), at + 3 * ratio, u.bbox.top + 12 * ratio);
  });
  c.restore();
}

// limits draws objectives, and the intervals of measured points.
function limits(u, chart) {
  const c = u.ctx, ratio = devicePixelRatio;
  c.save();
  const rule = (y, colour, label) => {
    const at = Math.round(u.valToPos(y, "y", true));
    if (at < u.bbox.top - 1 || at > u.bbox.top + u.bbox.height + 1) return;
    c.strokeStyle = c.fillStyle = colour; c.lineWidth = ratio * 1.2; c.setLineDash([5 * ratio, 4 * ratio]);
    c.beginPath(); c.moveTo(u.bbox.left, at); c.lineTo(u.bbox.left + u.bbox.width, at); c.stroke();
    if (label) { c.font = 12 * ratio + "px system-ui,sans-serif"; c.textAlign = "right";
      c.setLineDash([]); c.lineWidth = 4 * ratio; c.strokeStyle = css("--back"); c.strokeText(label, u.bbox.left + u.bbox.width - 4 * ratio, at - 5 * ratio);
      c.fillText(label, u.bbox.left + u.bbox.width - 4 * ratio, at - 5 * ratio); }
  };
  if (chart.y.limit) rule(chart.y.limit, css("--limit"), "limit " + value(chart.y, chart.y.limit));
  const told = new Set();
  for (const s of chart.series) if (s.limit && !told.has(s.limit)) { told.add(s.limit); rule(s.limit, css("--limit"), "matters from " + value(chart.y, s.limit)); }
  if (chart.kind === "changes") { c.setLineDash([]); rule(0, css("--quiet"), ""); }
  c.setLineDash([]); c.lineWidth = 2 * ratio;
  for (const s of chart.series) if (isBand(s) && !s.dashed && !hidden.has(key(s))) s.xs.forEach((x, i) => {
    c.strokeStyle = hue(chart, s.group); c.beginPath();
    c.moveTo(u.valToPos(x, "x", true), u.valToPos(s.lows[i], "y", true)); c.lineTo(u.valToPos(x, "x", true), u.valToPos(s.highs[i], "y", true)); c.stroke();
  });
  c.restore();
}

// tell shows the values at the cursor, and says them to a screen reader if a key moved it.
function tell(u, chart, owners) {
  const box = u.root.parentNode, tip = box.querySelector(".tip"), at = u.cursor.idx;
  if (at == null || u.cursor.left < 0) { tip.hidden = true; return; }
  const rows = [];
  owners.forEach((s, i) => {
    const j = u.cursor.idxs[i];
    if (!s || !u.series[i].show || j == null || u.data[i][j] == null) return;
    const away = Math.abs(u.valToPos(u.data[0][j], "x") - u.cursor.left);
    if (away > 40 && chart.kind !== "percentiles") return;
    let text = s.name + "  " + value(chart.y, u.data[i][j]);
    if (isBand(s)) text += " [" + value(chart.y, u.data[i + 1][j]) + ", " + value(chart.y, u.data[i + 2][j]) + "]";
    rows.push([s, text, u.data[i][j]]);
  });
  if (rows.length === 0) { tip.hidden = true; return; }
  rows.sort((a, b) => b[2] - a[2]);
  const more = rows.length - 12;
  tip.replaceChildren(element("b", {}, value(chart.x, u.posToVal(u.cursor.left, "x"))),
    ...rows.slice(0, 12).map(([s, text]) => element("div", {className: shade(chart, s.group)}, element("i", {className: "dot"}), text)),
    ...(more > 0 ? [element("div", {}, "and " + more + " more")] : []));
  tip.hidden = false;
  const left = u.over.offsetLeft + u.cursor.left;
  tip.style.left = (left + 16 + tip.offsetWidth > box.clientWidth ? Math.max(0, left - tip.offsetWidth - 12) : left + 12) + "px";
  tip.style.top = u.over.offsetTop + 8 + "px";
  if (u.byKey) box.querySelector(".said").textContent = tip.innerText;
}

function legend(figure, chart, box) {
  const seen = new Map();
  if (chart.kind !== "heat") for (const s of lines(chart)) if (s.xs.length && !seen.has(key(s))) seen.set(key(s), s.group);
  const bar = element("div", {className: "legend"});
  for (const [name, group] of seen) {
    const button = element("button", {type: "button", className: shade(chart, group)}, element("i", {className: "dot"}), name);
    button.dataset.key = name;
    button.setAttribute("aria-pressed", String(!hidden.has(name)));
    button.onclick = () => toggle(name);
    bar.append(button);
  }
  if (chart.series.some(s => s.dashed && s.name.endsWith(", p50"))) bar.append(element("span", {}, "filled: p99, hollow or dashed: p50"));
  if (chart.kind === "heat") bar.append(element("span", {}, "solid: p99, dashed: p50"));
  (chart.happened || []).slice(0, 12).forEach((label, i) => bar.append(element("span", {}, (i + 1) + ": " + label)));
  const reset = element("button", {type: "button", disabled: true}, "Reset zoom");
  reset.onclick = () => redraw(box);
  bar.append(reset);
  return bar;
}

function toggle(name) {
  if (!hidden.delete(name)) hidden.add(name);
  for (const button of document.querySelectorAll(".legend button"))
    if (button.dataset.key === name) button.setAttribute("aria-pressed", String(!hidden.has(name)));
  for (const d of drawn) redraw(d.box);
}

function redraw(box) {
  const d = drawn.find(d => d.box === box);
  d.plot.destroy();
  d.plot = create(d.chart, box);
  d.reset.disabled = true;
}

function create(chart, box) {
  const data = columns(chart), u = new uPlot(options(chart, data, box), data, box);
  u.root.setAttribute("aria-hidden", "true");
  return u;
}

function draw(figure) {
  const chart = charts.get(figure.dataset.chart), box = figure.querySelector(".plot");
  if (!chart || drawn.some(d => d.box === box)) return;
  figure.insertBefore(legend(figure, chart, box), box);
  const title = figure.querySelector("figcaption").textContent;
  box.tabIndex = 0;
  box.setAttribute("role", "application");
  box.setAttribute("aria-label", title + ". Left and right arrows read the values; drag to zoom.");
  box.append(element("div", {className: "tip", hidden: true}), element("div", {className: "said", ariaLive: "polite"}));
  const d = {chart, box, plot: create(chart, box), reset: figure.querySelector(".legend button:last-child")};
  drawn.push(d);
  box.addEventListener("keydown", event => {
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key], u = d.plot;
    if (event.key === "Escape") { u.setCursor({left: -10, top: -10}); return; }
    if (!by) return;
    event.preventDefault();
    const xs = u.data[0], within = i => xs[i] >= u.scales.x.min && xs[i] <= u.scales.x.max;
    const first = xs.findIndex((x, i) => within(i)), last = xs.findLastIndex((x, i) => within(i));
    if (first < 0) return;
    const next = Math.min(last, Math.max(first, (u.cursor.idx ?? (by > 0 ? first - 1 : last + 1)) + by));
    u.byKey = true;
    u.setCursor({left: u.valToPos(xs[next], "x"), top: 10});
    u.byKey = false;
  });
  box.addEventListener("mouseup", () => setTimeout(() => { d.reset.disabled = false; }));
  let width = box.clientWidth;
  new ResizeObserver(() => { if (box.clientWidth && box.clientWidth !== width) { width = box.clientWidth; redraw(box); } }).observe(box);
}

// Tables sort by a click on a head: numbers with their units, other cells as text.
const units = {"µs": 1e-6, ms: 1e-3, s: 1, KiB: 1 / 1024, MiB: 1, GiB: 1024};
function sortable(cell) {
  const m = cell.textContent.replaceAll(",", "").replaceAll("\u2212", "-").match(/[-+]?\d+(\.\d+)?/);
  if (!m) return null;
  const unit = cell.textContent.replaceAll("\u00a0", " ").match(/\d ?(µs|ms|s|KiB|MiB|GiB)\b/);
  return +m[0] * (unit ? units[unit[1]] : 1);
}
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  if (body.rows.length < 3) continue;
  heads.forEach((head, i) => {
    const button = element("button", {type: "button"}, ...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const down = head.ariaSort === "ascending", numeric = head.classList.contains("number");
      heads.forEach(h => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].map(row => [numeric ? sortable(row.cells[i]) : row.cells[i].textContent, row]);
      rows.sort(([a], [b]) => a === null ? 1 : b === null ? -1 : (numeric ? a - b : a.localeCompare(b)) * (down ? -1 : 1));
      body.append(...rows.map(([, row]) => row));
    };
  });
}

// A link into a folded part opens it; printing opens all.
const open = () => { const part = document.getElementById(decodeURIComponent(location.hash.slice(1))); if (part && part.tagName === "DETAILS") part.open = true; };
addEventListener("hashchange", open);
open();
let opened = [];
addEventListener("beforeprint", () => { opened = [...document.querySelectorAll("details:not([open])")]; opened.forEach(d => { d.open = true; }); });
addEventListener("afterprint", () => opened.forEach(d => { d.open = false; }));

// The first charts are drawn at once, further ones when they come near the screen.
document.documentElement.classList.add("live");
const near = new IntersectionObserver(entries => entries.forEach(e => { if (e.isIntersecting) { near.unobserve(e.target); draw(e.target); } }), {rootMargin: "400px"});
document.querySelectorAll("figure[data-chart]").forEach((f, i) => i < 8 && f.clientWidth ? draw(f) : near.observe(f));
matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => drawn.forEach(d => redraw(d.box)));
const links = new Map([...document.querySelectorAll("nav a")].map(a => [a.hash.slice(1), a]));
const current = new IntersectionObserver(entries => entries.forEach(e => {
  if (!e.isIntersecting) return;
  links.forEach(a => a.removeAttribute("aria-current"));
  links.get(e.target.id)?.setAttribute("aria-current", "true");
}), {rootMargin: "-20% 0px -70% 0px"});
document.querySelectorAll(".part").forEach(p => current.observe(p));
})();
