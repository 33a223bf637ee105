// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <memory>

#include "core/base/check.h"

namespace sovren::storage {
namespace {

constexpr std::size_t gcm_bytes_max = std::size_t{1} << 30;  // lengths of OpenSSL are int

template <auto function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    function(object);
  }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Free<EVP_KDF_CTX_free>>;

const EVP_CIPHER* aes_256_gcm() {
  // Once: looking an algorithm up takes longer than a small block.
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  SOVREN_CHECK(cipher != nullptr, "libcrypto has AES-256-GCM");
  return cipher;
}

const unsigned char* in(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* out(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

int length(std::span<const std::byte> bytes) {
  SOVREN_CHECK(bytes.size() <= gcm_bytes_max, "one nonce is for at most 1 GiB");
  return static_cast<int>(bytes.size());
}

}  // namespace

void gcm_encrypt(const SecretKey& key, const GcmNonce& nonce, std::span<const std::byte> associated,
                 std::span<const std::byte> plain, std::span<std::byte> stored) {
  SOVREN_CHECK(stored.size() == plain.size() + gcm_tag_bytes, "the tag has a place");
  const std::span tag = stored.subspan(plain.size());
  const CipherContext context(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool is_done =
      context != nullptr &&
      EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), in(key.bytes), in(nonce), nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &written, in(associated), length(associated)) ==
          1 &&
      EVP_EncryptUpdate(context.get(), out(stored), &written, in(plain), length(plain)) == 1 &&
      EVP_EncryptFinal_ex(context.get(), out(tag), &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(gcm_tag_bytes),
                          tag.data()) == 1;
  SOVREN_CHECK(is_done, "encrypting memory cannot fail");
}

bool gcm_decrypt(const SecretKey& key, const GcmNonce& nonce, std::span<const std::byte> associated,
                 std::span<const std::byte> stored, std::span<std::byte> plain) {
  SOVREN_CHECK(stored.size() == plain.size() + gcm_tag_bytes, "the tag has a place");
  std::array<std::byte, gcm_tag_bytes> tag{};
  std::copy(stored.end() - gcm_tag_bytes, stored.end(), tag.begin());
  const CipherContext context(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool is_decrypted =
      context != nullptr &&
      EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), in(key.bytes), in(nonce), nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &written, in(associated), length(associated)) ==
          1 &&
      EVP_DecryptUpdate(context.get(), out(plain), &written, in(stored),
                        length(stored.first(plain.size()))) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(gcm_tag_bytes),
                          tag.data()) == 1;
  SOVREN_CHECK(is_decrypted, "decrypting memory cannot fail before the tag is compared");
  std::array<unsigned char, gcm_tag_bytes> rest{};
  if (EVP_DecryptFinal_ex(context.get(), rest.data(), &written) == 1) return true;
  wipe(plain);  // nobody is to work with what is not proven
  return false;
}

SecretKey derive_key(std::span<const std::byte> secret, std::span<const std::byte> salt,
                     std::string_view purpose) {
  static EVP_KDF* const hkdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  SOVREN_CHECK(hkdf != nullptr, "libcrypto has HKDF");
  const KdfContext context(EVP_KDF_CTX_new(hkdf));
  // OpenSSL's parameters are not const, but these are only read.
  const auto octets = [](const char* name, const void* data, std::size_t size) {
    static std::byte none{};  // it takes no null, also for what is empty
    void* const octet = size == 0 ? &none : const_cast<void*>(data);
    return OSSL_PARAM_construct_octet_string(name, octet, size);
  };
  std::array<char, 7> digest{"SHA256"};
  const std::array parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      octets(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
      octets(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
      octets(OSSL_KDF_PARAM_INFO, purpose.data(), purpose.size()), OSSL_PARAM_construct_end()};
  SecretKey key;
  SOVREN_CHECK(context != nullptr && EVP_KDF_derive(context.get(), out(key.bytes), key.bytes.size(),
                                                    parameters.data()) == 1,
               "deriving a key from memory cannot fail");
  return key;
}

Mac hmac_sha256(const SecretKey& key, std::span<const std::byte> data) {
  Mac mac{};
  unsigned size = 0;
  SOVREN_CHECK(HMAC(EVP_sha256(), key.bytes.data(), static_cast<int>(key.bytes.size()), in(data),
                    data.size(), out(mac), &size) != nullptr &&
                   size == mac.size(),
               "a MAC of memory cannot fail");
  return mac;
}

void fill_random(std::span<std::byte> bytes) {
  SOVREN_CHECK(RAND_bytes(out(bytes), length(bytes)) == 1, "the system has random numbers");
}

void wipe(std::span<std::byte> secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace sovren::storage
