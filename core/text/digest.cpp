// SPDX-License-Identifier: Apache-2.0
#include "core/text/digest.h"

#include <openssl/evp.h>

#include <array>

#include "core/base/check.h"
#include "core/text/hex.h"

namespace sovren::text {

struct Sha256::Context {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> md{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  // Once: by EVP_sha256() every stream would look it up anew, which costs as much as the hash.
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  SOVREN_CHECK(EVP_DigestInit_ex(context_->md.get(), sha256, nullptr) == 1,
               "libcrypto has SHA-256");
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> data) {
  SOVREN_CHECK(EVP_DigestUpdate(context_->md.get(), data.data(), data.size()) == 1,
               "hashing memory cannot fail");
}

std::string Sha256::hex() {
  std::array<unsigned char, 32> digest{};
  SOVREN_CHECK(EVP_DigestFinal_ex(context_->md.get(), digest.data(), nullptr) == 1,
               "hex() is called once");
  return hex_of(std::as_bytes(std::span(digest)));
}

std::string sha256_hex(std::string_view data) {
  Sha256 hash;
  hash.update(data);
  return hash.hex();
}

}  // namespace sovren::text
