// SPDX-License-Identifier: Apache-2.0
// sovren explain JOB: why it waits, and what would help.
#include <cmath>

#include "cli/client.h"
#include "cli/listing.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

using text::Json;

std::string joined(const Json& list) {
  std::string text;
  for (const Json& each : list) text += (text.empty() ? "" : " ") + each.dump();
  return text;
}

// "1012 = age 12 + fair_share 1000": what counts.
std::string priority_of(const Json& answer) {
  const Json parts = answer.value("priority", Json::object());
  std::string sum;
  for (const auto& [name, value] : parts.items()) {
    const double points = value.is_number() ? std::round(value.get<double>()) : 0;
    if (name != "total" && points != 0)
      sum += (sum.empty() ? " = " : " + ") + name + " " + format_count(points);
  }
  return sum.empty() ? sum : format_count(std::round(number_of(parts, "total"))) + sum;
}

std::string words_of(const Json& answer) {
  const std::string state = text_of(answer, "/job/state");
  std::string text =
      "job " + text_of(answer, "/job/id") + " '" + text_of(answer, "/job/name") + "' is " + state;
  if (state != "PENDING") return text + "\n";
  text += ": " + text_of(answer, "reason") + "\n  " + text_of(answer, "why") + "\n";
  Rows facts;
  if (const auto position = text_of(answer, "position"); position != "0" && !position.empty())
    facts.push_back({"position", position});
  if (const Json ahead = answer.value("ahead", Json()); !ahead.empty())
    facts.push_back({"ahead", "jobs " + joined(ahead)});
  if (const auto start = time_of(answer, "estimated_start"); !start.empty())
    facts.push_back({"estimated start", start});
  facts.push_back({"nodes that would do", text_of(answer, "nodes_fitting")});
  if (const std::string priority = priority_of(answer); !priority.empty())
    facts.push_back({"priority", priority});
  text += "\n" + format_table(facts);
  if (const Json nodes = answer.value("nodes", Json()); !nodes.empty()) {
    Rows rows;
    for (const Json& node : nodes)
      rows.push_back({"  " + text_of(node, "node"), text_of(node, "why")});
    text += "\nnodes that will not do:\n" + format_table(rows);
  }
  if (const Json advice = answer.value("advice", Json()); !advice.empty()) {
    text += "\nwhat would help:\n";
    for (const Json& each : advice)
      text += "  " + (each.is_string() ? printable(each.get<std::string>()) : each.dump()) + "\n";
  }
  return text;
}

}  // namespace

Result<int> explain_job(const Arguments& arguments) {
  SOVREN_TRY(operand, job_operand(arguments.operands[0]));
  SOVREN_TRY(client, Client::create(arguments));
  SOVREN_TRY(answer, client.get("/v1/explain/" + operand));
  return print_text(arguments.has("json") ? text::dump_json(answer, 2) + "\n" : words_of(answer));
}

}  // namespace sovren::cli
