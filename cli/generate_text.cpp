// SPDX-License-Identifier: Apache-2.0
#include "cli/generate_text.h"

#include <charconv>

#include "cli/rank_request.h"

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

}  // namespace

Result<int> generate_text(const Arguments& arguments) {
  SOVREN_TRY(request, read_request(arguments));
  SOVREN_DO(ask_rank("--generate", request));
  return exit_done;
}

}  // namespace sovren::cli
