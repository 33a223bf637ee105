// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/text/digest.h"
#include "core/text/job_file.h"
#include "core/text/json.h"
#include "storage/checkpoint/manifest.h"
#include "storage/checkpoint/set_cipher.h"

// The digest of a manifest is its last member, and covers every byte before that member's key. It
// is checked on the bytes, before any JSON is read, and by this one rule in all versions to come.

namespace sovren::storage {
namespace {

using text::Json;

constexpr std::string_view signature_key = "\"signature\": \"";
constexpr std::string_view signature_end = "\",\n ";
constexpr std::string_view digest_key = "\"digest\": \"";
constexpr std::string_view digest_end = "\"\n}\n";
constexpr std::size_t hex_digits = 64;
constexpr std::size_t salt_digits = 32;
constexpr std::string_view cipher_name = "aes-256-gcm";
constexpr std::size_t depth_max = 16;
constexpr std::int64_t count_max = std::int64_t{1} << 62;

Error corrupt(std::string what) {
  return {.code = Code::storage_corrupt, .what = std::move(what), .hint = "", .where = ""};
}

std::string crc_hex(std::uint32_t crc) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", crc);
  return text.data();
}

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<std::int64_t> integer(const Json& value, const char* name, std::int64_t least,
                             std::int64_t most) {
  const bool fits =
      value.is_number_integer() && (!value.is_number_unsigned() ||
                                    value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most));
  const std::int64_t number = fits ? value.get<std::int64_t>() : least - 1;
  if (!fits || number < least || number > most)
    return fail(corrupt("'" + std::string(name) + "' is not a whole number from " +
                        std::to_string(least) + " to " + std::to_string(most)));
  return number;
}

Result<std::int64_t> integer_member(const Json& object, const char* key, std::int64_t least,
                                    std::int64_t most) {
  SOVREN_TRY(value, text::get_member(object, key));
  return integer(*value, key, least, most);
}

Result<const Json*> list_member(const Json& object, const char* key) {
  SOVREN_TRY(value, text::get_member(object, key));
  if (!value->is_array()) return fail(corrupt("'" + std::string(key) + "' is not a list"));
  return value;
}

Json shard_json(const Shard& shard) {
  Json crcs = Json::array();
  for (const std::uint32_t crc : shard.digest.crc32c) crcs.push_back(crc_hex(crc));
  Json json{{"file", shard.file}, {"bytes", shard.digest.bytes}};
  if (shard.plain_bytes > 0) json["plain_bytes"] = shard.plain_bytes;
  if (!shard.digest.sha256.empty()) json["sha256"] = shard.digest.sha256;
  json["crc32c"] = std::move(crcs);
  return json;
}

/// The oldest reader that understands all of it. 2: encrypted shards, shards without SHA-256.
int min_reader_of(const Manifest& manifest) {
  const bool is_new =
      manifest.encryption || std::any_of(manifest.shards.begin(), manifest.shards.end(),
                                         [](const Shard& s) { return s.digest.sha256.empty(); });
  return is_new ? 2 : 1;
}

Json array_json(const StoredArray& array) {
  Json slabs = Json::array();
  for (const Slab& slab : array.slabs)
    slabs.push_back({{"shard", slab.shard},
                     {"path", slab.path},
                     {"first", slab.rows.first},
                     {"count", slab.rows.count},
                     {"offset", slab.offset},
                     {"bytes", slab.bytes}});
  return {{"name", array.info.name},
          {"dtype", std::string(dtype_name(array.info.dtype))},
          {"shape", array.info.shape},
          {"slabs", std::move(slabs)}};
}

