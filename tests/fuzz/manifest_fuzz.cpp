// SPDX-License-Identifier: Apache-2.0
// Any bytes as a manifest, as they are and with a digest that goes with them: refused, or every
// slab lies within its shard, and what is written of it reads the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/check.h"
#include "core/text/digest.h"
#include "storage/checkpoint/manifest.h"

namespace {

using namespace sovren;

void read(std::string_view text) {
  const auto manifest = storage::parse_manifest(text, "MANIFEST.json");
  if (!manifest) return;
  for (const storage::StoredArray& array : manifest->arrays) {
    std::int64_t row = 0;
    for (const storage::Slab& slab : array.slabs) {
      const auto& shard = manifest->shards.at(static_cast<std::size_t>(slab.shard));
      SOVREN_CHECK(
          slab.offset >= 0 && slab.bytes >= 0 && slab.offset <= shard.hdf5_bytes() - slab.bytes,
          "a slab lies within its shard");
      SOVREN_CHECK(slab.rows.first == row, "slabs follow on each other");
      row += slab.rows.count;
    }
    SOVREN_CHECK(row == array.info.shape.at(0), "every row is somewhere");
  }
  const auto again = storage::manifest_text(*manifest);
  SOVREN_CHECK(again.has_value(), "what was read can be written");
  SOVREN_CHECK(storage::parse_manifest(*again, "again").has_value(), "and read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  read(input);
  std::string signed_text(input.substr(0, input.rfind("\"digest\"")));
  const std::string digest = text::sha256_hex(signed_text);
  read(signed_text + "\"digest\": \"" + digest + "\"\n}\n");
  return 0;
}
