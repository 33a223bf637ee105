// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>

#include "storage/checkpoint/set_cipher.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/checkpoint/shard_writer.h"
#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr auto block = static_cast<std::size_t>(plain_block_bytes);
constexpr std::int64_t three_blocks = 8000;  // scale of a sample state of 10 MB

MasterKey key_of(const std::string& name) {
  MasterKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i)
    key.bytes[i] = static_cast<std::byte>(name[i % name.size()] + static_cast<char>(i));
  key.source = "the key " + name;
  return key;
}

StoreSetting with_key(const std::string& name) {
  return {.key = key_of(name)};
}

class EncryptedSet : public CheckpointTest {
 protected:
  Result<SetInfo> seal(const StoreSetting& setting, std::int64_t step, std::int64_t scale = 1,
                       int ranks = 1) {
    Result<SetInfo> info;
    workers::run_on_threads(ranks, 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(dir_, setting);
      auto sealed = seal_sample(*store, comm, sample_header(step), scale);
      if (comm.rank() == 0) info = std::move(sealed);
    });
    return info;
  }

  Result<Restored> restore(const StoreSetting& setting) {
    SOVREN_TRY(store, CheckpointStore::open(dir_, setting));
    const auto comm = workers::make_self_communicator();
    Restored restored;
    SOVREN_TRY(result,
               store.restore_newest(*comm, sample_header(0).facts, JobId{1}, restored.rejected));
    restored.result = std::move(result);
    return restored;
  }

  /// Restores on so many ranks and compares.
  void expect_restored(const StoreSetting& setting, int ranks, std::int64_t step,
                       std::int64_t scale) {
    workers::run_on_threads(ranks, 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(dir_, setting);
      std::vector<RejectedSet> rejected;
      auto restored = store->restore_newest(comm, sample_header(0).facts, JobId{1}, rejected);
      ASSERT_TRUE(restored) << to_text(restored.error());
      ASSERT_TRUE(*restored);
      EXPECT_EQ((*restored)->set.header.step, step);
      EXPECT_TRUE(rejected.empty());
      expect_state(*(*restored)->reader, sample_state(step, scale));
    });
  }

  std::string set(const std::string& name) const { return dir_ + "/" + name; }
};

/// What somebody without the key can do so that all that needs no key agrees again.
Manifest with_new_digests(const std::string& set_path, Manifest manifest) {
  for (Shard& shard : manifest.shards) {
    const std::string bytes = bytes_of(set_path + "/" + shard.file);
    ShardDigest digest;
    digest.update(std::as_bytes(std::span(bytes)));
    shard.digest = digest.finish();
    const std::int64_t blocks = (shard.digest.bytes + block_bytes - 1) / block_bytes;
    shard.plain_bytes = shard.digest.bytes - blocks * tag_bytes;
  }
  return manifest;
}

/// Whether the bytes of the shards are proven to be the encrypted ones, whatever the digests say.
bool is_proven(const std::string& set_path, const MasterKey& key) {
  const FoundSet found = load_set(set_path);
  EXPECT_TRUE(found.manifest);
  const auto cipher =
      SetCipher::open(key, *found.manifest->encryption, found.manifest->header, set_path);
  EXPECT_TRUE(cipher);
  const Manifest claimed = with_new_digests(set_path, *found.manifest);
  return std::all_of(claimed.shards.begin(), claimed.shards.end(), [&](const Shard& shard) {
    EXPECT_TRUE(check_shard(set_path, shard)) << "the attacker has made all digests agree";
    return check_shard(set_path, shard, &*cipher).has_value();
  });
}

