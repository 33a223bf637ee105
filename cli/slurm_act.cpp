// SPDX-License-Identifier: Apache-2.0
// sovren slurm wait, cancel: until jobs of a site have ended, and ending them.
#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "cli/site_session.h"
#include "cli/site_view.h"
#include "cli/slurm.h"
#include "cli/terminal.h"
#include "core/model/state.h"

namespace sovren::cli {
namespace {

using slurm::SiteUnit;
using text::Json;

// Between two looks: a tenth of what has been waited, so that short jobs are not waited for long,
// and a site is not asked often.
constexpr double pause_min_s = 1;
constexpr double pause_max_s = 10;
constexpr std::size_t cancels_max = 5'000;  // words of one scancel

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

Result<double> timeout_of(const Arguments& arguments) {
  if (!arguments.has("timeout")) return 1e9;
  auto seconds = parse_duration_s(arguments.text("timeout"));
  if (!seconds) seconds.error().code = Code::usage;
  return seconds;
}

std::vector<std::string> named(const Arguments& arguments) {
  return {arguments.operands.begin() + 1, arguments.operands.end()};
}

Result<void> need_jobs(const Arguments& arguments, const std::string& use) {
  if (arguments.operands.size() > 1) return {};
  return fail({.code = Code::usage,
               .what = "sovren slurm " + use + " takes the site's ids of jobs",
               .hint = "sovren slurm status lists them"});
}

Error too_late(const SiteUnit& unit, double timeout_s) {
  return {.code = Code::timed_out,
          .what = "site job " + slurm::site_id(unit.newest()) + " is " + slurm::state_of(unit) +
                  " after " + format_duration(timeout_s)};
}

// The units once all have ended.
Result<std::vector<SiteUnit>> ends_of(SiteSession& site, const std::vector<std::string>& words,
                                      double timeout_s) {
  const auto start = Steady::now();
  for (;;) {
    SOVREN_TRY(tick, site.look());
    SOVREN_TRY(units, site.units_of(words));
    const auto open = std::ranges::find_if_not(units, slurm::has_ended);
    if (open == units.end()) return units;
    const double waited_s = seconds_since(start);
    if (waited_s >= timeout_s) return fail(too_late(*open, timeout_s));
    const double pause_s =
        tick.is_answered ? std::clamp(waited_s / 10, pause_min_s, pause_max_s) : tick.next_s;
    std::this_thread::sleep_for(
        std::chrono::duration<double>(std::min(pause_s, timeout_s - waited_s)));
  }
}

}  // namespace

Result<int> wait_for_site_jobs(const Arguments& arguments) {
  SOVREN_DO(arguments.only("slurm wait", {"timeout", "json"}));
  SOVREN_DO(need_jobs(arguments, "wait"));
  SOVREN_TRY(timeout_s, timeout_of(arguments));
  SOVREN_TRY(site, SiteSession::open());
  SOVREN_TRY(units, ends_of(*site, named(arguments), timeout_s));
  int code = exit_done;
  const WaitReasons reasons(site->follower().rows());
  Json jobs = Json::array();
  for (const SiteUnit& unit : units) {
    if (sovren::state_of(slurm::state_of(unit)) != JobState::completed) {
      code = exit_job_failed;
      const std::string& why = slurm::task_of(unit).end->why;
      print_warning("site job " + slurm::site_id(unit.newest()) + " is " + slurm::state_of(unit) +
                    (why.empty() ? "" : ": " + printable(why)));
    }
    jobs.push_back(site_job_view(unit, reasons));
  }
  if (arguments.has("json"))
    SOVREN_DO(print_text(text::dump_json({{"schema", "sovren.site_jobs/1"},
                                          {"answered", true},
                                          {"trouble", nullptr},
                                          {"jobs", std::move(jobs)}},
                                         2) +
                         "\n"));
  return code;
}

Result<int> cancel_site_jobs(const Arguments& arguments) {
  SOVREN_DO(arguments.only("slurm cancel", {}));
  SOVREN_DO(need_jobs(arguments, "cancel"));
  SOVREN_TRY(site, SiteSession::open());
  SOVREN_DO(site->look());  // a job may have been continued under another id
  SOVREN_TRY(units, site->units_of(named(arguments)));
  const std::vector<std::string> words = named(arguments);
  std::vector<std::string> ids;
  for (const SiteUnit& unit : units) {
    const std::string id = slurm::site_id(unit.newest());
    if (slurm::has_ended(unit) || id.empty()) continue;
    // An array that was named as a whole is one word.
    const std::string& whole = unit.newest().job->site_job;
    const bool is_whole =
        unit.newest().task != slurm::no_task && std::ranges::find(words, whole) != words.end();
    const std::string& word = is_whole ? whole : id;
    if (ids.empty() || ids.back() != word) ids.push_back(word);
  }
  if (ids.empty()) print_warning("nothing to cancel: they have all ended");
  for (std::size_t first = 0; first < ids.size(); first += cancels_max) {
    const std::size_t end = std::min(ids.size(), first + cancels_max);
    std::vector<std::string> argv{"scancel"};
    argv.insert(argv.end(), ids.begin() + static_cast<std::ptrdiff_t>(first),
                ids.begin() + static_cast<std::ptrdiff_t>(end));
    SOVREN_TRY(answer, site->command()(argv, ""));
    if (answer.exit_code != 0)
      return fail({.code = Code::refused,
                   .what = "the site has not cancelled all: " +
                           answer.errors.substr(0, answer.errors.find('\n')),
                   .hint = "sovren slurm status says how they are"});
  }
  return exit_done;
}

}  // namespace sovren::cli