Result<Shard> shard_of(const Json& json, int number) {
  Shard shard;
  SOVREN_TRY(file, text::get_string(json, "file"));
  if (!is_shard_file_name(file))
    return fail(corrupt("shard " + std::to_string(number) + " has the impossible file name '" +
                        file.substr(0, 100) + "'"));
  SOVREN_TRY(bytes, integer_member(json, "bytes", 1, count_max));
  std::string sha256;
  if (json.contains("sha256")) {
    SOVREN_TRY(digits, text::get_string(json, "sha256"));
    if (!is_hex(digits, hex_digits)) return fail(corrupt("'sha256' is not 64 hex digits"));
    sha256 = std::move(digits);
  }
  std::int64_t plain_bytes = 0;
  if (json.contains("plain_bytes")) {
    SOVREN_TRY(plain, integer_member(json, "plain_bytes", 1, bytes));
    if (stored_bytes(plain) != bytes)
      return fail(corrupt("'plain_bytes' of '" + file + "' does not go with its size"));
    plain_bytes = plain;
  }
  SOVREN_TRY(crcs, list_member(json, "crc32c"));
  if (std::cmp_not_equal(crcs->size(), (bytes - 1) / block_bytes + 1))
    return fail(corrupt("'" + file + "' has " + std::to_string(crcs->size()) +
                        " CRCs, which does not go with its size"));
  shard.digest.crc32c.reserve(crcs->size());
  for (const Json& crc : *crcs) {
    if (!crc.is_string() || !is_hex(crc.get_ref<const std::string&>(), 8))
      return fail(corrupt("a CRC of '" + file + "' is not 8 hex digits"));
    const auto& hex = crc.get_ref<const std::string&>();
    std::uint32_t value = 0;
    std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    shard.digest.crc32c.push_back(value);
  }
  shard.file = std::move(file);
  shard.digest.bytes = bytes;
  shard.digest.sha256 = std::move(sha256);
  shard.plain_bytes = plain_bytes;
  return shard;
}

Result<Slab> slab_of(const Json& json) {
  Slab slab;
  SOVREN_TRY(shard, integer_member(json, "shard", 0, std::numeric_limits<int>::max()));
  SOVREN_TRY(path, text::get_string(json, "path"));
  SOVREN_TRY(first, integer_member(json, "first", 0, count_max));
  SOVREN_TRY(count, integer_member(json, "count", 1, count_max));
  SOVREN_TRY(offset, integer_member(json, "offset", 0, count_max));
  SOVREN_TRY(bytes, integer_member(json, "bytes", 0, count_max));
  return Slab{static_cast<int>(shard), std::move(path), Rows{first, count}, offset, bytes};
}

Result<StoredArray> array_of(const Json& json) {
  StoredArray array;
  SOVREN_TRY(name, text::get_string(json, "name"));
  SOVREN_TRY(dtype, text::get_string(json, "dtype"));
  SOVREN_TRY(shape, list_member(json, "shape"));
  SOVREN_TRY(slabs, list_member(json, "slabs"));
  array.info.name = std::move(name);
  constexpr std::array dtypes{Dtype::u8, Dtype::i32, Dtype::i64, Dtype::f32, Dtype::f64};
  const auto* const found = std::find_if(dtypes.begin(), dtypes.end(),
                                         [&](Dtype each) { return dtype_name(each) == dtype; });
  if (found == dtypes.end())
    return fail(corrupt("there is no dtype '" + dtype.substr(0, 100) + "'"));
  array.info.dtype = *found;
  for (const Json& length : *shape) {
    SOVREN_TRY(value, integer(length, "shape", 0, count_max));
    array.info.shape.push_back(value);
  }
  for (const Json& each : *slabs) {
    SOVREN_TRY(slab, slab_of(each));
    array.slabs.push_back(std::move(slab));
  }
  return array;
}

Result<SetHeader> header_of(const Json& json) {
  SetHeader header;
  SOVREN_TRY(job, integer_member(json, "job", 0, count_max));
  SOVREN_TRY(attempt, integer_member(json, "attempt", 0, std::numeric_limits<int>::max()));
  SOVREN_TRY(step, integer_member(json, "step", 0, count_max));
  SOVREN_TRY(kind, text::get_string(json, "kind"));
  SOVREN_TRY(digest, text::get_string(json, "facts_digest"));
  SOVREN_TRY(facts, text::get_member(json, "facts"));
  if (!facts->is_object()) return fail(corrupt("'facts' is not an object"));
  for (const auto& [key, value] : facts->items()) {
    if (!value.is_string()) return fail(corrupt("the fact '" + key + "' is not a text"));
    header.facts.emplace(key, value.get<std::string>());
  }
  if (digest != text::facts_digest(header.facts))
    return fail(corrupt("the facts do not match their digest"));
  header.job = JobId{job};
  header.attempt = static_cast<int>(attempt);
  header.step = step;
  header.kind = std::move(kind);
  // The first sets of version 0.1 have neither.
  if (json.contains("sealed_at")) {
    SOVREN_TRY(sealed_at, text::get_double(json, "sealed_at"));
    header.sealed_at_s = sealed_at;
  }
  if (json.contains("metrics")) {
    const Json& metrics = json["metrics"];
    if (!metrics.is_object()) return fail(corrupt("'metrics' is not an object"));
    for (const auto& [name, value] : metrics.items())
      if (value.is_number()) header.metrics.emplace(name, value.get<double>());
  }
  return header;
}

