// SPDX-License-Identifier: Apache-2.0
#include "storage/log/chain.h"

#include "core/text/digest.h"

namespace sovren::storage {

std::string chain_digest(std::string_view before, std::int64_t number, std::string_view text) {
  text::Sha256 sha;
  sha.update(before);
  sha.update("\n" + std::to_string(number) + "\n");
  sha.update(text);
  return sha.hex().substr(0, digest_digits);
}

Error damaged_log(const std::string& path, std::string what) {
  return {.code = Code::storage_corrupt,
          .what = "the event log is damaged: " + std::move(what),
          .hint =
              "keep a copy, then move it and its -wal file away: a new log is begun, and jobs "
              "go on from their checkpoints",
          .where = path};
}

}  // namespace sovren::storage
