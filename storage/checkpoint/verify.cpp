// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <future>
#include <set>

#include "core/text/digest.h"
#include "storage/checkpoint/background.h"
#include "storage/checkpoint/crc32c.h"
#include "storage/checkpoint/set_cipher.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/file/file.h"

namespace sovren::storage {
namespace {

Error corrupt(const std::string& path, std::string what) {
  return {.code = Code::storage_corrupt, .what = std::move(what), .hint = "", .where = path};
}

std::string damage_at(const Shard& shard, std::int64_t offset) {
  const std::int64_t end = std::min(shard.digest.bytes, offset + block_bytes);
  return shard.file + " is damaged between bytes " + std::to_string(offset) + " and " +
         std::to_string(end) + " (CRC-32C)";
}

/// That the bytes of a shard are the sealed ones, beyond the CRCs, which only chance cannot pass.
class Proof {
 public:
  Proof(const Shard& shard, const SetCipher* cipher) : shard_(shard), cipher_(cipher) {}
  bool is_wanted() const { return cipher_ != nullptr || !shard_.digest.sha256.empty(); }

  /// The next block. Of an encrypted shard its tag is proof enough, and costs less than SHA-256.
  void add(std::span<const std::byte> block) {
    if (cipher_ == nullptr) {
      sha256_.update(block);
      return;
    }
    plain_.resize(block.size() - gcm_tag_bytes);
    if (flaw_.empty() && !cipher_->decrypt(place_of(shard_, count_), block, plain_))
      flaw_ = shard_.file + " is not what was encrypted, in the 4 MiB from byte " +
              std::to_string(count_ * block_bytes) + " on";
    ++count_;
  }

  /// What is wrong; empty: nothing.
  std::string finish() {
    if (cipher_ != nullptr || shard_.digest.sha256.empty()) return flaw_;
    return sha256_.hex() == shard_.digest.sha256 ? "" : shard_.file + " does not match its SHA-256";
  }

 private:
  const Shard& shard_;
  const SetCipher* cipher_;
  text::Sha256 sha256_;
  std::vector<std::byte> plain_;
  std::int64_t count_ = 0;
  std::string flaw_;
};

}  // namespace

Result<void> check_files(const std::string& set_path, const Manifest& manifest) {
  std::set<std::string> named;
  for (const Shard& shard : manifest.shards) {
    named.insert(shard.file);
    const std::string path = set_path + "/" + shard.file;
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0)
      return fail(corrupt(set_path, shard.file + " is missing"));
    if (!S_ISREG(status.st_mode))
      return fail(corrupt(set_path, shard.file + " is not a regular file"));
    if (status.st_size != shard.digest.bytes)
      return fail(corrupt(set_path, shard.file + " has " + std::to_string(status.st_size) +
                                        " bytes instead of " + std::to_string(shard.digest.bytes)));
  }
  SOVREN_TRY(names, list_directory(set_path));
  for (const std::string& name : names)
    if (is_shard_file_name(name) && !named.contains(name))
      return fail(corrupt(set_path, name + " is there, but not in the manifest"));
  return {};
}

Result<void> check_shard(const std::string& set_path, const Shard& shard, const SetCipher* cipher,
                         const std::function<void(std::int64_t)>& after_block) {
  auto file = FileReader::open(set_path + "/" + shard.file);
  if (!file) {
    // That it is a regular file has been checked: it cannot be read now, which is not damage.
    Error error = std::move(file).error();
    error.code = Code::storage_io;
    return fail(std::move(error));
  }
  if (file->size_bytes() != shard.digest.bytes)
    return fail(corrupt(set_path, shard.file + " changed its size"));
  // SHA-256 costs five times the rest, so another thread does it for the block before.
  Proof proof(shard, cipher);
  std::future<void> proving;
  std::array<std::vector<std::byte>, 2> blocks;
  for (std::size_t i = 0; i < shard.digest.crc32c.size(); ++i) {
    const std::int64_t offset = static_cast<std::int64_t>(i) * block_bytes;
    std::vector<std::byte>& block = blocks[i % 2];
    block.resize(static_cast<std::size_t>(std::min(block_bytes, shard.digest.bytes - offset)));
    auto read = file->read_at(offset, block);
    const bool is_good = read && crc32c(block) == shard.digest.crc32c[i];
    if (proving.valid()) proving.get();
    if (!read) return read;
    if (after_block) after_block(std::ssize(block));
    if (!is_good) return fail(corrupt(set_path, damage_at(shard, offset)));
    if (proof.is_wanted()) proving = in_background([&proof, &block] { proof.add(block); });
  }
  if (proving.valid()) proving.get();
  const std::string flaw = proof.finish();
  return flaw.empty() ? Result<void>() : fail(corrupt(set_path, flaw));
}

Result<SetInfo> verify_set(const std::string& set_path, const std::optional<MasterKey>& key) {
  SOVREN_TRY(set, find_set(set_path));
  const std::string& path = set.path;
  SOVREN_DO(check_files(path, *set.manifest));
  std::optional<SetCipher> cipher;
  if (key) {
    SOVREN_TRY(found, cipher_of(*set.manifest, set.text, key, path));
    cipher = std::move(found);
  }
  for (const Shard& shard : set.manifest->shards)
    SOVREN_DO(check_shard(path, shard, cipher ? &*cipher : nullptr));
  return info_of(*set.manifest, path);
}

Result<std::vector<SetInfo>> list_sets(const std::string& dir, std::vector<RejectedSet>& rejected) {
  SOVREN_TRY(sets, find_sets(dir));
  std::vector<SetInfo> infos;
  for (const FoundSet& set : sets) {
    if (set.manifest)
      infos.push_back(info_of(*set.manifest, set.path));
    else
      rejected.push_back({set.name, set.error.what});
  }
  return infos;
}

}  // namespace sovren::storage
