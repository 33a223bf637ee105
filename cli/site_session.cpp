// SPDX-License-Identifier: Apache-2.0
#include "cli/site_session.h"

#include <algorithm>

#include "cli/site_submission.h"
#include "cli/terminal.h"

namespace sovren::cli {

SiteSession::SiteSession(slurm::Ledger ledger, slurm::SiteCommand command)
    : ledger_(std::move(ledger)),
      command_(std::move(command)),
      follower_(ledger_, command_, clock_) {}

Result<std::unique_ptr<SiteSession>> SiteSession::open(double patience_s) {
  SOVREN_TRY(path, ledger_path());
  SOVREN_TRY(ledger, slurm::Ledger::open(path));
  return std::unique_ptr<SiteSession>(
      new SiteSession(std::move(ledger), slurm::site_command(patience_s)));
}

Result<slurm::FollowerTick> SiteSession::look() {
  SOVREN_TRY(tick, follower_.tick());
  for (const std::string& line : tick.news) print_warning(line);
  return tick;
}

std::vector<slurm::SiteUnit> SiteSession::open_units() const {
  auto all = units();
  std::erase_if(all, [](const slurm::SiteUnit& unit) { return slurm::has_ended(unit); });
  return all;
}

Result<std::vector<slurm::SiteUnit>> SiteSession::units_of(
    const std::vector<std::string>& words) const {
  auto all = units();
  for (const std::string& word : words)
    if (std::ranges::none_of(all, [&](const auto& unit) { return slurm::is_meant(unit, word); }))
      return fail(
          {.code = Code::not_found,
           .what = "no job '" + word + "' was handed to the site from here",
           .hint = "sovren slurm status --all lists those that were; squeue all of the site"});
  std::erase_if(all, [&](const slurm::SiteUnit& unit) {
    return std::ranges::none_of(
        words, [&](const std::string& word) { return slurm::is_meant(unit, word); });
  });
  return all;
}

}  // namespace sovren::cli
