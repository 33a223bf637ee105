// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/tokens.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "core/text/digest.h"
#include "scheduler/api/descriptor.h"

namespace sovren::api {
namespace {

constexpr std::array all_scopes = {Scope::read, Scope::submit, Scope::operate, Scope::node};
constexpr std::string_view prefix = "sovren_";  // found by scanners for leaked secrets
constexpr std::string_view never = "never";
constexpr std::size_t sha256_digits = 64;

Error line_error(std::string what) {
  return {.code = Code::spec_invalid,
          .what = std::move(what),
          .hint = "a line is: name user scopes sha256 expiry; sovren token create writes one"};
}

bool is_word(std::string_view text) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";
  return !text.empty() && text.size() <= 128 &&
         text.find_first_not_of(allowed) == std::string_view::npos;
}

Result<void> check_word(std::string_view what, std::string_view word) {
  if (is_word(word)) return {};
  return fail({.code = Code::usage,
               .what = "the " + std::string(what) + " '" + std::string(word) +
                       "' is not of 1 to 128 letters, digits, '.', '_', '@' and '-'"});
}

std::string to_text(const std::set<Scope>& scopes) {
  std::string text;
  for (const Scope scope : scopes) text.append(text.empty() ? "" : ",").append(name(scope));
  return text;
}

Error file_error(const char* activity, const std::string& path) {
  return {.code = Code::storage_io,
          .what = std::string(activity) + ": " + std::strerror(errno),
          .hint = "",
          .where = path};
}

Result<void> append_line(const std::string& path, int fd, const std::string& line) {
  const ssize_t written = ::write(fd, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size()))
    return fail(file_error("cannot write the token", path));
  if (::fsync(fd) != 0) return fail(file_error("cannot make the token durable", path));
  return {};
}

Result<std::string> random_token() {
  std::array<unsigned char, 32> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail({.code = Code::device, .what = "the system gives no random numbers"});
  std::string token(prefix);
  for (const unsigned char byte : bytes) {
    token += "0123456789abcdef"[byte >> 4];
    token += "0123456789abcdef"[byte & 15];
  }
  return token;
}

}  // namespace

std::string_view name(Scope scope) {
  switch (scope) {
    case Scope::read:
      return "read";
    case Scope::submit:
      return "submit";
    case Scope::operate:
      return "operate";
    case Scope::node:
      return "node";
  }
  return "";
}

Result<std::set<Scope>> parse_scopes(std::string_view text) {
  std::set<Scope> scopes;
  std::istringstream words{std::string(text)};
  for (std::string word; std::getline(words, word, ',');) {
    const auto before = scopes.size();
    for (const Scope scope : all_scopes)
      if (name(scope) == word) scopes.insert(scope);
    if (scopes.size() == before)
      return fail({.code = Code::usage,
                   .what = "'" + word + "' is no scope, or stands twice",
                   .hint = "scopes are read, submit, operate, node"});
  }
  if (text.empty() || text.back() == ',')
    return fail({.code = Code::usage,
                 .what = "a scope is missing",
                 .hint = "scopes are read, submit, operate, node"});
  return scopes;
}

Result<TokenFile::Line> TokenFile::parse_line(std::string_view text) {
  std::istringstream words{std::string(text)};
  Line line;
  std::string scopes, expiry, rest;
  words >> line.owner.name >> line.owner.user >> scopes >> line.sha256 >> expiry;
  if (!words || words >> rest) return fail(line_error("a token's line has not five words"));
  if (!is_word(line.owner.name) || !is_word(line.owner.user))
    return fail(line_error("a token's name and user are of letters, digits, '.', '_', '@', '-'"));
  SOVREN_TRY(parsed, parse_scopes(scopes));
  line.owner.scopes = std::move(parsed);
  if (line.sha256.size() != sha256_digits ||
      line.sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
    return fail(line_error("a token's sha256 has not 64 lower-case hex digits"));
  if (expiry == never) return line;
  SOVREN_TRY(expires, parse_utc(expiry));
  line.expires = expires;
  return line;
}

Result<void> TokenFile::refresh() {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    lines_.clear();
    version_.reset();
    return {};
  }
  const Version version{status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
                        status.st_size, status.st_ino};
  if (version_ == version) return {};
  lines_.clear();
  version_.reset();
  if ((status.st_mode & 077) != 0)
    return fail({.code = Code::refused,
                 .what = "others may read or write the token file",
                 .hint = "chmod 600",
                 .where = path_});
  std::ifstream file(path_);
  std::vector<Line> lines;
  int number = 0;
  std::int64_t offset = 0;
  std::int64_t next_offset = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    offset = std::exchange(next_offset, next_offset + std::ssize(text) + 1);
    if (text.empty() || text.front() == '#') continue;
    auto line = parse_line(text);
    if (!line) {
      line.error().where = path_ + ":" + std::to_string(number);
      return fail(std::move(line).error());
    }
    line->offset = offset;
    lines.push_back(*std::move(line));
  }
  lines_ = std::move(lines);
  version_ = version;
  return {};
}

