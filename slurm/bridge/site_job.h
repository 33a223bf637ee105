// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/units.h"

// What is remembered of the jobs that were handed to a Slurm site.

namespace sovren::slurm {

/// Number of a task that is no element of an array.
inline constexpr std::int64_t no_task = -1;

/// The end of a task that neither the site nor its job directory can tell anything of.
inline constexpr std::string_view vanished = "VANISHED";

/// State of a task that the site does not list, though nobody knows its end yet.
inline constexpr std::string_view not_listed = "NOT_LISTED";

/// How a task was last seen at the site.
struct SiteSight {
  std::string state;   ///< the site's own text: "RUNNING"; empty: not seen yet
  int restarts = 0;    ///< how often the site has requeued it
  std::string reason;  ///< why it waits, as the site says it: "Priority"
  std::string nodes;   ///< "n[1-2]"
  Instant at;
  bool operator==(const SiteSight&) const = default;
};

/// How a task ended.
struct SiteEnd {
  std::string state;  ///< name of a JobState, or vanished
  int exit_code = 0;  ///< of its script; 128 + signal
  std::string why;
  Instant at;
  bool operator==(const SiteEnd&) const = default;
};

/// A job at the site, or one element of its array.
struct SiteTask {
  SiteSight seen;
  std::optional<SiteEnd> end;
  bool operator==(const SiteTask&) const = default;
};

/// What was handed to the site, or is just being handed to it.
struct SiteJob {
  std::string site_job;  ///< the site's id, "1234"; empty: it has not said yet
  std::string nonce;     ///< stands in the site job's comment: how it is found when the answer of
                         ///< sbatch got lost; a continuation has that of the job it goes on with
  std::string name;
  std::string dir;       ///< job directory, absolute; of element i: dir/i
  std::string job_file;  ///< absolute
  std::string user;
  std::int64_t array_tasks = 0;  ///< elements 0 .. n - 1; 0: no array
  Instant asked_at;
  Instant submitted_at;
  std::string continues;     ///< site job, or element "12_3", that this goes on with; empty: none
  std::string continued_by;  ///< the one that goes on with this
  /// Goes on with this element of an array alone: it is an array of that one element at the site,
  /// and a job without elements here.
  std::int64_t element = no_task;
  std::map<std::int64_t, SiteTask> tasks;  ///< those seen or ended, by number
  bool operator==(const SiteJob&) const = default;
};

/// Everything the ledger says.
struct SiteJobs {
  std::map<std::string, SiteJob> asked;  ///< by nonce: the site has not answered yet
  std::map<std::string, SiteJob> jobs;   ///< by the site's id
  bool operator==(const SiteJobs&) const = default;
};

// What is written down, a line each.

/// Before sbatch is called.
struct SiteAsked {
  std::string nonce, name, dir, job_file, user;
  std::int64_t array_tasks = 0;
};
/// The site took it.
struct SiteSubmitted {
  std::string nonce, site_job;
  std::string continues = "";
  std::int64_t element = no_task;
};
/// The site refused it, or was never asked.
struct SiteWithdrawn {
  std::string nonce, why;
};
struct SiteSeen {
  std::string site_job;
  std::int64_t task = no_task;
  SiteSight sight;
};
struct SiteEnded {
  std::string site_job;
  std::int64_t task = no_task;
  SiteEnd end;
};
/// A job, or an element of an array, has handed in what goes on with it.
struct SiteContinued {
  std::string from, to;
  std::int64_t task = no_task;  ///< element of from
};
struct SiteRecord {
  Instant at;
  std::variant<SiteAsked, SiteSubmitted, SiteWithdrawn, SiteSeen, SiteEnded, SiteContinued> body;
};

/// The fold: what the records say together. One about a job that is not known changes nothing; one
/// that stands twice counts once. A task that is seen after its end has not ended (it was
/// requeued).
void apply(SiteJobs& jobs, const SiteRecord& record);

/// The fewest records that lead to these jobs.
std::vector<SiteRecord> records_of(const SiteJobs& jobs);
std::vector<SiteRecord> records_of(const SiteJob& job);

/// Have not all its tasks ended?
bool is_open(const SiteJob& job);

/// A job whose directory this is and that has not ended, asked ones too; null: none.
const SiteJob* open_in(const SiteJobs& jobs, std::string_view dir);

/// What the comment of a site job begins with: "sovren:<nonce>". A user's own comment follows after
/// a space.
std::string comment_of(std::string_view nonce);
/// The nonce in a comment; empty: the job is none of ours.
std::string nonce_in(std::string_view comment);

/// "1234", "1234_5".
std::string task_id(std::string_view site_job, std::int64_t task);
/// As the site shows this task.
std::string task_id(const SiteJob& job, std::int64_t task);
/// Directory of a task.
std::string dir_of(const SiteJob& job, std::int64_t task);

}  // namespace sovren::slurm