Result<std::optional<Encryption>> encryption_of(const Json& json) {
  if (!json.contains("encryption")) return std::optional<Encryption>();
  SOVREN_TRY(cipher, text::get_string(json["encryption"], "cipher"));
  SOVREN_TRY(salt, text::get_string(json["encryption"], "salt"));
  SOVREN_TRY(check, text::get_string(json["encryption"], "check"));
  if (cipher != cipher_name) return fail(corrupt("there is no cipher '" + cipher + "'"));
  if (!is_hex(salt, salt_digits) || !is_hex(check, hex_digits))
    return fail(corrupt("'encryption' is not hex digits"));
  return std::optional(Encryption{std::move(salt), std::move(check)});
}

/// All shards are encrypted, or none is.
Result<void> check_encryption(const Manifest& manifest) {
  for (const Shard& shard : manifest.shards) {
    if ((shard.plain_bytes > 0) != manifest.encryption.has_value())
      return fail(corrupt("'" + shard.file + "' is " +
                          (manifest.encryption ? "not encrypted" : "encrypted") +
                          ", and the set is " + (manifest.encryption ? "" : "not")));
    const std::int64_t number = shard_number(shard.file);
    if (manifest.encryption && (number > std::numeric_limits<int>::max() ||
                                shard_file_name(static_cast<int>(number)) != shard.file))
      return fail(corrupt("an encrypted shard has the impossible file name '" + shard.file + "'"));
  }
  return {};
}

/// The schema and min_reader of a manifest whose digest is right.
Result<void> check_version(const Json& json, const std::string& name) {
  SOVREN_TRY(schema, text::get_string(json, "schema"));
  SOVREN_TRY(min_reader, integer_member(json, "min_reader", 1, count_max));
  constexpr std::string_view family = "sovren.checkpoint/";
  if (!schema.starts_with(family))
    return fail(corrupt("'schema' is not " + std::string(manifest_schema)));
  if (min_reader > manifest_reader) {
    return fail({.code = Code::mismatch,
                 .what = "the checkpoint set was written by a newer Sovren (" + schema +
                         ", reader " + std::to_string(min_reader) + "; this one is reader " +
                         std::to_string(manifest_reader) + ")",
                 .hint = "use the newer Sovren, or start over with --fresh or --dir",
                 .where = name});
  }
  return {};
}

/// Checks the digest that ends the text.
Result<void> check_digest(std::string_view text) {
  const std::size_t tail = digest_key.size() + hex_digits + digest_end.size();
  if (text.size() < tail) return fail(corrupt("it is too short"));
  const std::size_t at = text.size() - tail;
  const std::string_view hex = text.substr(at + digest_key.size(), hex_digits);
  if (text.substr(at, digest_key.size()) != digest_key || !text.ends_with(digest_end))
    return fail(corrupt("it does not end in its digest"));
  if (text::sha256_hex(text.substr(0, at)) != hex)
    return fail(corrupt("it does not match its own digest"));
  return {};
}

/// In the order of their numbers, which are at least five digits.
bool is_before(const std::string& a, const std::string& b) {
  return std::pair(a.size(), std::string_view(a)) < std::pair(b.size(), std::string_view(b));
}

