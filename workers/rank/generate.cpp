// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/generate.h"

#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <istream>
#include <iterator>
#include <memory>
#include <ostream>
#include <thread>
#include <vector>

#include "core/text/json.h"
#include "jobs/training/tokenizer.h"
#include "jobs/training/weights.h"
#include "kernels/nn/generator.h"

namespace sovren::workers {
namespace {

using nn::Generator;
using nn::ModelShape;

struct Request {
  std::string model, tokenizer, prompt;
  Generator::Setting setting;
};

Result<Request> read_request(std::istream& stream) {
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  SOVREN_TRY(json, text::parse_json(bytes, "request"));
  SOVREN_TRY(model, text::get_string(json, "model"));
  SOVREN_TRY(tokenizer, text::get_string(json, "tokenizer"));
  SOVREN_TRY(prompt, text::get_string(json, "prompt"));
  SOVREN_TRY(tokens, text::get_int(json, "tokens"));
  SOVREN_TRY(temperature, text::get_double(json, "temperature"));
  SOVREN_TRY(top_k, text::get_int(json, "top_k"));
  SOVREN_TRY(seed, text::get_int(json, "seed"));
  return Request{model,
                 tokenizer,
                 prompt,
                 {tokens, temperature, static_cast<int>(top_k), static_cast<std::uint64_t>(seed)}};
}

Result<std::unique_ptr<jobs::Tokenizer>> make_tokenizer(const Request& request, int vocab) {
  std::string name = request.tokenizer;
  if (name.empty()) {
    SOVREN_TRY(named, jobs::read_tokenizer_name(request.model));
    name = named;
    constexpr int byte_tokens = 257;  // with the end of a text
    if (name == "byte" && vocab > byte_tokens)
      return fail({.code = Code::refused,
                   .what = "the model has " + std::to_string(vocab) +
                           " tokens, and its file does not say what they stand for",
                   .hint = "say --tokenizer FILE, or --tokenizer byte"});
  }
  if (name == "byte") return jobs::make_byte_tokenizer(std::max(vocab, 256));
  auto made = jobs::make_tokenizer(name);
  if (!made && request.tokenizer.empty()) made.error().hint = "say where it is: --tokenizer FILE";
  return made;
}

/// Nothing to go on from: the end of another text, or the end of a line.
Result<std::vector<std::int32_t>> prompt_tokens(const Request& request,
                                                const jobs::Tokenizer& tokenizer, int vocab) {
  std::vector<std::int32_t> tokens = tokenizer.encode(request.prompt);
  if (tokens.empty() && tokenizer.end_of_text() >= 0) tokens = {tokenizer.end_of_text()};
  if (tokens.empty()) tokens = tokenizer.encode("\n");
  for (const std::int32_t token : tokens)
    if (token >= vocab)
      return fail({.code = Code::data_invalid,
                   .what = "token " + std::to_string(token) + " of the prompt, the model has " +
                           std::to_string(vocab),
                   .hint = "the tokenizer must be the one that the model was trained with"});
  return tokens;
}

std::string shown(std::string text, Sink sink) {
  if (sink == Sink::terminal)
    std::erase_if(text, [](char c) {
      return (static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\t') || c == 127;
    });
  return text;
}

Result<void> generate(std::istream& stream, std::ostream& out, Sink sink) {
  SOVREN_TRY(request, read_request(stream));
  SOVREN_TRY(shape, jobs::read_shape(request.model));
  SOVREN_TRY(parameters, jobs::read_parameters(request.model, nn::ParameterTable(shape)));
  SOVREN_TRY(tokenizer, make_tokenizer(request, shape.vocab));
  SOVREN_TRY(prompt, prompt_tokens(request, *tokenizer, shape.vocab));
  nn::Team team(static_cast<int>(std::thread::hardware_concurrency()));
  Generator generator(shape, parameters, team);
  std::string last;
  generator.generate(prompt, request.setting, [&](std::int32_t token) {
    if (token == tokenizer->end_of_text()) return false;
    last = shown(tokenizer->decode({&token, 1}), sink);
    out << last << std::flush;
    return static_cast<bool>(out);
  });
  if (!last.ends_with('\n')) out << '\n' << std::flush;
  if (out) return {};
  return fail({.code = Code::storage_io, .what = "standard output cannot be written"});
}

}  // namespace

int generate_text(std::istream& request, std::ostream& out, Sink sink, std::ostream& errors) {
  std::signal(SIGPIPE, SIG_IGN);       // a reader that has gone is an error of writing
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // nobody else would stop a long text of a killed sovren
  const auto done = generate(request, out, sink);
  if (done) return exit_done;
  errors << text::dump_json(text::error_to_json(done.error())) << "\n";
  return rank_exit_code(done.error().code);
}

}  // namespace sovren::workers