TEST_F(EncryptedSet, SizesAroundTheBordersOfBlocksComeBack) {
  ASSERT_TRUE(make_directories(dir_));
  const SetCipher cipher = SetCipher::create(key_of("a"), sample_header(1));
  for (const std::size_t size :
       {std::size_t{1}, block - 1, block, block + 1, 2 * block - 1, 2 * block, 2 * block + 1}) {
    std::vector<std::byte> plain(size);
    for (std::size_t i = 0; i < size; ++i) plain[i] = static_cast<std::byte>(i * 7 + (i >> 13));
    for (const std::size_t step : {size, block, std::size_t{65537}}) {
      const std::string path = dir_ + "/shard-00003.h5";
      ASSERT_TRUE(remove_tree(path));
      ShardForm form;
      form.cipher = {&cipher, 3};
      auto writer = ShardWriter::create(path, static_cast<std::int64_t>(size), form);
      ASSERT_TRUE(writer);
      for (std::size_t at = 0; at < size; at += step)
        ASSERT_TRUE(writer->append(std::span(plain).subspan(at, std::min(step, size - at))));
      const auto digest = writer->finish();
      ASSERT_TRUE(digest);
      ASSERT_EQ(digest->bytes, stored_bytes(static_cast<std::int64_t>(size)));
      const std::string file = bytes_of(path);
      ASSERT_EQ(static_cast<std::int64_t>(file.size()), digest->bytes);
      const Shard shard{"shard-00003.h5", *digest, static_cast<std::int64_t>(size)};
      ASSERT_TRUE(check_shard(dir_, shard, &cipher)) << size << " in steps of " << step;
      const auto stored = std::as_bytes(std::span(file));
      std::vector<std::byte> back(size);
      for (std::size_t i = 0; i * block < size; ++i) {
        const std::size_t here = std::min(block, size - i * block);
        ASSERT_TRUE(cipher.decrypt({3, i, (i + 1) * block >= size},
                                   stored.subspan(i * (block + 16), here + 16),
                                   std::span(back).subspan(i * block, here)));
      }
      ASSERT_TRUE(back == plain);
    }
  }
}

TEST_F(EncryptedSet, IsRestoredOnOtherNumbersOfRanks) {
  ASSERT_TRUE(seal(with_key("a"), 1, three_blocks, 1));
  expect_restored(with_key("a"), 3, 1, three_blocks);
  const auto sealed = seal(with_key("a"), 2, 100, 3);
  ASSERT_TRUE(sealed) << to_text(sealed.error());
  EXPECT_EQ(sealed->shards, 3);
  expect_restored(with_key("a"), 1, 2, 100);
  // A rank without rows has no shard: numbers and places in the manifest differ.
  ASSERT_TRUE(seal(with_key("a"), 3, 1, 1));
  const auto many = seal(with_key("a"), 4, 1, 8);
  ASSERT_TRUE(many) << to_text(many.error());
  expect_restored(with_key("a"), 2, 4, 1);
}

TEST_F(EncryptedSet, RowsInTheMiddleAreRead) {
  ASSERT_TRUE(seal(with_key("a"), 1, three_blocks));
  auto restored = restore(with_key("a"));
  ASSERT_TRUE(restored && restored->result);
  const auto state = sample_state(1, three_blocks);
  const auto array = std::find_if(state.begin(), state.end(), [](const SampleArray& each) {
    return each.info.name == "mci/val";
  });
  constexpr std::size_t row_bytes = 15 * 8;
  for (const Rows rows : {Rows{0, 1}, Rows{34952, 3}, Rows{55999, 1}, Rows{10000, 40000}}) {
    std::vector<std::byte> out(static_cast<std::size_t>(rows.count) * row_bytes);
    ASSERT_TRUE(restored->result->reader->get("mci/val", Dtype::f64, rows, out));
    const auto* const from = array->bytes.data() + static_cast<std::size_t>(rows.first) * row_bytes;
    EXPECT_TRUE(std::equal(out.begin(), out.end(), from));
  }
}

TEST_F(EncryptedSet, IsVerifiedAndListedWithoutTheKey) {
  ASSERT_TRUE(seal(with_key("a"), 1, 1, 2));
  std::vector<RejectedSet> rejected;
  const auto sets = list_sets(dir_, rejected);
  ASSERT_TRUE(sets);
  EXPECT_EQ(sets->size(), 1U);
  EXPECT_TRUE(verify_set(set("gen-000001")));
  EXPECT_TRUE(verify_set(set("gen-000001"), key_of("a")));
  EXPECT_EQ(verify_set(set("gen-000001"), key_of("b")).error().code, Code::mismatch);
  EXPECT_THAT(bytes_of(set("gen-000001") + "/MANIFEST.json"), HasSubstr("\"min_reader\": 2"));
}