Result<Manifest> read(std::string_view text, const std::string& name) {
  SOVREN_DO(check_digest(text));
  SOVREN_TRY(json, text::parse_json(text, name, depth_max));
  SOVREN_DO(check_version(json, name));
  SOVREN_DO(integer_member(json, "block_bytes", block_bytes, block_bytes));
  Manifest manifest;
  SOVREN_TRY(header, header_of(json));
  SOVREN_TRY(encryption, encryption_of(json));
  SOVREN_TRY(shards, list_member(json, "shards"));
  SOVREN_TRY(arrays, list_member(json, "arrays"));
  manifest.header = std::move(header);
  manifest.encryption = std::move(encryption);
  for (const Json& each : *shards) {
    SOVREN_TRY(shard, shard_of(each, static_cast<int>(manifest.shards.size())));
    if (!manifest.shards.empty() && !is_before(manifest.shards.back().file, shard.file))
      return fail(corrupt("the shards are not in the order of their numbers"));
    manifest.shards.push_back(std::move(shard));
  }
  for (const Json& each : *arrays) {
    SOVREN_TRY(array, array_of(each));
    manifest.arrays.push_back(std::move(array));
  }
  return manifest;
}

}  // namespace

Result<std::string> manifest_text(const Manifest& manifest, const SetCipher* signer) {
  const SetHeader& header = manifest.header;
  Json json{{"schema", std::string(manifest_schema)},
            {"min_reader", min_reader_of(manifest)},
            {"job", header.job.value},
            {"attempt", header.attempt},
            {"step", header.step},
            {"kind", header.kind},
            {"sealed_at", header.sealed_at_s},
            {"metrics", Json::object()},
            {"facts_digest", text::facts_digest(header.facts)},
            {"facts", Json::object()},
            {"block_bytes", block_bytes},
            {"shards", Json::array()},
            {"arrays", Json::array()}};
  for (const auto& [key, value] : header.facts) json["facts"][key] = value;
  for (const auto& [name, value] : header.metrics)
    if (std::isfinite(value)) json["metrics"][name] = value;
  if (manifest.encryption)
    json["encryption"] = {{"cipher", std::string(cipher_name)},
                          {"salt", manifest.encryption->salt},
                          {"check", manifest.encryption->check}};
  for (const Shard& shard : manifest.shards) json["shards"].push_back(shard_json(shard));
  for (const StoredArray& array : manifest.arrays) json["arrays"].push_back(array_json(array));
  std::string text;
  try {
    text = json.dump(1);
  } catch (const Json::exception& error) {
    return fail({.code = Code::bug,
                 .what = std::string("the facts of a checkpoint are not UTF-8: ") + error.what(),
                 .hint = "",
                 .where = ""});
  }
  text.resize(text.size() - std::string_view("\n}").size());
  text += ",\n ";
  if (signer != nullptr) {
    const std::string signature = signer->sign(text);
    text += std::string(signature_key) + signature + std::string(signature_end);
  }
  const std::string digest = text::sha256_hex(text);
  return text + std::string(digest_key) + digest + std::string(digest_end);
}

bool is_signed(std::string_view text, const SetCipher& signer) {
  const std::size_t digest = digest_key.size() + hex_digits + digest_end.size();
  const std::size_t tail = signature_key.size() + hex_digits + signature_end.size() + digest;
  if (text.size() < tail) return false;
  const std::size_t at = text.size() - tail;
  return text.substr(at, signature_key.size()) == signature_key &&
         text.substr(at + signature_key.size(), hex_digits) == signer.sign(text.substr(0, at));
}

Result<Manifest> parse_manifest(std::string_view text, const std::string& name) {
  auto manifest = read(text, name);
  if (manifest) {
    auto checked = check_arrays(*manifest);
    if (checked) checked = check_encryption(*manifest);
    if (!checked) manifest = fail(checked.error());
  }
  if (!manifest && manifest.error().code != Code::mismatch) {
    Error error = manifest.error();
    error.code = Code::storage_corrupt;  // also where JSON says data_invalid
    error.what = "MANIFEST.json: " + error.what;
    error.where = name;
    return fail(std::move(error));
  }
  return manifest;
}

Result<Manifest> parse_manifest_part(std::string_view text) {
  return read(text, "a rank's part of a checkpoint");
}

}  // namespace sovren::storage
