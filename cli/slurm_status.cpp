// SPDX-License-Identifier: Apache-2.0
// sovren slurm status: how the jobs of a site are, now or again and again.
#include "cli/full_screen.h"
#include "cli/site_session.h"
#include "cli/site_view.h"
#include "cli/slurm.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

using text::Json;

constexpr std::size_t all_rows = 100'000'000;

Result<std::vector<slurm::SiteUnit>> wanted(const SiteSession& site, const Arguments& arguments) {
  const std::vector<std::string> words(arguments.operands.begin() + 1, arguments.operands.end());
  if (!words.empty()) return site.units_of(words);
  return arguments.has("all") ? site.units() : site.open_units();
}

Arrays arrays_of(const Arguments& arguments) {
  return arguments.has("expand") || arguments.operands.size() > 1 ? Arrays::expanded
                                                                  : Arrays::folded;
}

Result<int> print_document(const SiteSession& site, const std::vector<slurm::SiteUnit>& units) {
  const WaitReasons reasons(site.follower().rows());
  const std::string& trouble = site.follower().trouble();
  Json jobs = Json::array();
  for (const slurm::SiteUnit& unit : units) jobs.push_back(site_job_view(unit, reasons));
  return print_text(text::dump_json({{"schema", "sovren.site_jobs/1"},
                                     {"answered", trouble.empty()},
                                     {"trouble", trouble.empty() ? Json() : Json(trouble)},
                                     {"jobs", std::move(jobs)}},
                                    2) +
                    "\n");
}

Result<int> watch(SiteSession& site, const Arguments& arguments) {
  FullScreen screen;
  for (;;) {
    SOVREN_TRY(tick, site.look());
    SOVREN_TRY(units, wanted(site, arguments));
    const auto height = static_cast<std::size_t>(terminal_height(STDOUT_FILENO));
    const std::string& trouble = site.follower().trouble();
    std::string text = std::to_string(units.size()) +
                       (units.size() == 1 ? " job at the site" : " jobs at the site") +
                       (trouble.empty() ? "" : "; as last seen: " + printable(trouble)) + "\n";
    text += format_table(
        site_job_rows(units, WaitReasons(site.follower().rows()), arrays_of(arguments), height));
    SOVREN_DO(screen.show(text));
    if (screen.pause(tick.next_s)) return exit_done;
  }
}

}  // namespace

Result<int> show_site_jobs(const Arguments& arguments) {
  SOVREN_DO(arguments.only("slurm status", {"all", "expand", "watch", "json"}));
  SOVREN_TRY(site, SiteSession::open());
  if (arguments.has("watch") && !arguments.has("json") && FullScreen::is_possible())
    return watch(*site, arguments);
  SOVREN_TRY(tick, site->look());
  SOVREN_TRY(units, wanted(*site, arguments));
  if (arguments.has("json")) {
    SOVREN_DO(print_document(*site, units));
  } else {
    SOVREN_DO(print_rows(site_job_rows(units, WaitReasons(site->follower().rows()),
                                       arrays_of(arguments), all_rows)));
  }
  // What was printed is as it was last seen.
  return tick.is_answered ? exit_done : cli_exit_code(Code::unreachable);
}

}  // namespace sovren::cli
