// SPDX-License-Identifier: Apache-2.0
#include "cli/generate_text.h"

#include <charconv>

#include "cli/subprocess.h"
#include "core/text/json.h"
#include "workers/launch/programs.h"

namespace sovren::cli {
namespace {

constexpr double temperature_max = 100;

Result<double> read_temperature(const Arguments& arguments) {
  if (!arguments.has("temperature")) return 0.8;
  const std::string value = arguments.text("temperature");
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool is_whole = error == std::errc() && end == value.data() + value.size();
  if (is_whole && number >= 0 && number <= temperature_max) return number;
  return fail({.code = Code::usage,
               .what = "--temperature is a number from 0 to 100, not '" + value + "'"});
}

Result<text::Json> read_request(const Arguments& arguments) {
  if (!arguments.has("model"))
    return fail({.code = Code::usage,
                 .what = "--model is missing",
                 .hint = "sovren generate text --model NAME.sovren/result/model.safetensors"});
  SOVREN_TRY(tokens, arguments.number("tokens", 200, 1, 1'000'000'000));
  SOVREN_TRY(temperature, read_temperature(arguments));
  SOVREN_TRY(top_k, arguments.number("top-k", 0, 0, 1'000'000'000));
  SOVREN_TRY(seed, arguments.number("seed", 1, 0, INT64_MAX));
  return text::Json{{"model", arguments.text("model")},
                    {"tokenizer", arguments.text("tokenizer")},
                    {"prompt", arguments.text("prompt")},
                    {"tokens", tokens},
                    {"temperature", temperature},
                    {"top_k", top_k},
                    {"seed", seed}};
}

/// What the program said last on standard error; before that, what libraries say.
std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

Result<int> generate_text(const Arguments& arguments) {
  SOVREN_TRY(request, read_request(arguments));
  SOVREN_TRY(programs, workers::find_programs());
  SOVREN_TRY(done,
             run_program({programs.rank, "--generate"}, text::dump_json(request), Stderr::take));
  if (done.exit_code == exit_done) return exit_done;
  if (const auto json = text::parse_json(last_line(done.output), "sovren-rank"))
    if (auto error = text::error_from_json(*json)) return fail(std::move(*error));
  return fail(
      {.code = Code::bug,
       .what = "sovren-rank --generate ended with exit code " + std::to_string(done.exit_code) +
               " and said: " + (done.output.empty() ? "nothing" : done.output.substr(0, 500)),
       .hint = "sovren doctor checks the installation"});
}

}  // namespace sovren::cli
