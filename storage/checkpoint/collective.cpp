// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/collective.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace sovren::storage {

// Each text with its length in front.
std::string pack(const std::vector<std::string>& parts) {
  std::string bytes;
  for (const std::string& part : parts) {
    const std::uint64_t size = part.size();
    std::array<char, sizeof size> front{};
    std::memcpy(front.data(), &size, sizeof size);
    bytes.append(front.data(), front.size());
    bytes += part;
  }
  return bytes;
}

std::vector<std::string> unpack(std::string_view bytes) {
  std::vector<std::string> parts;
  while (bytes.size() >= sizeof(std::uint64_t)) {
    std::uint64_t size = 0;
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes.remove_prefix(sizeof size);
    if (size > bytes.size()) break;
    parts.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return parts;
}

namespace {

// A result as a text: '+' and the value, or '-' and the parts of an error.
std::string encode(const Result<std::string>& result) {
  if (result) return "+" + *result;
  const Error& error = result.error();
  std::vector<std::string> parts{std::to_string(static_cast<int>(error.code)), error.what,
                                 error.hint, error.where};
  parts.insert(parts.end(), error.context.begin(), error.context.end());
  return "-" + pack(parts);
}

Result<std::string> decode(std::string_view bytes) {
  if (bytes.starts_with('+')) return std::string(bytes.substr(1));
  std::vector<std::string> parts =
      bytes.starts_with('-') ? unpack(bytes.substr(1)) : std::vector<std::string>();
  if (parts.size() < 4) {
    return fail({.code = Code::bug,
                 .what = "the ranks do not make the same collective calls",
                 .hint = "",
                 .where = ""});
  }
  Error error{.code = static_cast<Code>(std::stoi(parts[0])),
              .what = std::move(parts[1]),
              .hint = std::move(parts[2]),
              .where = std::move(parts[3]),
              .context = {}};
  error.context.assign(parts.begin() + 4, parts.end());
  return fail(std::move(error));
}

}  // namespace

Result<std::vector<std::string>> gather_texts(Communicator& comm, std::string_view mine) {
  SOVREN_TRY(all, comm.all_gather(std::as_bytes(std::span(mine.data(), mine.size()))));
  std::vector<std::string> texts;
  texts.reserve(all.size());
  for (const Communicator::Bytes& bytes : all)
    texts.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return texts;
}

Result<std::string> decide_on_rank_0(Communicator& comm,
                                     const std::function<Result<std::string>()>& decide) {
  std::string text;
  if (comm.rank() == 0) text = encode(decide());
  std::int64_t size = static_cast<std::int64_t>(text.size());
  SOVREN_DO(comm.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0));
  text.resize(static_cast<std::size_t>(size));
  SOVREN_DO(comm.broadcast(std::as_writable_bytes(std::span(text.data(), text.size())), 0));
  return decode(text);
}

Result<std::vector<std::string>> gather_results(Communicator& comm,
                                                const Result<std::string>& mine) {
  SOVREN_TRY(texts, gather_texts(comm, encode(mine)));
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    auto result = decode(texts[rank]);
    if (!result) {
      Error error = std::move(result).error();
      return fail(texts.size() == 1 ? std::move(error)
                                    : std::move(error).within("on rank " + std::to_string(rank)));
    }
    texts[rank] = std::move(*result);
  }
  return texts;
}

}  // namespace sovren::storage
