// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/model/site.h"
#include "core/text/job_file.h"

namespace sovren::text {

// What the file of `sovren serve --config` says (docs/site-file.md). None, or an empty text: it
// says nothing, and who is configured keeps the default.

/// [listen]: where the daemon answers.
struct ListenSettings {
  std::string socket;                  ///< Unix socket, absolute
  std::optional<bool> is_socket_open;  ///< every local user may connect
  std::string address;                 ///< of TCP with TLS; empty: only the Unix socket
  std::optional<std::uint16_t> port;   ///< 0: any free one
  std::string certificate;             ///< PEM files
  std::string key;
  std::string tokens;  ///< file of those who may use TCP
};

/// [requests]: what one client may ask for.
struct RequestSettings {
  std::optional<std::int64_t> body_bytes;
  std::optional<std::int64_t> connections;
  std::optional<std::int64_t> connections_per_peer;
  std::optional<double> local_per_s;
  std::optional<double> remote_per_s;
  std::optional<std::int64_t> array_elements;
  std::optional<std::int64_t> open_jobs;
};

/// [policy]: names and figures of scheduler/policy/policy.h.
struct PolicySettings {
  std::string order;     ///< an enumerator of policy::Order: "aged_saf", ...
  std::string backfill;  ///< "none", "easy" or "conservative"
  std::string backfill_order;
  std::optional<int> reservations;
  std::optional<double> unlimited_s;
  std::optional<bool> preempts;  ///< preemption = "checkpoint", not "off"
  std::optional<double> quantum_s;
  std::optional<double> preemption_cost_s;
  std::optional<double> half_life_s;
  std::optional<double> grace_s;
  std::optional<double> mtbf_s;
  std::optional<int> breaker_failures;
  struct Weights {
    std::optional<double> age, fair_share, qos, partition, size, deadline, nice, age_unit_s;
  } weights;
};

struct ServeConfig {
  Site site;
  ListenSettings listen;
  RequestSettings requests;
  PolicySettings policy;
  std::optional<double> node_timeout_s;        ///< silent for longer, a node is down
  std::optional<bool> requeues_on_time_limit;  ///< on_time_limit = "requeue", not "end"
  std::string jobs_dir;                        ///< folder of the job folders, absolute
};

/// Reads and checks the file. All errors at once, each at its place, as of job files: also two
/// default partitions, names that are not there, and QOS that preempt one another. Each pool is a
/// partition of its name too.
tl::expected<ServeConfig, Errors> parse_site_file(const SourceText& source);

}  // namespace sovren::text
