// SPDX-License-Identifier: Apache-2.0
// sovren generate: what it makes; causal: series, truth and a job file that analyses them.
#include <array>
#include <charconv>
#include <filesystem>

#include "cli/command.h"
#include "cli/generate_scene.h"
#include "cli/generate_text.h"
#include "cli/svar.h"
#include "cli/terminal.h"
#include "core/text/json.h"
#include "storage/file/file.h"

namespace sovren::cli {
namespace {

std::string variable_name(int index) {
  return "x" + std::to_string(index);
}

void append_number(std::string& text, double value) {
  std::array<char, 32> buffer{};
  text.append(buffer.data(),
              std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

std::string series_csv(const Svar& svar, int variables) {
  std::string csv;
  for (int j = 0; j < variables; ++j) csv += (j == 0 ? "" : ",") + variable_name(j);
  for (std::size_t i = 0; i < svar.series.size(); ++i) {
    csv += i % static_cast<std::size_t>(variables) == 0 ? '\n' : ',';
    append_number(csv, svar.series[i]);
  }
  return csv + "\n";
}

std::string truth_csv(const Svar& svar) {
  std::string csv = "source,target,lag,weight\n";
  for (const TrueLink& link : svar.links) {
    csv += variable_name(link.source) + "," + variable_name(link.target) + "," +
           std::to_string(link.lag) + ",";
    append_number(csv, link.weight);
    csv += "\n";
  }
  return csv;
}

std::string job_file(const std::string& stem, const SvarOptions& options) {
  return "# Made by sovren generate causal --seed " + std::to_string(options.seed) +
         ": the true links are known, so the result is scored.\nschema = 1\nname = \"" + stem +
         "\"\nkind = \"causal-analysis\"\n\n[causal_analysis]\ndata = \"" + stem +
         ".csv\"\ntruth = \"" + stem +
         ".truth.csv\"\nmethod = \"pcmci\"\ntest = \"parcorr\"\nmax_lag = " +
         std::to_string(options.max_lag) + "\npc_alpha = 0.05\nalpha = 0.05\n";
}

Result<SvarOptions> read_options(const Arguments& arguments) {
  SvarOptions options;
  SOVREN_TRY(variables, arguments.number("variables", options.variables, 1, 100'000));
  SOVREN_TRY(length, arguments.number("length", options.length, 1, 100'000'000));
  SOVREN_TRY(max_lag, arguments.number("max-lag", options.max_lag, 1, 1000));
  SOVREN_TRY(links, arguments.number("links", options.links_per_variable, 0, 1000));
  SOVREN_TRY(seed, arguments.number("seed", 1, 0, INT64_MAX));
  if (variables * length > 1'000'000'000)
    return fail({.code = Code::refused,
                 .what = std::to_string(variables) + " variables x " + std::to_string(length) +
                         " steps are more than 1,000,000,000 numbers"});
  options.variables = static_cast<int>(variables);
  options.length = length;
  options.max_lag = static_cast<int>(max_lag);
  options.links_per_variable = static_cast<int>(links);
  options.seed = static_cast<std::uint64_t>(seed);
  return options;
}

Result<int> generate_causal(const Arguments& arguments) {
  SOVREN_TRY(options, read_options(arguments));
  std::filesystem::path csv = arguments.text("output");
  if (csv.empty())
    csv = "causal-" + std::to_string(options.variables) + "x" + std::to_string(options.length) +
          ".csv";
  if (csv.extension() != ".csv")
    return fail(
        {.code = Code::usage, .what = "--output '" + csv.string() + "' does not end in .csv"});
  const std::string stem = csv.stem().string();
  const auto truth = csv.parent_path() / (stem + ".truth.csv");
  const auto job = csv.parent_path() / (stem + ".toml");

  const Svar svar = generate_svar(options);
  if (!csv.parent_path().empty()) SOVREN_DO(storage::make_directories(csv.parent_path().string()));
  SOVREN_DO(storage::write_file_atomic(csv.string(), series_csv(svar, options.variables)));
  SOVREN_DO(storage::write_file_atomic(truth.string(), truth_csv(svar)));
  SOVREN_DO(storage::write_file_atomic(job.string(), job_file(stem, options)));

  if (arguments.has("json"))
    return print_text(text::dump_json({{"schema", "sovren.generated/1"},
                                       {"data", csv.string()},
                                       {"truth", truth.string()},
                                       {"job", job.string()},
                                       {"variables", options.variables},
                                       {"length", options.length},
                                       {"max_lag", options.max_lag},
                                       {"links", svar.links.size()},
                                       {"seed", options.seed}},
                                      2) +
                      "\n");
  return print_text("data   " + csv.string() + "\ntruth  " + truth.string() + "\njob    " +
                    job.string() + "\nnext:  sovren run " + job.string() + "\n");
}

}  // namespace

Result<int> generate(const Arguments& arguments) {
  const std::string& kind = arguments.operands[0];
  if (kind == "scene") {
    SOVREN_DO(arguments.only("generate scene", {"output", "detail", "json"}));
    return generate_scene(arguments);
  }
  if (arguments.operands.size() > 1)
    return fail({.code = Code::usage,
                 .what = "sovren generate " + kind + " takes no '" + arguments.operands[1] + "'"});
  if (kind == "text") {
    SOVREN_DO(arguments.only("generate text", {"model", "prompt", "tokens", "temperature", "top-k",
                                               "tokenizer", "seed"}));
    return generate_text(arguments);
  }
  if (kind == "causal") {
    SOVREN_DO(arguments.only(
        "generate causal", {"variables", "length", "max-lag", "links", "output", "seed", "json"}));
    return generate_causal(arguments);
  }
  return fail({.code = Code::usage,
               .what = "sovren generate makes causal data, text or scenes, not '" + kind + "'",
               .hint = "sovren generate causal --variables 50 --length 1000"});
}

}  // namespace sovren::cli
