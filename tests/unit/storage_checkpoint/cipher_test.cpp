// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "core/text/hex.h"
#include "storage/checkpoint/set_cipher.h"
#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::byte> bytes_of_hex(std::string_view hex) {
  std::vector<std::byte> bytes(hex.size() / 2);
  EXPECT_TRUE(text::read_hex(hex, bytes));
  return bytes;
}

MasterKey key_with(int first) {
  MasterKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i)
    key.bytes[i] = static_cast<std::byte>(first + static_cast<int>(i));
  key.source = "key " + std::to_string(first);
  return key;
}

SetHeader header_of(std::int64_t step) {
  return {.job = JobId{7}, .attempt = 2, .step = step, .kind = "sample"};
}

// RFC 5869, appendix A: the first 32 bytes of the output key material of each test with SHA-256.
TEST(Crypto, DerivesKeysAsTheRfcDoes) {
  struct Case {
    std::string secret, salt, purpose, key;
  };
  std::string secret80;
  std::string salt80;
  std::string purpose80;
  for (int i = 0; i < 80; ++i) {
    const auto add = [](std::string& hex, int byte) {
      const std::byte one{static_cast<unsigned char>(byte)};
      hex += text::hex_of(std::span(&one, 1));
    };
    add(secret80, i);
    add(salt80, 0x60 + i);
    add(purpose80, 0xb0 + i);
  }
  std::string elevens;
  for (int i = 0; i < 22; ++i) elevens += "0b";
  const std::vector<Case> cases{
      {elevens, "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"},
      {secret80, salt80, purpose80,
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"},
      {elevens, "", "", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"},
  };
  for (const Case& each : cases) {
    const auto purpose = bytes_of_hex(each.purpose);
    const SecretKey key =
        derive_key(bytes_of_hex(each.secret), bytes_of_hex(each.salt),
                   {reinterpret_cast<const char*>(purpose.data()), purpose.size()});
    EXPECT_EQ(text::hex_of(key.bytes), each.key);
  }
}

struct GcmCase {
  std::string key, nonce, associated, plain, stored;
};

// Test cases 13 to 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), which NIST's
// SP 800-38D refers to, for 256 bits and a nonce of 96.
std::vector<GcmCase> gcm_cases() {
  const std::string zeros64(64, '0');
  const std::string key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
  const std::string plain =
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b525b16aedf5aa0de657ba637b391aafd255";
  const std::string cipher =
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682"
      "8838c5f61e6393ba7a0abcc9f662898015ad";
  return {
      {zeros64, std::string(24, '0'), "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
      {zeros64, std::string(24, '0'), "", std::string(32, '0'),
       "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
      {key, "cafebabefacedbaddecaf888", "", plain, cipher + "b094dac5d93471bdec1a502270e3cc6c"},
      {key, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
       plain.substr(0, 120), cipher.substr(0, 120) + "76fc6ece0f4e1768cddf8853bb2d551b"},
  };
}

TEST(Crypto, EncryptsAsNistDoes) {
  for (const GcmCase& each : gcm_cases()) {
    SecretKey key;
    GcmNonce nonce{};
    ASSERT_TRUE(text::read_hex(each.key, key.bytes));
    ASSERT_TRUE(text::read_hex(each.nonce, nonce));
    const auto associated = bytes_of_hex(each.associated);
    const auto plain = bytes_of_hex(each.plain);
    std::vector<std::byte> stored(plain.size() + gcm_tag_bytes);
    gcm_encrypt(key, nonce, associated, plain, stored);
    EXPECT_EQ(text::hex_of(stored), each.stored);
    std::vector<std::byte> back(plain.size());
    EXPECT_TRUE(gcm_decrypt(key, nonce, associated, stored, back));
    EXPECT_EQ(back, plain);
    for (std::size_t bit = 0; bit < stored.size() * 8; bit += 7) {
      auto spoilt = stored;
      spoilt[bit / 8] ^= std::byte{1} << (bit % 8);
      EXPECT_FALSE(gcm_decrypt(key, nonce, associated, spoilt, back)) << bit;
      EXPECT_EQ(back, std::vector<std::byte>(back.size())) << "what is not proven is not handed on";
    }
  }
}

TEST(Crypto, AuthenticatesAsTheRfcDoes) {
  // RFC 4231, test case 1, its key of 20 bytes filled up with zeros as HMAC does.
  SecretKey key;
  std::fill_n(key.bytes.begin(), 20, std::byte{0x0b});
  const std::string_view data = "Hi There";
  EXPECT_EQ(text::hex_of(hmac_sha256(key, std::as_bytes(std::span(data)))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

TEST(SetCipher, SizesOfFiles) {
  EXPECT_EQ(stored_bytes(1), 17);
  EXPECT_EQ(stored_bytes(plain_block_bytes - 1), block_bytes - 1);
  EXPECT_EQ(stored_bytes(plain_block_bytes), block_bytes);
  EXPECT_EQ(stored_bytes(plain_block_bytes + 1), block_bytes + 17);
  EXPECT_EQ(stored_bytes(3 * plain_block_bytes), 3 * block_bytes);
}

TEST(SetCipher, ABlockIsGoodOnlyWhereItBelongs) {
  const SetCipher cipher = SetCipher::create(key_with(1), header_of(10));
  const std::vector<std::byte> plain(100, std::byte{5});
  std::vector<std::byte> stored(116);
  std::vector<std::byte> back(100);
  cipher.encrypt({3, 4, false}, plain, stored);
  EXPECT_TRUE(cipher.decrypt({3, 4, false}, stored, back));
  EXPECT_EQ(back, plain);
  EXPECT_FALSE(cipher.decrypt({4, 4, false}, stored, back));
  EXPECT_FALSE(cipher.decrypt({3, 5, false}, stored, back));
  EXPECT_FALSE(cipher.decrypt({3, 4, true}, stored, back));
  // The same salt, as somebody without the key can put it into a manifest of another set.
  for (SetHeader other : {SetHeader{.job = JobId{8}, .attempt = 2, .step = 10, .kind = ""},
                          SetHeader{.job = JobId{7}, .attempt = 3, .step = 10, .kind = ""},
                          SetHeader{.job = JobId{7}, .attempt = 2, .step = 11, .kind = ""}}) {
    Encryption claimed = cipher.encryption();
    EXPECT_FALSE(SetCipher::open(key_with(1), claimed, other, "gen-000010"));
  }
  // The same job, attempt and step: the salts differ.
  const SetCipher again = SetCipher::create(key_with(1), header_of(10));
  EXPECT_NE(again.encryption().salt, cipher.encryption().salt);
  EXPECT_FALSE(again.decrypt({3, 4, false}, stored, back));
}

TEST(SetCipher, EveryBlockOfASetLooksDifferent) {
  // Equal plain blocks under equal key and nonce would be equal: that would show a nonce used
  // twice.
  const SetCipher cipher = SetCipher::create(key_with(1), header_of(10));
  const std::vector<std::byte> plain(32);
  std::set<std::vector<std::byte>> seen;
  std::vector<std::byte> stored(48);
  std::size_t count = 0;
  for (const std::uint32_t shard : {0U, 1U, 255U, 256U, 65536U, 16777216U, 4294967295U})
    for (const std::uint64_t block :
         {0ULL, 1ULL, 255ULL, 256ULL, 65536ULL, 1ULL << 32, 1ULL << 40}) {
      cipher.encrypt({shard, block, false}, plain, stored);
      seen.insert({stored.begin(), stored.begin() + 32});
      ++count;
    }
  EXPECT_EQ(seen.size(), count);
}

TEST(SetCipher, AWrongKeyIsNamedAndItsBytesAreNot) {
  const SetCipher cipher = SetCipher::create(key_with(1), header_of(10));
  ASSERT_TRUE(SetCipher::open(key_with(1), cipher.encryption(), header_of(10), "d/gen-000010"));
  const auto wrong =
      SetCipher::open(key_with(2), cipher.encryption(), header_of(10), "d/gen-000010");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::mismatch);
  EXPECT_THAT(to_text(wrong.error()), HasSubstr("gen-000010"));
  EXPECT_THAT(to_text(wrong.error()), HasSubstr("another key than the one in key 2"));
  EXPECT_THAT(to_text(wrong.error()), Not(HasSubstr(text::hex_of(key_with(2).bytes).substr(0, 8))));
}

TEST(SetCipher, SignaturesNeedTheKey) {
  const SetCipher cipher = SetCipher::create(key_with(1), header_of(10));
  const SetCipher other = SetCipher::create(key_with(2), header_of(10));
  EXPECT_EQ(cipher.sign("text").size(), 64);
  EXPECT_EQ(cipher.sign("text"), cipher.sign("text"));
  EXPECT_NE(cipher.sign("text"), cipher.sign("texu"));
  EXPECT_NE(cipher.sign("text"), other.sign("text"));
}

TEST(MasterKey, MarksDifferAndTellNothing) {
  EXPECT_EQ(mark_of(key_with(1)), mark_of(key_with(1)));
  EXPECT_NE(mark_of(key_with(1)), mark_of(key_with(2)));
  EXPECT_GT(mark_of(key_with(1)), 0);
}

class MasterKeyTest : public CheckpointTest {
 protected:
  std::string put(const std::string& text, mode_t mode = 0600) {
    std::string path = root_ + "/key";
    EXPECT_TRUE(write_file_atomic(path, text));
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  const std::string hex_ = text::hex_of(key_with(9).bytes);
};

TEST_F(MasterKeyTest, IsReadAsBytesOrDigits) {
  std::string raw;
  for (const std::byte byte : key_with(9).bytes) raw += static_cast<char>(byte);
  std::string upper = hex_;
  std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
  const std::string words = hex_.substr(0, 30) + " \t" + hex_.substr(30) + "\r\n";
  for (const std::string& text : {raw, hex_, hex_ + "\n", upper, words}) {
    const auto key = read_key_file(put(text));
    ASSERT_TRUE(key) << to_text(key.error());
    EXPECT_EQ(key->bytes, key_with(9).bytes);
    EXPECT_THAT(key->source, HasSubstr("/key'"));
  }
}

TEST_F(MasterKeyTest, OtherFilesAreRefusedWithoutTellingWhatIsInThem) {
  for (const std::string& text :
       {std::string(), std::string(31, 'k'), std::string(33, 'k'), hex_.substr(1), hex_ + "0",
        "x" + hex_.substr(1), std::string("a secret which is no key")}) {
    const auto key = read_key_file(put(text));
    ASSERT_FALSE(key) << text.size();
    EXPECT_EQ(key.error().code, Code::data_invalid);
    EXPECT_THAT(to_text(key.error()), HasSubstr("64 hex digits are wanted"));
    EXPECT_THAT(to_text(key.error()), HasSubstr("openssl rand -hex 32"));
    if (text.size() <= 8) continue;
    EXPECT_THAT(to_text(key.error()), Not(HasSubstr(text.substr(0, 8))));
  }
  const auto none = read_key_file(root_ + "/none");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::input_missing);
  EXPECT_THAT(to_text(none.error()), HasSubstr("reading the key of the checkpoints"));
}

TEST_F(MasterKeyTest, AFileForOthersToReadIsRefused) {
  for (const mode_t mode : {0640U, 0604U, 0620U, 0644U}) {
    const auto key = read_key_file(put(hex_, mode));
    ASSERT_FALSE(key) << mode;
    EXPECT_EQ(key.error().code, Code::refused);
    EXPECT_THAT(key.error().hint, HasSubstr("chmod 600 "));
  }
  EXPECT_TRUE(read_key_file(put(hex_, 0400)));
}

TEST_F(MasterKeyTest, OfAPolicy) {
  CheckpointPolicy policy;
  auto key = read_policy_key(policy);
  ASSERT_TRUE(key);
  EXPECT_FALSE(*key);

  policy.key_env = "SOVREN_CIPHER_TEST_KEY";
  ::unsetenv(policy.key_env.c_str());
  key = read_policy_key(policy);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::input_missing);
  EXPECT_THAT(key.error().what, HasSubstr("SOVREN_CIPHER_TEST_KEY"));
  ::setenv(policy.key_env.c_str(), hex_.c_str(), 1);
  key = read_policy_key(policy);
  ASSERT_TRUE(key && *key);
  EXPECT_EQ((*key)->bytes, key_with(9).bytes);
  ::setenv(policy.key_env.c_str(), "short", 1);
  key = read_policy_key(policy);
  ASSERT_FALSE(key);
  EXPECT_THAT(key.error().what, HasSubstr("in the environment variable SOVREN_CIPHER_TEST_KEY"));

  policy = {};
  policy.key_file = put(hex_);
  key = read_policy_key(policy);
  ASSERT_TRUE(key && *key);
  EXPECT_EQ((*key)->bytes, key_with(9).bytes);
}

}  // namespace
}  // namespace sovren::storage
