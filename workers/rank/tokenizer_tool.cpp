// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/tokenizer_tool.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <istream>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/text/json.h"
#include "jobs/kind/input_file.h"
#include "jobs/training/bpe_trainer.h"
#include "jobs/training/token_data.h"
#include "jobs/training/token_shard.h"
#include "storage/file/file.h"

namespace sovren::workers {
namespace {

using text::Json;

/// Of what is encoded or decoded at once.
constexpr std::int64_t block_tokens = 1 << 16;

Result<std::vector<std::string>> read_files(const Json& request) {
  SOVREN_TRY(member, text::get_member(request, "files"));
  std::vector<std::string> files;
  for (const Json& file : *member) {
    if (!file.is_string())
      return fail({.code = Code::usage, .what = "files must be a list of paths"});
    files.push_back(file.get<std::string>());
  }
  return files;
}

/// Where the answer is to go, which must not be one of the files that are read.
Result<std::string> read_output(const Json& request, const std::vector<std::string>& files) {
  SOVREN_TRY(output, text::get_string(request, "output"));
  for (const std::string& file : files) {
    std::error_code no_such_file;
    if (std::filesystem::equivalent(output, file, no_such_file))
      return fail({.code = Code::usage,
                   .what = "'" + output + "' would be overwritten, but is to be read",
                   .hint = "give --output another name"});
  }
  return output;
}

Result<Json> train(const Json& request) {
  SOVREN_TRY(files, read_files(request));
  SOVREN_TRY(output, read_output(request, files));
  SOVREN_TRY(vocab, text::get_int(request, "vocab"));
  std::vector<jobs::MappedFile> mapped;
  std::vector<std::string_view> texts;
  for (const std::string& path : files) {
    SOVREN_TRY(file, jobs::MappedFile::open(path));
    if (file.text().empty())
      return fail({.code = Code::data_invalid, .what = "the file is empty", .where = path});
    mapped.push_back(std::move(file));
    texts.push_back(mapped.back().text());
  }
  constexpr int bytes_and_end = 257;
  const jobs::TrainedBpe trained = jobs::train_bpe(texts, static_cast<int>(vocab) - bytes_and_end);
  SOVREN_DO(storage::make_directories(storage::parent_directory(output)));
  SOVREN_DO(storage::write_file_atomic(output, jobs::print_bpe(trained.merges)));
  return Json{{"vocab", bytes_and_end + std::ssize(trained.merges)},
              {"bytes", trained.bytes},
              {"tokens", trained.tokens}};
}

/// The tokens of the files, and what reads them.
struct Opened {
  std::unique_ptr<jobs::Tokenizer> tokenizer;
  std::shared_ptr<const jobs::TokenData> data;
};

Result<Opened> open_files(const Json& request, const std::vector<std::string>& files) {
  SOVREN_TRY(name, text::get_string(request, "tokenizer"));
  SOVREN_TRY(tokenizer, jobs::make_tokenizer(name));
  SOVREN_TRY(data, jobs::open_tokens(files, *tokenizer, tokenizer->vocab()));
  return Opened{std::move(tokenizer), std::move(data)};
}

/// Calls take(tokens) for all tokens, block by block.
template <class Take>
Result<void> for_blocks(const jobs::TokenData& data, Take take) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t at = 0; at < data.size(); at += block_tokens) {
    tokens.resize(static_cast<std::size_t>(std::min(block_tokens, data.size() - at)));
    data.read(at, tokens);
    SOVREN_DO(take(tokens));
  }
  return {};
}

Result<Json> encode(const Json& request) {
  SOVREN_TRY(files, read_files(request));
  SOVREN_TRY(output, read_output(request, files));
  if (!output.ends_with(".bin"))
    return fail({.code = Code::usage,
                 .what = "--output '" + output + "' does not end in .bin, as token shards do"});
  SOVREN_TRY(opened, open_files(request, files));
  const int vocab = opened.tokenizer->vocab();
  if (vocab > 1 << 16)
    return fail({.code = Code::refused,
                 .what = "the tokenizer has " + std::to_string(vocab) +
                         " tokens, and shards hold them as uint16 (allowed: 65536)",
                 .hint = "name the text files themselves as data of the job"});
  const auto write = [&](storage::FileWriter& file) -> Result<void> {
    SOVREN_DO(file.append(jobs::shard_header(opened.data->size())));
    std::vector<std::uint16_t> narrow;
    return for_blocks(*opened.data, [&](const std::vector<std::int32_t>& tokens) {
      narrow.assign(tokens.begin(), tokens.end());
      return file.append(std::as_bytes(std::span(narrow)));
    });
  };
  SOVREN_DO(storage::make_directories(storage::parent_directory(output)));
  SOVREN_DO(storage::write_file_atomic(output, write));
  return Json{{"vocab", vocab}, {"tokens", opened.data->size()}};
}

Result<Json> decode(const Json& request, std::ostream& out) {
  SOVREN_TRY(files, read_files(request));
  SOVREN_TRY(opened, open_files(request, files));
  const auto print = [&](const std::vector<std::int32_t>& tokens) -> Result<void> {
    if (out << opened.tokenizer->decode(tokens)) return {};
    return fail({.code = Code::storage_io, .what = "standard output cannot be written"});
  };
  SOVREN_DO(for_blocks(*opened.data, print));
  if (!out.flush())
    return fail({.code = Code::storage_io, .what = "standard output cannot be written"});
  return Json{{"vocab", opened.tokenizer->vocab()}, {"tokens", opened.data->size()}};
}

Result<Json> do_what_is_asked(std::istream& stream, std::ostream& out) {
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  SOVREN_TRY(request, text::parse_json(bytes, "request"));
  SOVREN_TRY(verb, text::get_string(request, "do"));
  if (verb == "train") return train(request);
  if (verb == "encode") return encode(request);
  if (verb == "decode") return decode(request, out);
  return fail({.code = Code::usage, .what = "cannot do '" + verb + "'"});
}

}  // namespace

int use_tokenizer(std::istream& request, std::ostream& out, std::ostream& answer) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error of writing
  const auto done = do_what_is_asked(request, out);
  answer << text::dump_json(done ? *done : text::error_to_json(done.error())) << "\n";
  return done ? exit_done : rank_exit_code(done.error().code);
}

}  // namespace sovren::workers
