// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/text/digest.h"

namespace sovren::storage {
namespace {

using testing::HasSubstr;

Manifest sample() {
  Manifest manifest;
  manifest.header = {.job = JobId{3},
                     .attempt = 2,
                     .step = 120,
                     .kind = "causal-analysis",
                     .facts = {{"kind", "causal-analysis"}, {"input \"a\\b\".csv", "sha256:ü\n"}}};
  manifest.shards = {{"shard-00000.h5", {5 << 20, std::string(64, 'a'), {1, 0xFFFFFFFF}}},
                     {"shard-00002.h5", {100, std::string(64, '0'), {7}}}};
  manifest.arrays = {
      {{"mci/val", Dtype::f64, {10, 3}},
       {{0, "mci/val", {0, 8}, 4096, 192}, {1, "mci/val", {8, 2}, 50, 48}}},
      {{"nothing", Dtype::u8, {0}}, {}},
  };
  return manifest;
}

std::string sample_text() {
  const auto text = manifest_text(sample());
  EXPECT_TRUE(text);
  return *text;
}

/// The text with one part replaced, and a digest that is right again: what a hostile writer makes.
std::string forged(std::string_view from, std::string_view to) {
  std::string text = sample_text();
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  text = text.substr(0, text.rfind("\"digest\""));
  return text + "\"digest\": \"" + text::sha256_hex(text) + "\"\n}\n";
}

void expect_corrupt(std::string_view from, std::string_view to) {
  const auto manifest = parse_manifest(forged(from, to), "test");
  ASSERT_FALSE(manifest) << from << " -> " << to.substr(0, 80);
  EXPECT_EQ(manifest.error().code, Code::storage_corrupt) << manifest.error().what;
}

TEST(Manifest, ReadsBackWhatItWrites) {
  const auto manifest = parse_manifest(sample_text(), "test");
  ASSERT_TRUE(manifest) << to_text(manifest.error());
  EXPECT_EQ(manifest->header.job, JobId{3});
  EXPECT_EQ(manifest->header.attempt, 2);
  EXPECT_EQ(manifest->header.step, 120);
  EXPECT_EQ(manifest->header.kind, "causal-analysis");
  EXPECT_EQ(manifest->header.facts, sample().header.facts);
  ASSERT_EQ(manifest->shards.size(), 2U);
  EXPECT_EQ(manifest->shards[0].digest, sample().shards[0].digest);
  EXPECT_EQ(manifest->shards[1].file, "shard-00002.h5");
  ASSERT_EQ(manifest->arrays.size(), 2U);
  EXPECT_EQ(manifest->arrays[0].info.shape, (std::vector<std::int64_t>{10, 3}));
  EXPECT_EQ(manifest->arrays[0].slabs[1].offset, 50);
  EXPECT_EQ(manifest_text(*manifest), sample_text());
}

TEST(Manifest, EveryFlippedBitIsSeen) {
  const std::string good = sample_text();
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    const auto manifest = parse_manifest(bad, "test");
    ASSERT_FALSE(manifest) << "byte " << i;
    EXPECT_EQ(manifest.error().code, Code::storage_corrupt);
  }
}

TEST(Manifest, EveryTruncationIsSeen) {
  const std::string good = sample_text();
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_FALSE(parse_manifest(good.substr(0, size), "test")) << size;
  EXPECT_FALSE(parse_manifest(good + "\n", "test"));
}

TEST(Manifest, ANewerVersionIsAMismatchAndNoDamage) {
  const auto manifest = parse_manifest(forged("\"min_reader\": 1", "\"min_reader\": 3"), "test");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Code::mismatch);
  EXPECT_THAT(manifest.error().what, HasSubstr("newer Sovren"));
  // A newer writer that old readers can follow.
  EXPECT_TRUE(parse_manifest(forged("sovren.checkpoint/1\"", "sovren.checkpoint/2\""), "test"));
  EXPECT_TRUE(parse_manifest(forged("\"kind\"", "\"unknown\": [1, 2],\n \"kind\""), "test"));
}

TEST(Manifest, RefusesHostileNumbers) {
  for (const char* number :
       {"-1", "1.5", "1e3", "1e400", "NaN", "null", "\"5\"", "[]", "true", "9223372036854775807",
        "9223372036854775808", "18446744073709551615", "123456789012345678901234567890"}) {
    expect_corrupt("\"bytes\": 5242880", std::string("\"bytes\": ") + number);
    expect_corrupt("\"offset\": 4096", std::string("\"offset\": ") + number);
    expect_corrupt("\"count\": 8", std::string("\"count\": ") + number);
    expect_corrupt("\"first\": 8", std::string("\"first\": ") + number);
    expect_corrupt("\"shard\": 1", std::string("\"shard\": ") + number);
    expect_corrupt("\"step\": 120", std::string("\"step\": ") + number + "0000000000000000000");
    expect_corrupt("\"min_reader\": 1", std::string("\"min_reader\": -") + "1");
  }
}

