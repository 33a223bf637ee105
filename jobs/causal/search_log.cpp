// SPDX-License-Identifier: Apache-2.0
// Arrays of a checkpoint set of causal-analysis (docs/formats.md): the numbers of all units one
// behind another, with offsets.
#include "jobs/causal/search_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "jobs/causal/schedule.h"

namespace sovren::jobs {

namespace {

constexpr std::int64_t counts_fields = 4;  // tests, by_qr, determined, too_few_samples

Error unfit(const std::string& what) {
  return {.code = Code::storage_corrupt,
          .what = "the state of the causal analysis does not fit: " + what};
}

/// This rank's share of an array that all ranks hold.
template <class T>
Result<void> put_share(StateWriter& writer, const std::string& name, const std::vector<T>& all,
                       int rank, int ranks) {
  if (all.empty()) return {};
  const Rows mine = rows_of_rank(std::ssize(all), rank, ranks);
  if (mine.count == 0) return {};
  return writer.put<T>(name, {std::ssize(all)}, mine,
                       std::span(all).subspan(static_cast<std::size_t>(mine.first),
                                              static_cast<std::size_t>(mine.count)));
}

/// Every unit's numbers lie between its two offsets.
bool are_offsets(const std::vector<std::int64_t>& offsets, std::size_t units, std::size_t size) {
  return offsets.size() == units + 1 && offsets.front() == 0 &&
         offsets.back() == static_cast<std::int64_t>(size) && std::ranges::is_sorted(offsets);
}

template <class T>
Result<std::vector<T>> get_numbers(StateReader& reader, const std::string& name,
                                   const std::vector<std::int64_t>& offsets) {
  if (offsets.empty() || offsets.back() == 0) return std::vector<T>{};
  return reader.get_rows<T>(name, Rows{0, offsets.back()});
}

template <class T>
std::vector<T> part(const std::vector<T>& all, const std::vector<std::int64_t>& offsets,
                    std::size_t unit) {
  return {all.begin() + offsets[unit], all.begin() + offsets[unit + 1]};
}

}  // namespace

void SearchLog::add(kernels::UnitResult result) {
  counts_ += result.counts;
  results.push_back(std::move(result));
}

Result<void> SearchLog::put(StateWriter& writer, int rank, int ranks) const {
  std::vector<std::int64_t> whole, whole_offsets{0}, real_offsets{0}, counts;
  std::vector<double> real;
  for (const kernels::UnitResult& result : results) {
    whole.insert(whole.end(), result.whole.begin(), result.whole.end());
    real.insert(real.end(), result.real.begin(), result.real.end());
    whole_offsets.push_back(std::ssize(whole));
    real_offsets.push_back(std::ssize(real));
    counts.insert(counts.end(), {result.counts.tests, result.counts.by_qr, result.counts.determined,
                                 result.counts.too_few_samples});
  }
  if (rank == 0) {
    const std::int64_t header[] = {steps, std::ssize(results)};
    SOVREN_DO(writer.put_all<std::int64_t>("search/progress", header));
    SOVREN_DO(writer.put_all<std::int64_t>("search/whole_offset", whole_offsets));
    SOVREN_DO(writer.put_all<std::int64_t>("search/real_offset", real_offsets));
  }
  SOVREN_DO(put_share(writer, "search/counts", counts, rank, ranks));
  SOVREN_DO(put_share(writer, "search/whole", whole, rank, ranks));
  return put_share(writer, "search/real", real, rank, ranks);
}

Result<SearchLog> SearchLog::get(StateReader& reader) {
  SOVREN_TRY(header, reader.get_rows<std::int64_t>("search/progress", Rows{0, 2}));
  if (header[0] < 0 || header[1] < 0) return fail(unfit("search/progress"));
  const auto units = static_cast<std::size_t>(header[1]);
  const Rows bounds{0, header[1] + 1};
  SOVREN_TRY(whole_offsets, reader.get_rows<std::int64_t>("search/whole_offset", bounds));
  SOVREN_TRY(real_offsets, reader.get_rows<std::int64_t>("search/real_offset", bounds));
  SOVREN_TRY(whole, get_numbers<std::int64_t>(reader, "search/whole", whole_offsets));
  SOVREN_TRY(real, get_numbers<double>(reader, "search/real", real_offsets));
  if (!are_offsets(whole_offsets, units, whole.size()) ||
      !are_offsets(real_offsets, units, real.size()))
    return fail(unfit("search/whole_offset, search/real_offset"));
  std::vector<std::int64_t> counts;
  if (units > 0) {
    SOVREN_TRY(read,
               reader.get_rows<std::int64_t>("search/counts", Rows{0, header[1] * counts_fields}));
    counts = std::move(read);
  }
  SearchLog log;
  log.steps = header[0];
  for (std::size_t unit = 0; unit < units; ++unit) {
    kernels::UnitResult result;
    result.whole = part(whole, whole_offsets, unit);
    result.real = part(real, real_offsets, unit);
    const std::size_t at = unit * static_cast<std::size_t>(counts_fields);
    result.counts.tests = counts[at];
    result.counts.by_qr = counts[at + 1];
    result.counts.determined = counts[at + 2];
    result.counts.too_few_samples = counts[at + 3];
    log.add(std::move(result));
  }
  return log;
}

}  // namespace sovren::jobs
