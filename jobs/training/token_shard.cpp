// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/token_shard.h"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace sovren::jobs {

namespace {

static_assert(std::endian::native == std::endian::little, "tokens are read as they lie");

constexpr std::uint32_t magic_number = 20240520;
constexpr std::uint32_t magic_of_llama = 20240801;
constexpr std::uint32_t version_number = 1;
using Header = std::array<std::uint32_t, 256>;

Error broken(const std::string& path, std::string what, std::string hint = "") {
  return {
      .code = Code::data_invalid, .what = std::move(what), .hint = std::move(hint), .where = path};
}

Error wrong_magic(const std::string& path, std::uint32_t magic) {
  std::string what = "is no token shard: it begins with the number " + std::to_string(magic) +
                     " (a shard: " + std::to_string(magic_number) + ")";
  if (magic == magic_of_llama)
    return broken(path, std::move(what),
                  "this is llm.c's format of uint32 tokens for Llama 3; allowed: uint16");
  return broken(path, std::move(what),
                "shards are .bin files as llm.c has them; `sovren tokenizer encode` writes them");
}

}  // namespace

Result<std::span<const std::uint16_t>> shard_tokens(const std::string& path,
                                                    std::span<const std::byte> bytes) {
  Header header{};
  if (bytes.size() < sizeof header)
    return fail(broken(path, "is no token shard: it has " + std::to_string(bytes.size()) +
                                 " bytes, fewer than the header of " +
                                 std::to_string(sizeof header)));
  std::memcpy(header.data(), bytes.data(), sizeof header);
  if (header[0] != magic_number) return fail(wrong_magic(path, header[0]));
  if (header[1] != version_number)
    return fail(broken(path, "is a token shard of version " + std::to_string(header[1]) +
                                 " (allowed: " + std::to_string(version_number) + ")"));
  const std::size_t token_bytes = bytes.size() - sizeof header;
  const std::size_t count = token_bytes / sizeof(std::uint16_t);
  if (token_bytes % sizeof(std::uint16_t) != 0 || static_cast<std::uint32_t>(count) != header[2])
    return fail(broken(path,
                       "the header says " + std::to_string(header[2]) + " tokens, but " +
                           std::to_string(token_bytes) + " bytes follow it",
                       count < header[2] ? "is the file cut off?" : ""));
  if (count == 0) return fail(broken(path, "the file is empty: it has no tokens"));
  const auto* const tokens = reinterpret_cast<const std::uint16_t*>(bytes.data() + sizeof header);
  return std::span(tokens, count);
}

std::string shard_header(std::int64_t tokens) {
  Header header{magic_number, version_number, static_cast<std::uint32_t>(tokens)};
  return {reinterpret_cast<const char*>(header.data()), sizeof header};
}

}  // namespace sovren::jobs