TEST(Manifest, RefusesShapesThatCannotBe) {
  for (const char* shape :
       {"[]", "[-1, 3]", "[10, 3, 1, 1, 1, 1, 1, 1, 1]", "[4611686018427387904, 4]",
        "[4294967296, 4294967296]", "[4294967296, 4294967296, 0]", "[11, 3]", "[9, 3]", "[10, 4]",
        "\"10\"", "[[10], 3]", "{}"}) {
    std::string text = sample_text();
    const std::size_t from = text.find("\"shape\": [");
    const std::size_t to = text.find(']', from) + 1;
    expect_corrupt(text.substr(from, to - from), std::string("\"shape\": ") + shape);
  }
}

TEST(Manifest, RefusesSlabsThatOverlapOrLeaveTheirShard) {
  expect_corrupt("\"offset\": 4096", "\"offset\": 5242689");
  expect_corrupt("\"first\": 8", "\"first\": 7");
  expect_corrupt("\"first\": 8", "\"first\": 9");
  expect_corrupt("\"shard\": 1", "\"shard\": 2");
  // Both slabs of shard 1, over each other.
  expect_corrupt(
      "\"shard\": 0,\n     \"path\": \"mci/val\",\n     \"first\": 0,\n     \"count\": "
      "8,\n     \"offset\": 4096,\n     \"bytes\": 192",
      "\"shard\": 1, \"path\": \"mci/val\", \"first\": 0, \"count\": 8, \"offset\": 0, "
      "\"bytes\": 192");
  Manifest overlapping = sample();
  overlapping.arrays[1] = {{"zz", Dtype::u8, {10}}, {{0, "zz", {0, 10}, 4096 + 191, 10}}};
  const auto text = manifest_text(overlapping);
  const auto manifest = parse_manifest(*text, "test");
  ASSERT_FALSE(manifest);
  EXPECT_THAT(manifest.error().what, HasSubstr("lie over each other"));
}

TEST(Manifest, RefusesNamesThatLeaveTheFolder) {
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "shard-0.h5", "shard-0000a.h5", "",
                           "MANIFEST.json", "shard-00000.h5/..", "shard-00000000000000000000.h5"})
    expect_corrupt("\"shard-00000.h5\"", "\"" + std::string(name) + "\"");
  expect_corrupt("\"shard-00000.h5\"", "\"shard-00002.h5\"");
  expect_corrupt("\"shard-00000.h5\"", "\"shard-00003.h5\"");
  expect_corrupt("\"name\": \"mci/val\"", "\"name\": \"../mci\"");
  expect_corrupt("\"name\": \"nothing\"", "\"name\": \"mci/val\"");
  expect_corrupt("\"dtype\": \"f64\"", "\"dtype\": \"f16\"");
}

TEST(Manifest, RefusesChecksumsThatCannotBe) {
  expect_corrupt("\"00000001\"", "\"0000001\"");
  expect_corrupt("\"00000001\"", "\"0000000G\"");
  expect_corrupt("\"00000001\"", "1");
  expect_corrupt("\"00000001\",", "");
  expect_corrupt("\"00000001\"", "\"00000001\", \"00000001\"");
  expect_corrupt(std::string(64, 'a'), std::string(63, 'a'));
  expect_corrupt(std::string(64, 'a'), std::string(64, 'A'));
  expect_corrupt("\"block_bytes\": 4194304", "\"block_bytes\": 1");
  expect_corrupt("sha256:", "sha512:");  // facts against their digest
}

TEST(Manifest, RefusesWhatIsNoObjectOrTooDeep) {
  expect_corrupt("\"arrays\": [", "\"arrays\": {\"x\": [");
  expect_corrupt("\"kind\": \"causal-analysis\"", "\"kind\": 5");
  const std::string deep(1'000'000, '[');
  expect_corrupt("\"kind\": \"causal-analysis\"",
                 "\"kind\": " + deep + std::string(deep.size(), ']'));
  expect_corrupt("\"kind\": \"causal-analysis\"", "\"kind\": " + deep);
  for (const char* text : {"", "{}", "[]", "null", "{", "\"digest\": \"\"\n}\n"})
    EXPECT_EQ(parse_manifest(text, "test").error().code, Code::storage_corrupt);
}

TEST(Manifest, RefusesDuplicateKeys) {
  expect_corrupt("\"step\": 120", "\"step\": 119,\n \"step\": 120");
}

TEST(Manifest, FactsThatAreNoUnicodeAreRefusedWhenWriting) {
  Manifest manifest = sample();
  manifest.header.facts["x"] = "\xFF";
  EXPECT_EQ(manifest_text(manifest).error().code, Code::bug);
}

TEST(Difference, NamesEachFactThatDiffers) {
  EXPECT_THAT(
      difference({{"a", "1"}, {"b", "2"}, {"c", "3"}}, {{"a", "1"}, {"b", "5"}, {"d", "4"}}),
      testing::ElementsAre("b: 2 there, 5 here", "c: 3 there, not set here",
                           "d: not set there, 4 here"));
  EXPECT_THAT(difference({{"a", "1"}}, {{"a", "1"}}), testing::IsEmpty());
}

}  // namespace
}  // namespace sovren::storage
