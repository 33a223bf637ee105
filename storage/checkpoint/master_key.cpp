// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/master_key.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/text/hex.h"
#include "storage/checkpoint/crypto.h"
#include "storage/file/file.h"

namespace sovren::storage {
namespace {

constexpr const char* make_one = "make one with: (umask 077; openssl rand -hex 32 > KEYFILE)";

/// Wipes a text that holds a key, however it is left.
class Wiped {
 public:
  explicit Wiped(std::string& text) : text_(text) {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { wipe(std::as_writable_bytes(std::span(text_))); }

 private:
  std::string& text_;
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string without_space(std::string_view text) {
  std::string digits;
  digits.reserve(text.size());  // no copies are left behind
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return !is_space(c); });
  return digits;
}

/// As ssh does with its keys: only the owner's own files are judged.
Result<void> check_owner_only(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};  // reading it says why
  if (status.st_uid != ::geteuid() || (status.st_mode & 077) == 0) return {};
  return fail({.code = Code::refused,
               .what = "others than you may read or change the key file '" + path + "'",
               .hint = "chmod 600 " + path,
               .where = path});
}

}  // namespace

SecretKey::~SecretKey() {
  wipe(bytes);
}

Result<MasterKey> key_of_hex(std::string_view hex, const std::string& where) {
  std::string digits = without_space(hex);
  const Wiped wiped(digits);
  MasterKey key;
  key.source = where;
  if (text::read_hex(digits, key.bytes)) return key;
  const bool is_other = digits.size() == 2 * key.bytes.size();
  return fail({.code = Code::data_invalid,
               .what = "no key in " + where + ": 64 hex digits are wanted, there are " +
                       std::to_string(digits.size()) +
                       (is_other ? " characters which are not all hex digits" : " characters"),
               .hint = make_one,
               .where = ""});
}

Result<MasterKey> read_key_file(const std::string& path) {
  SOVREN_DO(check_owner_only(path));
  constexpr std::int64_t key_file_bytes_max = 4096;
  const std::string where = "the file '" + path + "'";
  auto text = read_file(path, key_file_bytes_max);
  if (!text) {
    Error error = std::move(text).error();
    if (error.hint.empty()) error.hint = make_one;
    return fail(std::move(error).within("reading the key of the checkpoints"));
  }
  const Wiped wiped(*text);
  MasterKey key;
  if (text->size() != key.bytes.size()) return key_of_hex(*text, where);
  std::transform(text->begin(), text->end(), key.bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  key.source = where;
  return key;
}

Result<MasterKey> read_key_variable(const std::string& name) {
  if (const char* value = std::getenv(name.c_str()))
    return key_of_hex(value, "the environment variable " + name);
  return fail({.code = Code::input_missing,
               .what = "the environment variable " + name +
                       ", which is to hold the key of the checkpoints, is not set",
               .hint = "set it where the ranks run: for a queue, in the environment of its agents",
               .where = ""});
}

std::int64_t mark_of(const MasterKey& key) {
  const SecretKey derived = derive_key(key.bytes, {}, "sovren checkpoint key mark");
  std::int64_t mark = 0;
  for (std::size_t i = 0; i < 7; ++i)
    mark = mark * 256 + std::to_integer<std::int64_t>(derived.bytes[i]);
  return mark + 1;
}

Result<std::optional<MasterKey>> read_policy_key(const CheckpointPolicy& policy) {
  if (policy.key_file.empty() && policy.key_env.empty()) return std::optional<MasterKey>();
  auto key =
      policy.key_file.empty() ? read_key_variable(policy.key_env) : read_key_file(policy.key_file);
  if (!key) return fail(std::move(key).error());
  return std::optional(std::move(*key));
}

}  // namespace sovren::storage
