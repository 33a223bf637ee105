// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/text/json.h"
#include "jobs/kind/job_kind.h"
#include "workers/comm/comm.h"

namespace sovren::jobs {

/// A whole causal analysis on this thread. For tests.
inline Result<Outcome> run_causal(const CausalSpec& causal, const std::string& name = "test") {
  JobSpec spec;
  spec.name = name;
  spec.kind = causal;
  const auto comm = workers::make_self_communicator();
  const Setting setting{*comm, 1, Backend::cpu};
  SOVREN_TRY(kind, make_job_kind(spec, setting));
  SOVREN_DO(kind->load());
  SOVREN_DO(kind->init());
  while (!kind->done()) SOVREN_DO(kind->step());
  return kind->finish();
}

/// A file of the result; empty when there is none of the name.
inline std::string result_file(const Outcome& outcome, const std::string& name) {
  for (const ResultFile& file : outcome.files)
    if (file.name == name) return file.bytes;
  return "";
}

inline text::Json graph_of(const Outcome& outcome) {
  return text::parse_json(result_file(outcome, "graph.json"), "graph.json").value();
}

/// The link of a graph.json; null when it is not there.
inline text::Json link_of(const text::Json& graph, const std::string& source,
                          const std::string& target, int lag) {
  for (const text::Json& link : graph["links"])
    if (link["source"] == source && link["target"] == target && link["lag"] == lag) return link;
  return nullptr;
}

}  // namespace sovren::jobs
