"use strict";
// Follows the events of a run. Every text goes through textContent: what a name holds stays text.
const number = v => v >= 100 ? Math.round(v).toLocaleString("en") : v.toPrecision(3);
const millis = ns => number(ns / 1e6) + " ms";
const rows = {};
function row(table, key, ...cells) {
  const id = JSON.stringify([table, key]);
  let tr = rows[id];
  if (!tr) {
    tr = rows[id] = document.getElementById(table).appendChild(document.createElement("tr"));
    cells.forEach((_, i) => { tr.appendChild(document.createElement("td")).className = i && table === "loads" || i > 1 ? "number" : ""; });
  }
  cells.forEach((text, i) => { tr.children[i].textContent = text; });
}
const say = text => { document.getElementById("doing").textContent = text; };
const seen = new Set();
function diagnose(d) {
  if (seen.has(d.code)) return;
  seen.add(d.code);
  document.getElementById("diagnostics").appendChild(document.createElement("li")).textContent = d.code + ": " + d.message;
}
const failed = c => c.intended - c.ok;
const range = v => v.confidence > 0 ? number(v.low) + " – " + number(v.high) : "";
const on = {
  "run-started": e => say((e.plan || [e.run])[0]),
  "doing": e => say(e.text),
  "estimate": e => say(e.text),
  "scheduled": e => { if (e.why) say(e.why); },
  "booted": e => say(e.arm + " is up and warm"),
  "cell-started": e => say(e.arm + ": " + e.scenario + " " + e.load + (e.of ? ", cell " + e.cell + " of " + e.of : "")),
  "second": e => row("loads", e.arm, e.arm, number(e.rate), millis(e.p50_ns), millis(e.p99_ns), String(failed(e.counts))),
  "cell-done": e => {
    row("loads", e.arm, e.arm, number(e.rate), millis(e.p50_ns), millis(e.p99_ns), String(failed(e.counts)));
    (e.diagnostics || []).forEach(diagnose);
  },
  "estimated": e => row("estimates", [e.arm, e.measure, e.baseline], e.arm,
    e.measure + (e.baseline ? ", as a multiple of " + e.baseline : ", " + e.unit), number(e.value.value), range(e.value)),
  "diagnostic": diagnose,
  "done": e => {
    document.querySelector("h1").textContent = "Done: " + e.status;
    say(e.verdict + (e.reason ? ": " + e.reason : ""));
  },
};
const source = new EventSource("/runs/" + encodeURIComponent(document.body.dataset.run) + "/events");
source.onmessage = m => {
  const logged = JSON.parse(m.data);
  if (on[logged.kind]) on[logged.kind](logged.event);
  if (logged.kind === "done") source.close();
};
