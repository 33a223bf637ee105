// SPDX-License-Identifier: Apache-2.0
#include "workers/comm/agree.h"

#include <algorithm>
#include <string>

namespace sovren::workers {
namespace {

/// The code, then what, a 0, and the hint.
std::string packed(const Error& error) {
  std::string text(1, static_cast<char>(error.code));
  return text + error.what + '\0' + error.hint;
}

Error unpacked(const Communicator::Bytes& bytes) {
  std::string text(bytes.size(), '\0');
  std::transform(bytes.begin(), bytes.end(), text.begin(),
                 [](std::byte byte) { return static_cast<char>(byte); });
  const std::size_t end = text.find('\0', 1);
  return {.code = static_cast<Code>(text[0]),
          .what = text.substr(1, end - 1),
          .hint = text.substr(end + 1)};
}

}  // namespace

Result<void> agree(Communicator& comm, const Result<void>& mine) {
  const std::string text = mine ? std::string() : packed(mine.error());
  SOVREN_TRY(all, comm.all_gather(std::as_bytes(std::span(text))));
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (all[rank].empty()) continue;
    Error error = unpacked(all[rank]);
    error.what = "rank " + std::to_string(rank) + ": " + error.what;
    return fail(std::move(error));
  }
  return {};
}

}  // namespace sovren::workers
