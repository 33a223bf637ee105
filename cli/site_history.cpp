// SPDX-License-Identifier: Apache-2.0
#include "cli/site_history.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "cli/site_session.h"
#include "cli/site_view.h"

namespace sovren::cli {
namespace {

using slurm::SiteUnit;
using text::Json;

constexpr double patience_s = 10;  // history is of the past: a busy site is not waited for

Instant end_of(const SiteUnit& unit) {
  return slurm::task_of(unit).end->at;
}

// Of RFC 3339, which sorts as text.
std::string end_of(const Json& record) {
  return text_of(record, "ended_at");
}

}  // namespace

Result<std::optional<Json>> site_history(const SiteHistoryQuery& query) {
  SOVREN_TRY(site, SiteSession::open(patience_s));
  const slurm::SiteJobs& jobs = site->ledger().jobs();
  if (jobs.jobs.empty() && jobs.asked.empty()) return std::optional<Json>();
  if (!site->open_units().empty()) SOVREN_DO(site->look());
  auto units = site->units();
  std::erase_if(units, [&](const SiteUnit& unit) {
    return !slurm::has_ended(unit) || (query.since && end_of(unit) < *query.since) ||
           (query.until && end_of(unit) >= *query.until) ||
           (!query.user.empty() && unit.root->user != query.user);
  });
  std::ranges::stable_sort(units, std::greater(),
                           [](const SiteUnit& unit) { return end_of(unit); });
  if (query.limit > 0 && std::ssize(units) > query.limit)
    units.resize(static_cast<std::size_t>(query.limit));
  Json records = Json::array();
  for (const SiteUnit& unit : units) records.push_back(site_record(unit));
  return std::optional(std::move(records));
}

Json merged_history(Json local, Json site, std::int64_t limit) {
  Json all = Json::array();
  std::merge(local.begin(), local.end(), site.begin(), site.end(), std::back_inserter(all),
             [](const Json& a, const Json& b) { return end_of(a) > end_of(b); });
  if (limit > 0 && std::ssize(all) > limit) all.erase(all.begin() + limit, all.end());
  return all;
}

}  // namespace sovren::cli
