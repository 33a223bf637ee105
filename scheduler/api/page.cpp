// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/page.h"

namespace sovren::api {
namespace {

// All that comes from the API is put in as text, never as markup.
constexpr const char* page = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sovren</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }
  table { border-collapse: collapse; width: 100%; margin: 0 0 2em; }
  th, td { text-align: left; padding: .2em .8em .2em 0; border-bottom: 1px solid #8884; }
  th { font-weight: 600; }
  td.why { color: #888; }
  @media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } }
</style>
<h1>Sovren</h1>
<p id="note" role="status">Asking the scheduler ...</p>
<form id="ask" hidden>
  <label>Token with the scope read: <input id="token" type="password" autocomplete="off"></label>
  <button>Show</button>
</form>
<h2>Nodes</h2>
<table id="nodes"></table>
<h2>Jobs</h2>
<table id="jobs"></table>
<script>
"use strict";
const by_id = (id) => document.getElementById(id);
let token = sessionStorage.getItem("sovren-token");

async function get(path) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  const answer = await fetch(path, { headers });
  const body = await answer.json();
  if (answer.ok) return body;
  if (answer.status === 401) by_id("ask").hidden = false;
  throw new Error(body.detail + (body.hint ? " (" + body.hint + ")" : ""));
}

function fill(table, columns, rows) {
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  for (const [title] of columns) {
    const cell = document.createElement("th");
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const [title, text] of columns) {
      const cell = line.insertCell();
      cell.textContent = text(row) ?? "";
      if (title === "why") cell.className = "why";
    }
  }
}

const node_columns = [
  ["node", (n) => n.name], ["state", (n) => n.state],
  ["cpus", (n) => n.cpus_used + " of " + n.cpus], ["gpus", (n) => n.gpus_used + " of " + n.gpus],
  ["why", (n) => n.why]];
const job_columns = [
  ["job", (j) => j.id], ["name", (j) => j.name], ["user", (j) => j.user], ["state", (j) => j.state],
  ["done", (j) => (j.progress ? Math.floor(100 * j.progress.fraction) + " %" : "")],
  ["attempt", (j) => j.attempts], ["nodes", (j) => j.nodes.map((n) => n.node).join(" ")],
  ["why", (j) => j.why]];

async function show() {
  try {
    const nodes = await get("/v1/nodes");
    const jobs = await get("/v1/jobs?limit=200&order=newest");
    fill(by_id("nodes"), node_columns, nodes.nodes);
    fill(by_id("jobs"), job_columns, jobs.jobs);
    by_id("ask").hidden = true;
    by_id("note").textContent = "The newest 200 jobs, as of " + new Date().toLocaleTimeString();
  } catch (error) {
    by_id("note").textContent = error.message;
  }
}

by_id("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  token = by_id("token").value.trim();
  sessionStorage.setItem("sovren-token", token);
  show();
});
show();
setInterval(show, 5000);
</script>
</html>
)html";

}  // namespace

Response status_page() {
  return {.body = page,
          .content_type = "text/html; charset=utf-8",
          .headers = {{"Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                       "connect-src 'self'; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'none'"},
                      {"Referrer-Policy", "no-referrer"}}};
}

}  // namespace sovren::api
