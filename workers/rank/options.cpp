// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/options.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace sovren::workers {
namespace {

tl::unexpected<Error> wrong(std::string what) {
  return fail({.code = Code::usage,
               .what = std::move(what),
               .hint = "sovren-rank --help",
               .where = "sovren-rank"});
}

Result<std::int64_t> whole_number(std::string_view option, std::string_view text,
                                  std::int64_t least) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least ||
      (option != "--job" && option != "--oldest-set-job" &&
       value > std::numeric_limits<int>::max()))
    return wrong(std::string(option) + " must be a whole number from " + std::to_string(least) +
                 ", got '" + std::string(text) + "'");
  return value;
}

Result<double> positive_number(std::string_view option, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) ||
      value <= 0)
    return wrong(std::string(option) + " must be a number of seconds above 0, got '" +
                 std::string(text) + "'");
  return value;
}

Result<void> set_option(Options& options, std::string_view name, std::string_view value) {
  if (name == "--dir") {
    options.dir = value;
  } else if (name == "--report") {
    options.report_socket = value;
  } else if (name == "--sequence") {
    options.sequence = value;
  } else if (name == "--check") {
    options.mode = Options::Mode::check;
    options.job_file = value;
  } else if (name == "--scrub") {
    options.mode = Options::Mode::scrub;
    options.dir = value;
  } else if (name == "--mtbf") {
    SOVREN_TRY(seconds, positive_number(name, value));
    options.mtbf_s = seconds;
  } else if (name == "--job" || name == "--oldest-set-job") {
    SOVREN_TRY(number, whole_number(name, value, 0));
    (name == "--job" ? options.job : options.oldest_set_job) = JobId{number};
  } else if (name == "--attempt" || name == "--ranks") {
    SOVREN_TRY(number, whole_number(name, value, 1));
    (name == "--attempt" ? options.attempt : options.ranks) = static_cast<int>(number);
  } else {
    return wrong("unknown option " + std::string(name));
  }
  return {};
}

}  // namespace

Result<Options> parse_options(std::span<const char* const> arguments,
                              const char* peer_deadline_variable) {
  Options options;
  options.peer_deadline_s = peer_deadline_s_default;
  if (peer_deadline_variable != nullptr) {
    SOVREN_TRY(seconds, positive_number("SOVREN_PEER_DEADLINE_S", peer_deadline_variable));
    options.peer_deadline_s = seconds;
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--help" || name == "-h") {
      options.mode = Options::Mode::help;
    } else if (name == "--about") {
      options.mode = Options::Mode::about;
    } else if (name == "--generate") {
      options.mode = Options::Mode::generate;
    } else if (name == "--tokenizer") {
      options.mode = Options::Mode::tokenizer;
    } else if (name == "--scene") {
      options.mode = Options::Mode::scene;
    } else {
      if (i + 1 == arguments.size()) {
        if (name.substr(0, 2) == "--") return wrong(std::string(name) + " needs a value");
        return wrong("unexpected '" + std::string(name) + "'");
      }
      SOVREN_DO(set_option(options, name, arguments[++i]));
    }
  }
  if (options.mode == Options::Mode::run && options.dir.empty()) return wrong("--dir is missing");
  return options;
}

std::string usage_text() {
  return "Runs one rank of one attempt of a job. Started by sovren; by hand:\n"
         "  sovren-rank --dir DIR [--job N] [--attempt N] [--ranks N] [--oldest-set-job N]\n"
         "              [--mtbf SECONDS] [--report SOCKET] [--sequence STEM]\n"
         "  sovren-rank --check JOB.toml    reads the job and its inputs; errors as JSON lines\n"
         "  sovren-rank --generate          goes on with a text: sovren generate text\n"
         "  sovren-rank --tokenizer         trains and uses tokenizers: sovren tokenizer\n"
         "  sovren-rank --scene             makes a scene: sovren generate scene\n"
         "  sovren-rank --scrub DIR         reads the checkpoints of a job directory again\n"
         "  sovren-rank --about             what this program was built with and finds here\n"
         "Several ranks: mpirun -n N sovren-rank --ranks N ...\n"
         "Signals: SIGUSR1 seals a checkpoint and goes on; SIGUSR2, SIGTERM and SIGINT seal and\n"
         "stop (exit code 85). SOVREN_PEER_DEADLINE_S: how long to wait for another rank (120).\n";
}

}  // namespace sovren::workers
