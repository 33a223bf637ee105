// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/control.h"

#include <signal.h>
#include <unistd.h>

#include "core/text/json.h"

namespace sovren::workers {
namespace {

std::atomic<Control*> signalled = nullptr;
static_assert(std::atomic<Control*>::is_always_lock_free, "signal handlers read this");

void on_signal(int signal) {
  Control* control = signalled;
  if (control == nullptr) return;
  if (signal == SIGUSR1)
    control->ask_for_checkpoint();
  else
    control->ask_to_stop();
}

}  // namespace

Result<void> Control::take_line(std::string_view line) {
  SOVREN_TRY(json, text::parse_json(line, "request"));
  const auto unknown = [&] {
    return fail({.code = Code::data_invalid,
                 .what = "unknown request: " + std::string(line.substr(0, 200))});
  };
  if (!json.is_object()) return unknown();
  if (json.contains("sealed_recorded") && json["sealed_recorded"].is_number_integer()) {
    confirm_seal(json["sealed_recorded"].get<std::int64_t>());
    return {};
  }
  if (!json.contains("request") || !json["request"].is_string()) return unknown();
  const std::string request = json["request"].get<std::string>();
  if (request == "checkpoint")
    ask_for_checkpoint();
  else if (request == "stop")
    ask_to_stop();
  else if (request == "kill")
    ::_exit(rank_exit_code(Code::interrupted));
  else
    return unknown();
  return {};
}

std::optional<std::int64_t> Control::take_recorded() {
  const std::int64_t step = recorded_.exchange(none);
  if (step == none) return std::nullopt;
  return step;
}

void route_signals_to(Control& control) {
  signalled = &control;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT})
    ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGPIPE, SIGHUP, SIGXFSZ}) ::sigaction(signal, &action, nullptr);
}

}  // namespace sovren::workers
