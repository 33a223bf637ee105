// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/asset_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace sovren::workers {
namespace {

namespace fs = std::filesystem;

std::string key_of(char digit) {
  return std::string(64, digit);
}

class AssetFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    // Where it is in earnest: the folder must not fill its file system.
    const std::string shared = "/dev/shm";
    dir_ = (fs::is_directory(shared) ? shared : testing::TempDir()) + "/sovren_assets_" +
           std::to_string(::getpid());
    fs::remove_all(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::unique_ptr<AssetCache> open(std::int64_t limit_bytes = 1 << 20) {
    return open_asset_folder(dir_, limit_bytes);
  }
  static void put(AssetCache& cache, const std::string& key, const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    const std::span<const std::byte> parts[] = {bytes.first(text.size() / 2),
                                                bytes.subspan(text.size() / 2)};
    cache.put(key, parts);
  }
  static std::string get(AssetCache& cache, const std::string& key) {
    const auto found = cache.get(key);
    return found ? text_of(*found) : "none";
  }
  static std::string text_of(const CachedAsset& asset) {
    return {reinterpret_cast<const char*>(asset.bytes.data()), asset.bytes.size()};
  }
  fs::path file_of(const std::string& key) const { return dir_ + "/" + key + ".asset"; }
  /// Makes the file as if it had been used so many seconds ago.
  void age(const std::string& key, int seconds) const {
    fs::last_write_time(file_of(key),
                        fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
  }

  std::string dir_;
};

TEST_F(AssetFolderTest, WhatIsPutIsThereForTheNext) {
  const auto first = open();
  EXPECT_EQ(get(*first, key_of('a')), "none");
  put(*first, key_of('a'), "textures and meshes");
  put(*first, key_of('b'), "");
  const auto next = open();
  EXPECT_EQ(get(*next, key_of('a')), "textures and meshes");
  EXPECT_EQ(get(*next, key_of('b')), "");
  EXPECT_EQ(get(*next, key_of('c')), "none");
  const auto asset = next->get(key_of('a'));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(asset->bytes.data()) % 64, 0U);
}

TEST_F(AssetFolderTest, KeyThatIsNoDigestIsNoFile) {
  const auto cache = open();
  for (const std::string key : {"", "../../x", "A"}) {
    put(*cache, key, "bytes");
    EXPECT_EQ(get(*cache, key), "none");
  }
  EXPECT_TRUE(fs::is_empty(dir_));
}

/// Every byte of the file matters: none is taken with one of them changed.
TEST_F(AssetFolderTest, DamagedOneIsDeletedAndMayBeMadeAgain) {
  const auto cache = open();
  put(*cache, key_of('a'), "textures");
  const auto size = fs::file_size(file_of(key_of('a')));
  constexpr std::uintmax_t unused_from = 88, unused_to = 128;
  for (std::uintmax_t at = 0; at < size; ++at) {
    if (at >= unused_from && at < unused_to) continue;
    fs::permissions(file_of(key_of('a')), fs::perms::owner_write, fs::perm_options::add);
    std::fstream file(file_of(key_of('a')), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 4);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
    file.close();
    ASSERT_EQ(get(*cache, key_of('a')), "none") << "byte " << at;
    ASSERT_FALSE(fs::exists(file_of(key_of('a'))));
    put(*cache, key_of('a'), "textures");
    ASSERT_EQ(get(*cache, key_of('a')), "textures");
  }
}

TEST_F(AssetFolderTest, CutOffOrForeignOneIsNotTaken) {
  const auto cache = open();
  put(*cache, key_of('a'), "textures");
  fs::permissions(file_of(key_of('a')), fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(file_of(key_of('a')), fs::file_size(file_of(key_of('a'))) - 1);
  EXPECT_EQ(get(*cache, key_of('a')), "none");
  put(*cache, key_of('b'), "meshes");
  fs::rename(file_of(key_of('b')), file_of(key_of('a')));
  EXPECT_EQ(get(*cache, key_of('a')), "none") << "another key's bytes";
  std::ofstream(file_of(key_of('c'))) << "x";
  EXPECT_EQ(get(*cache, key_of('c')), "none");
}

TEST_F(AssetFolderTest, WhatWasUsedLongestAgoMakesRoom) {
  const std::string large(3000, 'x');
  const auto cache = open(10'000);
  for (const char digit : {'a', 'b', 'c'}) put(*cache, key_of(digit), large + digit);
  age(key_of('a'), 30);
  age(key_of('b'), 20);
  age(key_of('c'), 10);
  EXPECT_EQ(get(*cache, key_of('a')), large + 'a') << "used just now";
  const auto held = cache->get(key_of('b'));
  age(key_of('b'), 20);
  put(*cache, key_of('d'), large + 'd');
  EXPECT_EQ(get(*cache, key_of('b')), "none");
  for (const char digit : {'a', 'c', 'd'}) EXPECT_EQ(get(*cache, key_of(digit)), large + digit);
  EXPECT_EQ(text_of(*held), large + 'b') << "what is held stays";
  put(*cache, key_of('e'), std::string(10'000, 'y'));
  EXPECT_EQ(get(*cache, key_of('e')), "none") << "larger than all may be together";
  EXPECT_EQ(get(*cache, key_of('a')), large + 'a') << "and it displaced nothing";
}

TEST_F(AssetFolderTest, ManyAtOnceSeeAllOrNothing) {
  const std::string text(200'000, 'z');
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      const auto cache = open();
      for (const char digit : {'1', '2', '3', '4'}) {
        if (const auto found = cache->get(key_of(digit)); found && text_of(*found) != text) ++wrong;
        put(*cache, key_of(digit), text);
        if (get(*cache, key_of(digit)) != text) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(dir_))
    files += entry.path().extension() == ".asset" ? 1 : 0;
  EXPECT_EQ(files, 4U);
}

TEST_F(AssetFolderTest, FolderThatOthersCanEnterIsNotUsed) {
  EXPECT_EQ(open(0), nullptr);
  ASSERT_NE(open(), nullptr);
  ASSERT_EQ(::chmod(dir_.c_str(), 0770), 0);
  EXPECT_EQ(open(), nullptr);
  fs::remove_all(dir_);
  fs::create_symlink(testing::TempDir(), dir_);
  EXPECT_EQ(open(), nullptr);
}

}  // namespace
}  // namespace sovren::workers
