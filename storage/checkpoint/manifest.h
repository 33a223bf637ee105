// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/port/state_io.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/shard_digest.h"

namespace sovren::storage {

// MANIFEST.json of a set; docs/formats.md is its description for others. Stored: a change of
// meaning needs a higher min_reader.

inline constexpr std::string_view manifest_name = "MANIFEST.json";
inline constexpr std::string_view manifest_schema = "sovren.checkpoint/1";
inline constexpr int manifest_reader = 2;  ///< this program reads manifests up to this min_reader
inline constexpr std::int64_t manifest_bytes_max = std::int64_t{64} << 20;
inline constexpr std::size_t array_dimensions_max = 8;
inline constexpr std::size_t array_name_bytes_max = 255;

/// Some rows of one array, in one shard.
struct Slab {
  int shard = 0;
  std::string path;         ///< of the dataset in the shard's HDF5
  Rows rows;                ///< of the global array
  std::int64_t offset = 0;  ///< of their bytes in the file; they lie together
  std::int64_t bytes = 0;
};

/// An array and where its rows are. Slabs are in row order and cover every row once.
struct StoredArray {
  ArrayInfo info;
  std::vector<Slab> slabs;
};

struct Shard {
  std::string file;  ///< "shard-00000.h5"
  FileDigest digest;
  std::int64_t plain_bytes = 0;  ///< of the HDF5 file in an encrypted shard; 0: it is not encrypted
  /// What offsets of slabs count in.
  std::int64_t hdf5_bytes() const { return plain_bytes > 0 ? plain_bytes : digest.bytes; }
};

/// How the shards of a set are encrypted; set_cipher.h.
struct Encryption {
  std::string salt;   ///< 32 hex digits: makes the set's key, with the master key
  std::string check;  ///< 64 hex digits: by which a wrong key is seen
};

class SetCipher;

struct Manifest {
  SetHeader header;
  std::optional<Encryption> encryption;  ///< none: plain shards
  std::vector<Shard> shards;
  std::vector<StoredArray> arrays;  ///< by name
};

std::string shard_file_name(int shard);
/// Whether some shard has this file name.
bool is_shard_file_name(std::string_view name);
/// The number in a shard's file name, which is_shard_file_name.
std::int64_t shard_number(std::string_view name);

/// The text of MANIFEST.json, which ends in its own digest. signer: of an encrypted set, adds its
/// signature before that.
Result<std::string> manifest_text(const Manifest& manifest, const SetCipher* signer = nullptr);
/// Whether the manifest was signed by a holder of the key, so that no other can have changed it.
bool is_signed(std::string_view text, const SetCipher& signer);

/// Checks everything that can be checked without the shards, so that what is returned can be used
/// without further thought: sizes multiply without overflow, slabs lie within their shards, cover
/// the rows and do not overlap. name: for messages.
/// Errors   storage_corrupt; mismatch: written by a newer Sovren.
Result<Manifest> parse_manifest(std::string_view text, const std::string& name);

/// As parse_manifest for what one rank of a seal knows: arrays and slabs are not checked.
Result<Manifest> parse_manifest_part(std::string_view text);

/// Fine for an HDF5 path and for a file name on the way: "mci/val".
bool is_array_name(std::string_view name);

/// Bytes of one row and of the whole array.
struct ArraySize {
  std::int64_t row_bytes = 0;
  std::int64_t bytes = 0;
};
/// Fails for no or too many dimensions, negative ones, and arrays that 64 bits cannot count.
Result<ArraySize> array_size(const ArrayInfo& info);

/// The claims of parse_manifest about arrays and slabs; storage_corrupt says which does not hold.
Result<void> check_arrays(const Manifest& manifest);

SetInfo info_of(const Manifest& manifest, const std::string& set_path);

}  // namespace sovren::storage
