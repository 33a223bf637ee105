// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/port/clock.h"
#include "slurm/bridge/ledger.h"
#include "slurm/bridge/site_query.h"

namespace sovren::slurm {

struct FollowerSettings {
  double tick_s = 10;
  /// A large answer costs both sides: the pause is longer then, so that no more than this comes in
  /// on average. 10,000 jobs are 0.6 MB in chosen fields, 70 MB as --json.
  double bytes_per_s = 2e6;
  double backoff_max_s = 300;  ///< the pause doubles up to this while the site does not answer
  /// A task that the site no longer lists and nobody can tell the end of is looked for so long, and
  /// in two answers at least.
  double missing_patience_s = 30;
  /// A submission whose answer got lost is looked for so long: longer than sbatch is waited for.
  double asked_patience_s = 5 * site_patience_s;
};

/// What one tick did.
struct FollowerTick {
  bool is_answered = false;       ///< the site said how its jobs are, or there was nothing to ask
  std::size_t changes = 0;        ///< records written
  std::vector<std::string> news;  ///< for a log: trouble when it begins and when it is over
  double next_s = 0;              ///< when to tick again
};

/// Follows all jobs of a ledger at their site, whoever handed them in.
///
/// Model    One query a tick for all jobs, and one of sacct when some are no longer listed. What
///          changed goes into the ledger with one fsync. Only an answer that is whole counts: a job
///          that it does not list is looked for in accounting, then in its directory, for a while,
///          before it is written down as VANISHED; should it turn up again, it is followed again.
///          Times of the site are not compared with ours.
/// Errors   those of the ledger only; the site's are news.
/// Threads  one.
class Follower {
 public:
  Follower(Ledger& ledger, SiteCommand command, Clock& clock, FollowerSettings settings = {});

  Result<FollowerTick> tick();

  /// Rows of our jobs in the last answer.
  const std::vector<SiteRow>& rows() const { return rows_; }
  /// Why the site does not answer; empty: it does.
  const std::string& trouble() const { return trouble_; }

 private:
  enum class Source { queue, accounting };
  using Records = std::vector<SiteRecord>;

  bool has_work() const;
  void note_trouble(const Error& error, FollowerTick& tick);
  void note_answer(FollowerTick& tick);
  void find_lost_answers(Records& records);
  void find_continuations(Records& records);
  void take_rows(Records& records);
  void take_row(const SiteJob& job, std::int64_t task, const SiteRow& row, Source source,
                Records& records);
  Result<void> look_for_missing(Records& records);
  std::vector<std::pair<const SiteJob*, std::int64_t>> missing_tasks();
  void note_end(const SiteJob& job, std::int64_t task, SiteEnd end, Records& records);
  void give_up(const SiteJob& job, std::int64_t task, Records& records);

  Ledger& ledger_;
  SiteQuery query_;
  Clock& clock_;
  FollowerSettings settings_;
  std::vector<SiteRow> rows_;
  int failures_ = 0;  // of asking, in a row
  std::string trouble_;
};

}  // namespace sovren::slurm
