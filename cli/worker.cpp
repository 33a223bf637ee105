// SPDX-License-Identifier: Apache-2.0
// sovren worker: the agent of this node.
#include "workers/agent/worker.h"

#include <unistd.h>

#include <array>
#include <cstdio>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/shims.h"
#include "cli/signals.h"
#include "cli/system_clock.h"
#include "cli/version.h"
#include "core/base/units.h"
#include "storage/file/file.h"

namespace sovren::cli {
namespace {

constexpr std::int64_t many = 1 << 20;
constexpr std::int64_t token_bytes_max = 4096;

Result<api::ClientOptions> connection(const Arguments& arguments) {
  SOVREN_TRY(options, connection_to(arguments.text("connect")));
  if (arguments.has("ca")) options.ca_file = arguments.text("ca");
  if (arguments.has("certificate")) options.certificate_file = arguments.text("certificate");
  if (!arguments.has("token-file")) return options;
  SOVREN_TRY(token, storage::read_file(arguments.text("token-file"), token_bytes_max));
  options.token = token.substr(0, token.find_first_of(" \t\r\n"));
  return options;
}

Result<std::string> node_name(const Arguments& arguments) {
  std::string name = arguments.text("node");
  if (name.empty()) {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) == 0) name = host.data();
  }
  const bool is_name =
      !name.empty() && name.size() <= 100 &&
      name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") ==
          std::string::npos;
  if (is_name) return name;
  return fail({.code = Code::usage,
               .what = "'" + name + "' is no name of a node",
               .hint = "--node NAME: letters, digits, dots, dashes and underscores"});
}

// What the machine has, or less where the user says so.
Result<NodeResources> announced(const Arguments& arguments, NodeResources found) {
  SOVREN_TRY(gpus, arguments.number("gpus", found.gpus, 0, many));
  found.gpus = static_cast<int>(gpus);
  if (arguments.has("memory")) {
    SOVREN_TRY(bytes, parse_size_bytes(arguments.text("memory")));
    found.memory_bytes = bytes;
  }
  for (const std::string& label : arguments.all("label")) {
    const auto equals = label.find('=');
    if (equals == 0 || equals == std::string::npos)
      return fail({.code = Code::usage,
                   .what = "--label is NAME=VALUE, not '" + label + "'",
                   .hint = "for example --label region=eu-west-1"});
    found.labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  return found;
}

// Of --scrub-interval; 0: never.
Result<double> scrub_interval(const Arguments& arguments) {
  constexpr double day_s = 86400;
  const std::string text = arguments.text("scrub-interval");
  if (text.empty()) return day_s;
  if (text == "off") return 0;
  return parse_duration_s(text);
}

void say(const std::string& line) {
  SystemClock clock;
  std::fprintf(stderr, "%s sovren worker: %s\n", format_utc(clock.now()).c_str(), line.c_str());
}

}  // namespace

Result<int> run_worker(const Arguments& arguments) {
  SOVREN_TRY(node, node_name(arguments));
  SOVREN_TRY(options, connection(arguments));
  SOVREN_TRY(for_orders, api::HttpClient::create(options));
  SOVREN_TRY(for_news, api::HttpClient::create(options));
  SignalInbox signals;
  SOVREN_TRY(cpus, arguments.number("cpus", 0, 1, many));
  SOVREN_TRY(scrub_interval_s, scrub_interval(arguments));
  SOVREN_TRY(agent,
             workers::Agent::start({.subnet = arguments.text("subnet"),
                                    .attempts = workers::AgentConfig::Attempts::apart,
                                    .cpus = cpus > 0 ? std::optional<int>(cpus) : std::nullopt,
                                    .scrub_interval_s = scrub_interval_s,
                                    .link_shims = link_own_shims}));
  SOVREN_TRY(resources, announced(arguments, agent->resources()));
  workers::Worker worker(*agent, {.node = node,
                                  .version = std::string(version()),
                                  .resources = std::move(resources),
                                  .for_orders = std::move(for_orders),
                                  .for_news = std::move(for_news),
                                  .say = say,
                                  .stop_fd = signals.wake_fd(),
                                  .stops = [&signals] { return signals.take().stops; }});
  SOVREN_DO(worker.run());
  return exit_done;
}

}  // namespace sovren::cli