Result<TokenOwner> TokenFile::find(std::string_view token, Instant now) {
  SOVREN_DO(refresh());
  const std::string sha256 = text::sha256_hex(token);
  const Line* found = nullptr;
  for (const Line& line : lines_)
    if (::CRYPTO_memcmp(line.sha256.data(), sha256.data(), sha256_digits) == 0) found = &line;
  if (!found)
    return fail({.code = Code::refused,
                 .what = "this bearer token is not known",
                 .hint = "sovren token create makes one, on the scheduler's machine"});
  if (found->expires && now >= *found->expires)
    return fail(
        {.code = Code::refused,
         .what = "the token '" + found->owner.name + "' expired at " + format_utc(*found->expires),
         .hint = "sovren token create makes a new one, on the scheduler's machine"});
  return found->owner;
}

Result<std::vector<TokenFile::Entry>> TokenFile::list(const std::string& path) {
  TokenFile file(path);
  SOVREN_DO(file.refresh());
  std::vector<Entry> entries;
  for (const Line& line : file.lines_) entries.push_back({line.owner, line.expires});
  return entries;
}

Result<void> TokenFile::revoke(const std::string& path, const std::string& name) {
  const Error unknown{.code = Code::not_found,
                      .what = "there is no token '" + name + "'",
                      .hint = "sovren token list",
                      .where = path};
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) return fail(unknown);
  if (file.get() < 0) return fail(file_error("cannot open the token file", path));
  if (::flock(file.get(), LOCK_EX) != 0)
    return fail(file_error("cannot lock the token file", path));
  TokenFile existing(path);
  SOVREN_DO(existing.refresh());
  for (const Line& line : existing.lines_) {
    if (line.owner.name != name) continue;
    // One byte: the line is there, or it is a comment. One more at the end: whoever looks at the
    // file's size and time sees that it has changed, also within one tick of the clock.
    struct stat status {};
    if (::pwrite(file.get(), "#", 1, line.offset) != 1 || ::fstat(file.get(), &status) != 0 ||
        ::pwrite(file.get(), "\n", 1, status.st_size) != 1 || ::fsync(file.get()) != 0)
      return fail(file_error("cannot take the token back", path));
    return {};
  }
  return fail(unknown);
}

Result<std::string> TokenFile::create(const std::string& path, const TokenOwner& owner,
                                      std::optional<Instant> expires) {
  SOVREN_DO(check_word("name", owner.name));
  SOVREN_DO(check_word("user", owner.user));
  if (owner.scopes.empty()) SOVREN_DO(parse_scopes(""));
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (file.get() < 0) return fail(file_error("cannot open the token file", path));
  if (::flock(file.get(), LOCK_EX) != 0)
    return fail(file_error("cannot lock the token file", path));
  TokenFile existing(path);
  SOVREN_DO(existing.refresh());
  for (const Line& line : existing.lines_)
    if (line.owner.name == owner.name)
      return fail({.code = Code::usage,
                   .what = "there is a token named '" + owner.name + "' already",
                   .hint = "choose another name, or take it back: sovren token revoke",
                   .where = path});
  SOVREN_TRY(token, random_token());
  const std::string line = owner.name + " " + owner.user + " " + to_text(owner.scopes) + " " +
                           text::sha256_hex(token) + " " +
                           (expires ? format_utc(*expires) : std::string(never)) + "\n";
  SOVREN_DO(append_line(path, file.get(), line));
  return token;
}

}  // namespace sovren::api
