// SPDX-License-Identifier: Apache-2.0
// How much of what SQLite can do does the event log keep? Durable rows/s for batches of 1, 10 and
// 100 events, next to a bare SQLite loop that inserts the same bytes (WAL, synchronous = FULL),
// turn and turn about in one run; and how fast a log is replayed, next to a bare SELECT.
//
//   event_log_bench [FOLDER [SECONDS_PER_CASE]]   prints a table and, last, a line of JSON
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/model/state.h"
#include "core/text/event_json.h"
#include "storage/log/event_log.h"

namespace {

using namespace sovren;

constexpr int rounds = 7;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

/// What a queue writes: submits that share their spec, submits with one of their own (about 1 KB),
/// or the small events of attempts.
enum class Mix { submits, whole_submits, attempts };
const char* name(Mix mix) {
  return mix == Mix::submits         ? "submits"
         : mix == Mix::whole_submits ? "submits, own spec"
                                     : "attempt events";
}

JobSpec example_spec() {
  JobSpec spec;
  spec.name = "enso-drivers";
  std::get<CausalSpec>(spec.kind).data = "/data/enso/monthly.csv";
  return spec;
}

std::vector<Event> make_batch(Mix mix, int count, std::int64_t& next) {
  std::vector<Event> events;
  for (int i = 0; i < count; ++i, ++next) {
    const JobId job{next};
    const Instant at{1'795'447'805'123 + next};
    const std::string dir = "/home/ada/.local/state/sovren/jobs/" + std::to_string(next);
    if (mix == Mix::whole_submits) {
      events.push_back({.at = at,
                        .body = JobSubmitted{.job = job,
                                             .user = "ada",
                                             .dir = dir,
                                             .spec = example_spec(),
                                             .oldest_set_job = job}});
    } else if (mix == Mix::submits) {
      events.push_back(
          {.at = at,
           .body = JobSubmitted{
               .job = job, .user = "ada", .dir = dir, .oldest_set_job = job, .spec_id = {1}}});
    } else {
      events.push_back({.at = at, .body = CheckpointSealed{job, 3, 120, 1'073'741'824, 0.25}});
    }
  }
  return events;
}

/// The limit: one prepared INSERT of ready bytes, nothing else.
class BareLog {
 public:
  explicit BareLog(const std::string& path) {
    sqlite3_open(path.c_str(), &handle_);
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE events(seq INTEGER PRIMARY KEY, event TEXT NOT NULL, digest TEXT NOT NULL)");
    sqlite3_prepare_v2(handle_, "INSERT INTO events VALUES (?1, ?2, ?3)", -1, &insert_, nullptr);
  }
  ~BareLog() {
    sqlite3_finalize(insert_);
    sqlite3_close(handle_);
  }
  BareLog(const BareLog&) = delete;
  BareLog& operator=(const BareLog&) = delete;

  void append(const std::vector<std::string>& rows) {
    run("BEGIN IMMEDIATE");
    for (const std::string& row : rows) {
      sqlite3_bind_int64(insert_, 1, ++seq_);
      sqlite3_bind_text(insert_, 2, row.data(), static_cast<int>(row.size()), SQLITE_STATIC);
      sqlite3_bind_text(insert_, 3, "0123456789abcdef", 16, SQLITE_STATIC);
      if (sqlite3_step(insert_) != SQLITE_DONE) give_up(sqlite3_errmsg(handle_));
      sqlite3_reset(insert_);
    }
    run("COMMIT");
  }

  std::int64_t read_all() {
    sqlite3_stmt* rows = nullptr;
    sqlite3_prepare_v2(handle_, "SELECT seq, event, digest FROM events ORDER BY seq", -1, &rows,
                       nullptr);
    std::int64_t bytes = 0;
    while (sqlite3_step(rows) == SQLITE_ROW) {
      sqlite3_column_text(rows, 1);
      bytes += sqlite3_column_bytes(rows, 1);
    }
    sqlite3_finalize(rows);
    return bytes;
  }

 private:
  void run(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      give_up(sqlite3_errmsg(handle_));
  }
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  std::int64_t seq_ = 0;
};

struct Figure {
  std::string what;
  double bare = 0;
  double ours = 0;
  double ratio = 0;  ///< median over the rounds of ours / bare
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Figure measure_appends(EventLog& log, BareLog& bare, Mix mix, int batch, double seconds) {
  std::vector<double> bare_rates, our_rates, ratios;
  std::int64_t next = 1;
  std::vector<std::string> rows;
  for (const Event& event : make_batch(mix, batch, next))
    rows.push_back(text::event_to_json(event));
  const auto rate = [&](auto&& append) {
    const auto start = std::chrono::steady_clock::now();
    std::int64_t count = 0;
    while (seconds_since(start) < seconds / (2 * rounds)) {
      append();
      count += batch;
    }
    return static_cast<double>(count) / seconds_since(start);
  };
  for (int round = 0; round < rounds; ++round) {
    bare_rates.push_back(rate([&] { bare.append(rows); }));
    our_rates.push_back(rate([&] {
      std::vector<Event> events = make_batch(mix, batch, next);
      if (auto done = log.append(events); !done) give_up(to_text(done.error()));
    }));
    ratios.push_back(our_rates.back() / bare_rates.back());
  }
  return {std::string(name(mix)) + ", batch " + std::to_string(batch), median(bare_rates),
          median(our_rates), median(ratios)};
}

Figure measure_replay(EventLog& log, BareLog& bare, std::int64_t events) {
  std::vector<double> bare_rates, our_rates, ratios;
  for (int round = 0; round < 5; ++round) {
    auto start = std::chrono::steady_clock::now();
    if (bare.read_all() == 0) give_up("the bare log is empty");
    bare_rates.push_back(static_cast<double>(events) / seconds_since(start));
    start = std::chrono::steady_clock::now();
    State state;
    auto replayed = log.replay([&](const Event& event) -> Result<void> {
      apply(state, event);
      return {};
    });
    if (!replayed) give_up(to_text(replayed.error()));
    our_rates.push_back(static_cast<double>(events) / seconds_since(start));
    ratios.push_back(our_rates.back() / bare_rates.back());
  }
  return {"replay into state", median(bare_rates), median(our_rates), median(ratios)};
}

// A log of whole lives: one submit, five events of its attempt, its end.
std::int64_t fill(EventLog& log, BareLog& bare, int jobs) {
  std::vector<Event> begin{{.body = NodeJoined{"node", {4}, "i"}},
                           {.body = SpecAdded{{1}, example_spec()}}};
  if (auto done = log.append(begin); !done) give_up(to_text(done.error()));
  bare.append({text::event_to_json(begin[0]), text::event_to_json(begin[1])});
  std::int64_t events = 2;
  std::int64_t next = 1;
  for (int first = 1; first <= jobs; first += 100) {
    std::vector<Event> batch;
    for (int n = first; n < first + 100; ++n) {
      const JobId job{n};
      batch.push_back(make_batch(Mix::submits, 1, next).front());
      batch.push_back({.body = AttemptStarted{job, 1, "node", 4}});
      for (std::int64_t step = 1; step <= 3; ++step)
        batch.push_back({.body = CheckpointSealed{job, 1, step, 1'073'741'824, 0.25}});
      batch.push_back({.body = AttemptEnded{job, 1, Ending::done, 0, std::nullopt}});
      batch.push_back({.body = JobEnded{job, JobState::completed, "", std::string(64, 'd')}});
    }
    if (auto done = log.append(batch); !done) give_up(to_text(done.error()));
    std::vector<std::string> rows;
    for (const Event& event : batch) rows.push_back(text::event_to_json(event));
    bare.append(rows);
    events += static_cast<std::int64_t>(batch.size());
  }
  return events;
}

// A state of pending jobs that share a spec, saved and read back; bare: seconds, ours: jobs/s.
std::vector<Figure> measure_snapshot(const std::string& folder, std::int64_t jobs) {
  auto log = storage::open_event_log(folder + "/snapshot.db");
  if (!log) give_up(to_text(log.error()));
  std::vector<Event> one{{.body = SpecAdded{{1}, example_spec()}}};
  if (auto done = (*log)->append(one); !done) give_up(to_text(done.error()));
  State state;
  apply(state, one.front());
  SpecEntry& shared = state.specs.at({1});
  for (std::int64_t n = 1; n <= jobs; ++n) {
    Job& job = state.jobs[{n}];
    job.id = {n};
    job.user = "ada";
    job.dir = "/home/ada/.local/state/sovren/jobs/" + std::to_string(n);
    job.spec = shared.spec;
    job.spec_id = {1};
    job.submitted_at = job.not_before = {1'795'447'805'123 + n};
  }
  shared.jobs = state.last_job = jobs;
  auto start = std::chrono::steady_clock::now();
  if (auto done = (*log)->save_snapshot(state); !done) give_up(to_text(done.error()));
  const double save_s = seconds_since(start);
  start = std::chrono::steady_clock::now();
  const auto back = (*log)->load_snapshot();
  if (!back || state_hash(back->state) != state_hash(state)) give_up("it is not read back");
  const double load_s = seconds_since(start);
  const auto count = static_cast<double>(jobs);
  return {{"snapshot saved, jobs/s", 0, count / save_s, 0},
          {"snapshot read, jobs/s", 0, count / load_s, 0}};
}

void print(const std::vector<Figure>& figures) {
  std::printf("%-28s %14s %14s %8s\n", "events/s", "bare SQLite", "event log", "ratio");
  for (const Figure& f : figures)
    std::printf("%-28s %14.0f %14.0f %8.2f\n", f.what.c_str(), f.bare, f.ours, f.ratio);
  std::printf("{\"schema\":\"sovren.bench/1\",\"bench\":\"event_log\",\"figures\":[");
  for (std::size_t i = 0; i < figures.size(); ++i)
    std::printf("%s{\"what\":\"%s\",\"bare_per_s\":%.0f,\"ours_per_s\":%.0f,\"ratio\":%.3f}",
                i == 0 ? "" : ",", figures[i].what.c_str(), figures[i].bare, figures[i].ours,
                figures[i].ratio);
  std::printf("]}\n");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string root = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
  const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 4;
  const std::string folder = root + "/sovren_event_log_bench";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::vector<Figure> figures;
  for (const Mix mix : {Mix::attempts, Mix::submits, Mix::whole_submits}) {
    for (const int batch : {1, 10, 100}) {
      const std::string name = folder + "/" + std::to_string(figures.size());
      auto log = storage::open_event_log(name + ".db");
      if (!log) give_up(to_text(log.error()));
      BareLog bare(name + "-bare.db");
      figures.push_back(measure_appends(**log, bare, mix, batch, seconds));
    }
  }
  auto log = storage::open_event_log(folder + "/replay.db");
  if (!log) give_up(to_text(log.error()));
  BareLog bare(folder + "/replay-bare.db");
  const std::int64_t events = fill(**log, bare, 20'000);
  figures.push_back(measure_replay(**log, bare, events));
  const std::vector<Figure> saved = measure_snapshot(folder, 1'000'000);
  figures.insert(figures.end(), saved.begin(), saved.end());
  print(figures);
  std::filesystem::remove_all(folder);
  return 0;
}
