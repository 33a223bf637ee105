// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/report_page.h"

namespace sovren::jobs {

const char* const report_style = R"css(
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ground: #f3f5f8; --ink: #1f2933; --soft: #5b6875; --line: #dce2e9;
  --accent: #1f5fa8; --accent-soft: #1f5fa826; --warm: #b3261e; --cool: #1f5fa8; --gold: #b98900;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #1b2129; --ground: #12161c; --ink: #e6ebf1; --soft: #9aa7b5; --line: #303945;
    --accent: #7ab4f5; --accent-soft: #7ab4f533; --warm: #ff8a75; --cool: #7ab4f5; --gold: #f5c542;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 36px; }
h1 { margin: 0; font-size: 2rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 12px; font-size: 1.25rem; }
h3 { margin: 22px 0 6px; font-size: 1rem; }
p { margin: 8px 0; }
.setting, .hint, footer { color: var(--soft); }
.hint { font-size: .875rem; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 14px 0 0; font-size: .9rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px;
  margin: 20px 0; padding: 22px 24px; }
footer { padding-bottom: 40px; font-size: .85rem; }
.answer { font-size: 1.12rem; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0; padding: 0; list-style: none; }
.tiles li { flex: 1 1 120px; border: 1px solid var(--line); border-radius: 8px; padding: 8px 14px; }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.3; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .85rem; }
.chain { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; margin: 10px 0;
  padding: 0; list-style: none; }
.chain b { border: 2px solid var(--gold); border-radius: 999px; padding: 2px 12px;
  font-weight: 600; overflow-wrap: anywhere; }
.chain span { color: var(--soft); font-size: .875rem; white-space: nowrap; }
ul.plain { margin: 8px 0; padding-left: 20px; }
figure { margin: 0; overflow-x: auto; background: #ffffff; border-radius: 8px; padding: 4px;
  text-align: center; }
figure > svg { max-width: 100%; height: auto; }
@media screen and (prefers-color-scheme: dark) { figure { filter: brightness(.92); } }
@media (max-width: 640px) { figure > svg { max-width: none; width: 620px; } }
.scroll { overflow: auto; max-height: 640px; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px; text-align: left; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
thead th { position: sticky; top: 0; background: var(--paper); white-space: nowrap;
  box-shadow: inset 0 -1px var(--line); border-bottom: 0; z-index: 1; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.name { overflow-wrap: anywhere; min-width: 110px; }
td.mark { white-space: nowrap; color: var(--soft); }
tr.chained td.mark { color: var(--gold); font-weight: 700; }
th button { all: unset; cursor: pointer; }
th button::after { content: " \2195"; color: var(--soft); }
th[aria-sort=ascending] button::after { content: " \2191"; color: var(--accent); }
th[aria-sort=descending] button::after { content: " \2193"; color: var(--accent); }
th button:focus-visible { outline: 2px solid var(--accent); }
.bar { display: inline-block; position: relative; width: 96px; height: 12px; margin-right: 8px;
  background: linear-gradient(var(--line), var(--line)) center / 1px 100% no-repeat;
  vertical-align: -1px; }
.bar i { position: absolute; top: 1px; bottom: 1px; border-radius: 2px; }
.bar .up { background: var(--warm); }
.bar .down { background: var(--cool); }
.controls { display: none; flex-wrap: wrap; gap: 8px 18px; align-items: center; margin: 10px 0; }
.js .controls { display: flex; }
.controls input[type=search] { font: inherit; padding: 5px 10px; min-width: 220px;
  color: var(--ink); background: var(--ground); border: 1px solid var(--line);
  border-radius: 6px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 14px; }
.chart { width: 100%; height: auto; display: block; }
.chart text { fill: var(--soft); font-size: 11px; }
.chart .chart-title { fill: var(--ink); font-size: 13px; font-weight: 600; }
.chart .end { text-anchor: end; }
.chart .middle { text-anchor: middle; }
.chart path { fill: none; }
.chart .grid { stroke: var(--line); }
.chart .zero { stroke: var(--soft); stroke-width: .8; }
.chart .divide { stroke: var(--soft); stroke-dasharray: 3 3; }
.chart .measured { stroke: var(--ink); stroke-width: 1.4; }
.chart .expected { stroke: var(--accent); stroke-width: 2; }
.chart .changed { stroke: var(--warm); stroke-width: 2; }
.chart .band { fill: var(--accent-soft); stroke: none; }
.chart .total { fill: var(--accent); }
.chart .direct { fill: var(--accent-soft); stroke: var(--accent); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: .875rem; color: var(--soft);
  margin: 6px 0 10px; }
.legend i { display: inline-block; width: 24px; height: 10px; margin-right: 7px;
  border-bottom: 3px solid var(--ink); vertical-align: 4px; }
.legend .expected { border-color: var(--accent); }
.legend .changed { border-color: var(--warm); }
.legend .band { border: 0; background: var(--accent-soft); height: 14px; vertical-align: -2px; }
.legend .total { border: 0; background: var(--accent); height: 14px; vertical-align: -2px; }
.legend .direct { border: 1px solid var(--accent); background: var(--accent-soft); height: 14px;
  vertical-align: -2px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 22px; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  header, main, footer { padding-left: 12px; padding-right: 12px; }
  section { padding: 16px 14px; }
  h1 { font-size: 1.5rem; }
  .charts { grid-template-columns: 1fr; }
}
@media print {
  :root { color-scheme: light; --paper: #ffffff; --ground: #ffffff; --ink: #000000;
    --soft: #444444; --line: #cccccc; --accent: #1f5fa8; --accent-soft: #1f5fa826;
    --warm: #b3261e; --cool: #1f5fa8; --gold: #b98900; }
  body { font-size: 10.5pt; }
  nav, .js .controls, th button::after { display: none; }
  section { border: 0; padding: 8px 0; margin: 8px 0; }
  .scroll { max-height: none; overflow: visible; border: 0; }
  thead th { position: static; }
  figure, .chart, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

const char* const report_script = R"js(
"use strict";
document.documentElement.classList.add("js");
(function () {
  const table = document.getElementById("link-table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const find = document.getElementById("find");
  const own = document.getElementById("own");
  const shown = document.getElementById("shown");
  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const counts = !own || own.checked || !row.dataset.own;
      const keep = counts && words.every((w) => text.includes(w));
      row.hidden = !keep;
      if (keep) ++count;
    }
    shown.textContent = count + " of " + rows.length + " links";
  }
  find.addEventListener("input", filter);
  if (own) own.addEventListener("change", filter);
  const heads = Array.from(table.tHead.rows[0].cells);
  function key(row, column) {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  }
  function sort(column, falling) {
    const sign = falling ? -1 : 1;
    rows.sort(function (a, b) {
      const x = key(a, column), y = key(b, column);
      if (typeof x === "number") return sign * (x - y);
      return sign * x.localeCompare(y, undefined, { numeric: true });
    });
    body.append(...rows);
  }
  heads.forEach(function (head, column) {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", function () {
      const was = head.getAttribute("aria-sort");
      const first = head.dataset.first || "ascending";
      const next = !was ? first : was === "ascending" ? "descending" : "ascending";
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", next);
      sort(column, next === "descending");
    });
  });
  filter();
})();
)js";

}  // namespace sovren::jobs
