// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "slurm/bridge/site_job.h"

namespace sovren::slurm {

/// $SOVREN_HOME/slurm/jobs.jsonl: what was handed to a Slurm site and what became of it, so that no
/// restart of ours forgets a job (docs/formats.md, "Ledger of site jobs").
///
/// Model    Append-only lines of JSON, each durable before a call returns. Several processes append
///          to it, also from several nodes of a shared file system that has flock: each append
///          reads first what the others have written. A line that was torn by a crash says nothing.
///          A file that is mostly out of date is rewritten, and replaced in one step.
/// Errors   storage_io, naming the file.
/// Threads  one; other processes at will.
class Ledger {
 public:
  /// Reads what is there. Its folder is made by the first append.
  static Result<Ledger> open(std::string path);

  const SiteJobs& jobs() const { return jobs_; }
  const std::string& path() const { return path_; }

  /// Takes in what other processes have written. Reads only what is new.
  Result<void> refresh();

  /// Appends these with one fsync, and folds them.
  Result<void> append(std::span<const SiteRecord> records);
  Result<void> append(const SiteRecord& record) { return append({&record, 1}); }

  /// Appends SiteAsked. Errors: refused: a job that has not ended has this directory; names it.
  Result<void> ask(const SiteAsked& asked, Instant at);

 private:
  explicit Ledger(std::string path) : path_(std::move(path)) {}
  static constexpr std::int64_t compact_bytes_min = 1 << 20;

  void forget();
  void take_lines(std::string_view text);
  Result<void> append_locked(std::span<const SiteRecord> records);
  Result<void> compact_locked();

  std::string path_;
  SiteJobs jobs_;
  std::string head_;             // how the file begins that was read so far: a new one differs
  std::int64_t read_bytes_ = 0;  // of it: whole lines
  bool has_newer_ = false;       // records that this program does not know: not to be lost
  std::int64_t compact_bytes_ = compact_bytes_min;  // size from which a rewrite may be worth it
};

/// One line without its end. Times in milliseconds.
std::string record_to_line(const SiteRecord& record);
/// Errors: data_invalid: torn or damaged; mismatch: a record that only a newer Sovren knows.
Result<SiteRecord> record_from_line(std::string_view line);

/// A nonce that no other submission has: 16 hex digits.
std::string make_nonce();

}  // namespace sovren::slurm