TEST_F(EncryptedSet, NoByteOfTheStateIsOnTheDisk) {
  const std::string marker = "the secret of this state";
  const std::string text = [&] {
    std::string all;
    while (all.size() < 5'000'000) all += marker;
    return all;
  }();
  const auto seal_text = [&](const StoreSetting& setting, bool is_finished) {
    auto store = CheckpointStore::open(dir_, setting);
    const auto comm = workers::make_self_communicator();
    const auto fill = [&](StateWriter& writer) {
      return writer.put({"text", Dtype::u8, {static_cast<std::int64_t>(text.size())}},
                        Rows{0, static_cast<std::int64_t>(text.size())},
                        std::as_bytes(std::span(text)));
    };
    auto pending = store->start_seal(*comm, sample_header(1), fill);
    ASSERT_TRUE(pending) << to_text(pending.error());
    if (!is_finished) return;
    ASSERT_TRUE(store->finish_seal(*comm, std::move(*pending)));
  };
  const auto count_markers = [&] {
    int found = 0;
    for (const auto& entry : fs::recursive_directory_iterator(dir_))
      if (entry.is_regular_file() && bytes_of(entry.path()).find(marker) != std::string::npos)
        ++found;
    return found;
  };
  seal_text(with_key("a"), true);
  seal_text(with_key("a"), false);  // as a crash leaves it: written and not sealed
  EXPECT_EQ(list_directory(dir_)->size(), 3U) << "LOCK, a sealed set and an unfinished one";
  EXPECT_EQ(count_markers(), 0);
  seal_text({}, true);
  EXPECT_EQ(count_markers(), 1) << "or the search finds nothing anyway";
}

TEST_F(EncryptedSet, AnotherKeyIsAnErrorThatTouchesNothing) {
  ASSERT_TRUE(seal(with_key("old"), 1));
  ASSERT_TRUE(seal(with_key("old"), 2));
  const auto names = list_directory(dir_);
  for (const StoreSetting& setting : {with_key("new"), StoreSetting{}}) {
    const auto restored = restore(setting);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, Code::mismatch);
    EXPECT_EQ(rank_exit_code(restored.error().code), 78) << "no retry";
    EXPECT_THAT(restored.error().what, HasSubstr("gen-000002"));
    EXPECT_THAT(restored.error().what, HasSubstr(setting.key ? "the key new" : "no key is given"));
    EXPECT_THAT(restored.error().hint, HasSubstr("key_file or key_env"));
    EXPECT_EQ(*list_directory(dir_), *names) << "nothing is moved, nothing counted";
  }
  expect_restored(with_key("old"), 1, 2, 1);
}

TEST_F(EncryptedSet, APlainSetIsReadWithAKeyAndTheNextIsEncrypted) {
  ASSERT_TRUE(seal({}, 1));
  expect_restored(with_key("a"), 2, 1, 1);
  ASSERT_TRUE(seal(with_key("a"), 2));
  EXPECT_TRUE(load_set(set("gen-000002")).manifest->encryption);
  EXPECT_FALSE(load_set(set("gen-000001")).manifest->encryption);
  expect_restored(with_key("a"), 2, 2, 1);
}

TEST_F(EncryptedSet, RanksWithDifferentKeysSealNothing) {
  const std::vector<std::vector<StoreSetting>> cases{
      {with_key("a"), with_key("a"), with_key("b")},
      {with_key("a"), StoreSetting{}, with_key("a")},
      {StoreSetting{}, with_key("a"), StoreSetting{}},
  };
  for (const auto& settings : cases) {
    workers::run_on_threads(3, 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(dir_, settings[static_cast<std::size_t>(comm.rank())]);
      const auto sealed = seal_sample(*store, comm, sample_header(1));
      ASSERT_FALSE(sealed);
      EXPECT_EQ(sealed.error().code, Code::mismatch) << to_text(sealed.error());
    });
    EXPECT_TRUE(list_directory(dir_)->empty());
  }
  ASSERT_TRUE(seal(with_key("a"), 1, 1, 2));
  workers::run_on_threads(3, 60, [&](Communicator& comm) {
    auto store = CheckpointStore::open(dir_, cases[0][static_cast<std::size_t>(comm.rank())]);
    std::vector<RejectedSet> rejected;
    const auto restored = store->restore_newest(comm, sample_header(0).facts, JobId{1}, rejected);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, Code::mismatch) << to_text(restored.error());
  });
  EXPECT_TRUE(path_exists(set("gen-000001")));
}

