// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/ledger.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/text/hex.h"
#include "slurm/bridge/descriptor.h"

namespace sovren::slurm {
namespace {

constexpr std::size_t head_bytes = 64;

Error failure(const std::string& path, const std::string& what) {
  const int error = errno;
  return {.code = Code::storage_io,
          .what = what + ": " + std::strerror(error),
          .hint = error == ENOSPC || error == EDQUOT ? "the disk is full" : "",
          .where = path};
}

Result<void> open_file(Descriptor& file, const std::string& path, int flags) {
  file.reset(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (file.get() < 0) return fail(failure(path, "cannot be opened"));
  return {};
}

Result<std::int64_t> size_of(const Descriptor& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail(failure(path, "cannot be examined"));
  return status.st_size;
}

Result<std::string> read_from(const Descriptor& file, const std::string& path, std::int64_t offset,
                              std::int64_t size) {
  std::string text(static_cast<std::size_t>(std::max<std::int64_t>(size, 0)), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::pread(file.get(), text.data() + done, text.size() - done,
                              static_cast<off_t>(offset + static_cast<std::int64_t>(done)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(failure(path, "cannot be read"));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  text.resize(done);
  return text;
}

Result<void> write_durably(const Descriptor& file, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(failure(path, "cannot be written"));
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(file.get()) != 0) return fail(failure(path, "cannot be made durable"));
  return {};
}

Result<void> sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  Descriptor file;
  SOVREN_DO(open_file(file, folder, O_RDONLY | O_DIRECTORY));
  if (::fsync(file.get()) != 0) return fail(failure(folder, "cannot be made durable"));
  return {};
}

// Other processes of ours wait for it: a moment.
Result<void> lock(Descriptor& file, const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail({.code = Code::storage_io,
                 .what = "the folder cannot be made: " + error.message(),
                 .where = folder.string()});
  SOVREN_DO(open_file(file, path + ".lock", O_RDWR | O_CREAT));
  while (::flock(file.get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail(failure(path + ".lock", "cannot be locked"));
  return {};
}

// Differs between any two files, so that a reader sees that one was replaced.
std::string first_line() {
  return R"({"ledger":1,"id":")" + make_nonce() + "\"}\n";
}

}  // namespace

std::string make_nonce() {
  std::array<std::byte, 8> bytes{};
  while (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) continue;
  return text::hex_of(bytes);
}

Result<Ledger> Ledger::open(std::string path) {
  std::error_code error;
  Ledger ledger(std::filesystem::absolute(path, error).string());
  SOVREN_DO(ledger.refresh());
  return ledger;
}

void Ledger::forget() {
  jobs_ = {};
  head_.clear();
  read_bytes_ = 0;
  has_newer_ = false;
}

void Ledger::take_lines(std::string_view text) {
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos;) {
    const auto record = record_from_line(text.substr(0, end));
    if (record)
      apply(jobs_, *record);
    else if (record.error().code == Code::mismatch)
      has_newer_ = true;
    read_bytes_ += static_cast<std::int64_t>(end + 1);
    text.remove_prefix(end + 1);
  }
}

Result<void> Ledger::refresh() {
  Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) {
    forget();
    return {};
  }
  if (file.get() < 0) return fail(failure(path_, "cannot be opened"));
  SOVREN_TRY(head, read_from(file, path_, 0, static_cast<std::int64_t>(head_bytes)));
  if (!head.starts_with(head_)) forget();
  SOVREN_TRY(size, size_of(file, path_));
  if (size < read_bytes_) forget();
  SOVREN_TRY(text, read_from(file, path_, read_bytes_, size - read_bytes_));
  take_lines(text);
  head_ = head.substr(
      0, static_cast<std::size_t>(std::min<std::int64_t>(read_bytes_, std::ssize(head))));
  return {};
}

Result<void> Ledger::append(std::span<const SiteRecord> records) {
  if (records.empty()) return {};
  Descriptor locked;
  SOVREN_DO(lock(locked, path_));
  SOVREN_DO(refresh());
  return append_locked(records);
}

Result<void> Ledger::ask(const SiteAsked& asked, Instant at) {
  Descriptor locked;
  SOVREN_DO(lock(locked, path_));
  SOVREN_DO(refresh());
  if (const SiteJob* other = open_in(jobs_, asked.dir))
    return fail({.code = Code::refused,
                 .what = (other->site_job.empty() ? "a submission that the site has not answered"
                                                  : "site job " + other->site_job) +
                         " has the folder " + asked.dir + ", and has not ended",
                 .hint = "another folder: --dir DIR; how it is: sovren slurm status"});
  const SiteRecord record{at, asked};
  return append_locked({&record, 1});
}

Result<void> Ledger::append_locked(std::span<const SiteRecord> records) {
  Descriptor file;
  SOVREN_DO(open_file(file, path_, O_RDWR | O_APPEND | O_CREAT));
  SOVREN_TRY(size, size_of(file, path_));
  std::string text;
  if (size == 0) text = first_line();
  if (size > read_bytes_) text = "\n";  // ends a torn line
  for (const SiteRecord& record : records) text += record_to_line(record) + "\n";
  if (auto written = write_durably(file, path_, text); !written) {
    // What came of it must not look like a record; if this fails too, it is a torn line.
    if (::ftruncate(file.get(), size) != 0) written.error().context.push_back("truncating it");
    return written;
  }
  if (size == 0) SOVREN_DO(sync_folder_of(path_));
  SOVREN_TRY(torn, read_from(file, path_, read_bytes_, size - read_bytes_));
  take_lines(torn + text);
  if (size == 0) head_ = text.substr(0, std::min(head_bytes, text.size()));
  return compact_locked();
}

Result<void> Ledger::compact_locked() {
  if (read_bytes_ < compact_bytes_ || has_newer_) return {};
  std::string text = first_line();
  for (const SiteRecord& record : records_of(jobs_)) text += record_to_line(record) + "\n";
  compact_bytes_ = std::max(compact_bytes_min, 2 * std::ssize(text));
  if (2 * std::ssize(text) > read_bytes_) return {};
  const std::string fresh = path_ + ".tmp";
  Descriptor file;
  SOVREN_DO(open_file(file, fresh, O_WRONLY | O_CREAT | O_TRUNC));
  SOVREN_DO(write_durably(file, fresh, text));
  if (::rename(fresh.c_str(), path_.c_str()) != 0)
    return fail(failure(path_, "cannot be replaced"));
  head_ = text.substr(0, head_bytes);
  read_bytes_ = std::ssize(text);
  return sync_folder_of(path_);
}

}  // namespace sovren::slurm
