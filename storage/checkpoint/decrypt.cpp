// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "storage/checkpoint/block_reader.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/seal_parts.h"
#include "storage/checkpoint/set_cipher.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/checkpoint/shard_writer.h"
#include "storage/file/file.h"
#include "storage/file/system.h"

namespace sovren::storage {
namespace {

Result<Shard> decrypt_shard(const std::string& set_path, const Shard& shard,
                            const SetCipher& cipher, const std::string& folder) {
  const bool has_sha256 = !shard.digest.sha256.empty();
  SOVREN_TRY(reader, BlockReader::open(set_path, shard, &cipher));
  SOVREN_TRY(writer, ShardWriter::create(folder + "/" + shard.file, shard.plain_bytes,
                                         has_sha256 ? DigestKind::sha256 : DigestKind::crc32c));
  std::vector<std::byte> block;
  const auto blocks = static_cast<std::int64_t>(shard.digest.crc32c.size());
  for (std::int64_t i = 0; i < blocks; ++i) {
    block.resize(BlockReader::size_of(shard, &cipher, i));
    SOVREN_DO(reader.read(i, block));
    SOVREN_DO(writer.append(block));
  }
  SOVREN_TRY(digest, writer.finish());
  return Shard{shard.file, std::move(digest)};
}

/// The plain set in a folder of its own.
Result<std::string> decrypt_into(const std::string& folder, const std::string& set_path,
                                 Manifest manifest, const SetCipher& cipher) {
  for (Shard& shard : manifest.shards) {
    SOVREN_TRY(plain, decrypt_shard(set_path, shard, cipher, folder));
    shard = std::move(plain);
  }
  manifest.encryption.reset();
  SOVREN_TRY(text, manifest_text(manifest));
  SOVREN_TRY(file, FileWriter::create(folder + "/" + std::string(manifest_name)));
  SOVREN_DO(file.append(text));
  SOVREN_DO(file.finish());
  SOVREN_DO(sync_directory(folder));
  return text;
}

}  // namespace

Result<SetInfo> decrypt_set(const std::string& set_path, const MasterKey& key,
                            const std::string& out_path) {
  const auto refused = [&](std::string what) {
    return fail({.code = Code::refused, .what = std::move(what), .hint = "", .where = out_path});
  };
  FoundSet set = load_set(set_path);
  if (!set.manifest) return fail(std::move(set.error));
  if (!set.manifest->encryption) return refused("'" + set_path + "' is not encrypted");
  if (path_exists(out_path)) return refused("'" + out_path + "' is there already");
  SOVREN_TRY(cipher, cipher_of(*set.manifest, set.text, key, set_path));
  SOVREN_DO(check_files(set_path, *set.manifest));

  SOVREN_DO(make_directories(parent_directory(out_path)));
  const std::string folder = out_path + ".tmp-0-" + nonce();
  if (system_calls().mkdir(folder.c_str(), 0700) != 0)  // no secret any more, but for its owner
    return fail(io_error("make the folder", folder, errno));
  auto text = decrypt_into(folder, set_path, *set.manifest, *cipher);
  auto renamed = text ? rename_durable(folder, out_path) : fail(text.error());
  if (!renamed) {
    static_cast<void>(remove_tree(folder));
    return fail(std::move(renamed).error());
  }
  SOVREN_TRY(manifest, parse_manifest(*text, out_path));
  return info_of(manifest, out_path);
}

}  // namespace sovren::storage
