// SPDX-License-Identifier: Apache-2.0
// sovren tokenizer train|encode|decode: sovren-rank does it, as jobs do.
#include <array>
#include <cstdio>
#include <filesystem>

#include "cli/command.h"
#include "cli/rank_request.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

using text::Json;

constexpr std::int64_t vocab_min = 257;  // 256 bytes and the end of a text
constexpr std::int64_t vocab_max = 1 << 20;

/// The value of an option that must be there.
Result<std::string> needed(const Arguments& arguments, std::string_view option,
                           const std::string& example) {
  if (arguments.has(option)) return arguments.text(option);
  return fail({.code = Code::usage,
               .what = "--" + std::string(option) + " is missing",
               .hint = "sovren tokenizer " + example});
}

std::vector<std::string> files_of(const Arguments& arguments) {
  return {arguments.operands.begin() + 1, arguments.operands.end()};
}

Result<int> print_made(const Arguments& arguments, const std::string& output, Json made,
                       const std::string& text) {
  if (!arguments.has("json")) return print_text(text);
  made["schema"] = "sovren.tokenizer/1";
  made["output"] = output;
  return print_text(text::dump_json(made, 2) + "\n");
}

Result<int> train(const Arguments& arguments) {
  SOVREN_DO(arguments.only("tokenizer train", {"vocab", "output", "json"}));
  SOVREN_TRY(vocab, arguments.number("vocab", 4096, vocab_min, vocab_max));
  SOVREN_TRY(output, needed(arguments, "output", "train --output merges.txt TEXT..."));
  SOVREN_TRY(made, ask_rank("--tokenizer", {{"do", "train"},
                                            {"files", files_of(arguments)},
                                            {"vocab", vocab},
                                            {"output", output}}));
  SOVREN_TRY(reached, text::get_int(made, "vocab"));
  SOVREN_TRY(bytes, text::get_int(made, "bytes"));
  SOVREN_TRY(tokens, text::get_int(made, "tokens"));
  if (reached < vocab)
    print_warning("only " + std::to_string(reached) + " of " + std::to_string(vocab) +
                  " tokens: no more pairs are in the texts twice");
  std::array<char, 32> ratio{};
  std::snprintf(ratio.data(), ratio.size(), "%.2f",
                static_cast<double>(bytes) / static_cast<double>(tokens));
  return print_made(arguments, output, std::move(made),
                    "merges  " + output + "\nvocab   " + std::to_string(reached) + "\ntexts   " +
                        format_count(static_cast<double>(bytes)) + " bytes, " +
                        format_count(static_cast<double>(tokens)) + " tokens: " + ratio.data() +
                        " bytes each\nnext:  tokenizer = \"" +
                        std::filesystem::path(output).filename().string() + "\" in a job file\n");
}

Result<int> encode(const Arguments& arguments) {
  SOVREN_DO(arguments.only("tokenizer encode", {"tokenizer", "output", "json"}));
  const std::string example = "encode --tokenizer merges.txt --output data.bin TEXT...";
  SOVREN_TRY(tokenizer, needed(arguments, "tokenizer", example));
  SOVREN_TRY(output, needed(arguments, "output", example));
  SOVREN_TRY(made, ask_rank("--tokenizer", {{"do", "encode"},
                                            {"files", files_of(arguments)},
                                            {"tokenizer", tokenizer},
                                            {"output", output}}));
  SOVREN_TRY(vocab, text::get_int(made, "vocab"));
  SOVREN_TRY(tokens, text::get_int(made, "tokens"));
  return print_made(arguments, output, std::move(made),
                    "shard   " + output + "\ntokens  " + format_count(static_cast<double>(tokens)) +
                        ", of a vocabulary of " + std::to_string(vocab) + "\n");
}

Result<int> decode(const Arguments& arguments) {
  SOVREN_DO(arguments.only("tokenizer decode", {"tokenizer"}));
  SOVREN_TRY(tokenizer, needed(arguments, "tokenizer", "decode --tokenizer merges.txt SHARD..."));
  SOVREN_DO(ask_rank("--tokenizer",
                     {{"do", "decode"}, {"files", files_of(arguments)}, {"tokenizer", tokenizer}}));
  return exit_done;
}

}  // namespace

Result<int> use_tokenizer(const Arguments& arguments) {
  const std::string& verb = arguments.operands[0];
  if (verb == "train") return train(arguments);
  if (verb == "encode") return encode(arguments);
  if (verb == "decode") return decode(arguments);
  return fail({.code = Code::usage,
               .what = "sovren tokenizer does train, encode or decode, not '" + verb + "'",
               .hint = "sovren help tokenizer"});
}

}  // namespace sovren::cli