TEST_F(EncryptedSet, EveryChangedRegionIsSeenThoughAllDigestsAgree) {
  ASSERT_TRUE(seal(with_key("a"), 1, three_blocks));
  const std::string path = set("gen-000001") + "/shard-00000.h5";
  const std::string good = bytes_of(path);
  ASSERT_GT(good.size(), std::size_t{2} << 22);
  ASSERT_TRUE(is_proven(set("gen-000001"), key_of("a")));
  const std::size_t stored = static_cast<std::size_t>(block_bytes);
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{2048}, stored / 2, stored - 17, stored - 16, stored - 1, stored,
        2 * stored - 1, 2 * stored, good.size() - 17, good.size() - 16, good.size() - 1}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    put_bytes(path, bad);
    EXPECT_FALSE(is_proven(set("gen-000001"), key_of("a"))) << "byte " << at;
  }
  put_bytes(path, good.substr(stored, stored) + good.substr(0, stored) + good.substr(2 * stored));
  EXPECT_FALSE(is_proven(set("gen-000001"), key_of("a"))) << "two blocks swapped";
  put_bytes(path, good.substr(0, 2 * stored));
  EXPECT_FALSE(is_proven(set("gen-000001"), key_of("a"))) << "the last block cut off";
  put_bytes(path, good);
  EXPECT_TRUE(is_proven(set("gen-000001"), key_of("a")));
}

TEST_F(EncryptedSet, ShardsOfAnotherSetOfTheSameKeyAndStepAreSeen) {
  // The same job, attempt and step twice: the same HDF5 bytes, but another salt.
  ASSERT_TRUE(seal(with_key("a"), 1, 1, 2));
  ASSERT_TRUE(seal(with_key("a"), 1, 1, 2));
  const std::string first = set("gen-000001");
  const std::string second = set("gen-000001-2");
  const std::string shard = bytes_of(second + "/shard-00000.h5");
  put_bytes(second + "/shard-00000.h5", bytes_of(first + "/shard-00000.h5"));
  EXPECT_FALSE(is_proven(second, key_of("a")));
  put_bytes(second + "/shard-00000.h5", shard);
  EXPECT_TRUE(is_proven(second, key_of("a")));
  const std::string other = bytes_of(second + "/shard-00001.h5");
  put_bytes(second + "/shard-00000.h5", other);
  put_bytes(second + "/shard-00001.h5", shard);
  EXPECT_FALSE(is_proven(second, key_of("a"))) << "the shards of one set swapped";
}

TEST_F(EncryptedSet, AManifestThatWasChangedWithoutTheKeyIsQuarantined) {
  const std::vector<std::function<void(Manifest&)>> changes{
      [](Manifest& manifest) { manifest.header.kind = "another"; },
      [](Manifest& manifest) { manifest.header.metrics["val_loss"] = 0; },
      [](Manifest& manifest) { manifest.arrays[0].slabs[0].path = "another"; },
      [](Manifest& manifest) { manifest.header.sealed_at_s += 1; },
  };
  ASSERT_TRUE(seal(with_key("a"), 1));
  ASSERT_TRUE(seal(with_key("a"), 2));
  const std::string path = set("gen-000002") + "/MANIFEST.json";
  const std::string good = bytes_of(path);
  for (const auto& change : changes) {
    put_bytes(path, good);
    FoundSet found = load_set(set("gen-000002"));
    ASSERT_TRUE(found.manifest);
    change(*found.manifest);
    put_bytes(path, *manifest_text(*found.manifest));
    EXPECT_TRUE(verify_set(set("gen-000002"))) << "without the key all agrees";
    const auto verified = verify_set(set("gen-000002"), key_of("a"));
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, Code::storage_corrupt);
    EXPECT_THAT(verified.error().what, HasSubstr("somebody without the key"));
  }
  const auto restored = restore(with_key("a"));
  ASSERT_TRUE(restored && restored->result) << to_text(restored.error());
  EXPECT_EQ(restored->result->set.name, "gen-000001");
  EXPECT_TRUE(path_exists(dir_ + "/quarantine/gen-000002"));
}

