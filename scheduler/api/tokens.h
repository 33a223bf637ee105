// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"

namespace sovren::api {

/// What a token may be used for. read: look; submit: also hand in jobs and act on one's own;
/// operate: also act on all jobs and nodes; node: be an agent.
enum class Scope { read, submit, operate, node };

std::string_view name(Scope scope);
/// "read,submit". Errors: usage, naming the word.
Result<std::set<Scope>> parse_scopes(std::string_view text);

struct TokenOwner {
  std::string name;  ///< of the token: "laptop"
  std::string user;  ///< whose jobs are its own
  std::set<Scope> scopes;
};

/// The bearer tokens that are accepted: a file of lines "name user scopes sha256 expiry", where
/// expiry is a UTC time or "never". The tokens themselves are stored nowhere.
///
/// Model    The file is read again whenever it has changed: a token whose line is gone is refused
///          from then on. A file that is not there holds no token.
/// Errors   refused: no such token, expired, or a file that others may read; spec_invalid: a line
///          that cannot be understood (then no token is accepted).
/// Threads  one.
class TokenFile {
 public:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}

  Result<TokenOwner> find(std::string_view token, Instant now);

  /// Makes a token of 256 random bits and adds its line, durably. The text is told this once.
  /// Errors: usage (a name or user with blanks, a name that is taken), storage_io.
  static Result<std::string> create(const std::string& path, const TokenOwner& owner,
                                    std::optional<Instant> expires);

  struct Entry {
    TokenOwner owner;
    std::optional<Instant> expires;
  };
  /// All that stand in the file, in its order.
  static Result<std::vector<Entry>> list(const std::string& path);
  /// Makes the token's line a comment, durably. Errors: not_found.
  static Result<void> revoke(const std::string& path, const std::string& name);

 private:
  struct Line {
    TokenOwner owner;
    std::string sha256;
    std::optional<Instant> expires;
    std::int64_t offset = 0;  ///< in the file
  };
  struct Version {
    std::int64_t modified_ns = 0;
    std::int64_t size_bytes = 0;
    std::uint64_t inode = 0;
    bool operator==(const Version&) const = default;
  };
  Result<void> refresh();
  static Result<Line> parse_line(std::string_view text);

  std::string path_;
  std::optional<Version> version_;
  std::vector<Line> lines_;
};

}  // namespace sovren::api