TEST_F(EncryptedSet, DamageIsQuarantinedAndTheOlderSetIsRestored) {
  ASSERT_TRUE(seal(with_key("a"), 1));
  ASSERT_TRUE(seal(with_key("a"), 2));
  const std::string path = set("gen-000002") + "/shard-00000.h5";
  std::string bytes = bytes_of(path);
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  put_bytes(path, bytes);
  EXPECT_FALSE(verify_set(set("gen-000002"))) << "also without the key";
  const auto restored = restore(with_key("a"));
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->set.name, "gen-000001");
  EXPECT_TRUE(path_exists(dir_ + "/quarantine/gen-000002"));
}

TEST_F(EncryptedSet, IsDecryptedForOthersAndForAnotherKey) {
  ASSERT_TRUE(seal(with_key("old"), 1, three_blocks, 2));
  const std::string plain = root_ + "/plain/gen-000001";
  const auto wrong = decrypt_set(set("gen-000001"), key_of("new"), plain);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::mismatch);
  EXPECT_FALSE(path_exists(root_ + "/plain"));
  const auto decrypted = decrypt_set(set("gen-000001"), key_of("old"), plain);
  ASSERT_TRUE(decrypted) << to_text(decrypted.error());
  EXPECT_TRUE(verify_set(plain));
  EXPECT_EQ(bytes_of(plain + "/shard-00000.h5").substr(1, 3), "HDF");
  EXPECT_EQ(fs::status(plain).permissions(), fs::perms::owner_all);
  EXPECT_EQ(decrypt_set(set("gen-000001"), key_of("old"), plain).error().code, Code::refused);
  EXPECT_EQ(decrypt_set(plain, key_of("old"), plain + "-2").error().code, Code::refused);

  // The key changes: the plain set takes the place of the encrypted one.
  fs::remove_all(set("gen-000001"));
  fs::rename(plain, set("gen-000001"));
  expect_restored(with_key("new"), 3, 1, three_blocks);
}

TEST_F(EncryptedSet, NothingIsLeftOfADecryptionThatFails) {
  ASSERT_TRUE(seal(with_key("a"), 1, three_blocks));
  const std::string path = set("gen-000001") + "/shard-00000.h5";
  std::string bytes = bytes_of(path);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  put_bytes(path, bytes);
  const auto decrypted = decrypt_set(set("gen-000001"), key_of("a"), root_ + "/plain/gen-000001");
  ASSERT_FALSE(decrypted);
  EXPECT_EQ(decrypted.error().code, Code::storage_corrupt);
  EXPECT_TRUE(list_directory(root_ + "/plain")->empty());
}

TEST_F(EncryptedSet, AManifestThatContradictsItselfIsDamaged) {
  ASSERT_TRUE(seal(with_key("a"), 1));
  const FoundSet found = load_set(set("gen-000001"));
  ASSERT_TRUE(found.manifest);
  const auto parse = [](const Manifest& manifest) {
    return parse_manifest(*manifest_text(manifest), "m");
  };
  EXPECT_TRUE(parse(*found.manifest));
  Manifest plain_shard = *found.manifest;
  plain_shard.shards[0].plain_bytes = 0;
  EXPECT_FALSE(parse(plain_shard));
  Manifest no_encryption = *found.manifest;
  no_encryption.encryption.reset();
  EXPECT_FALSE(parse(no_encryption));
  Manifest other_size = *found.manifest;
  other_size.shards[0].plain_bytes -= 1;
  EXPECT_FALSE(parse(other_size));
  Manifest other_name = *found.manifest;
  other_name.shards[0].file = "shard-000000.h5";
  EXPECT_FALSE(parse(other_name));
}

}  // namespace
}  // namespace sovren::storage
