// SPDX-License-Identifier: Apache-2.0
// What does following 10,000 jobs at a Slurm site cost? CPU seconds a minute of our process (the
// pipe from squeue included), for each form of squeue's answer, quiet and while a tenth of the jobs
// change with each query; next to reading the same --json into a document.
//
//   follow_bench [JOBS [TICKS]]   prints a table and, last, a line of JSON
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/text/json.h"
#include "slurm/bridge/follower.h"

namespace {

using namespace sovren;
using namespace sovren::slurm;

constexpr double limit_cpu_s = 1;  // a minute
constexpr double tick_s = 10;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

double cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct SteppingClock final : Clock {
  Instant at{1'795'447'805'123};
  Instant now() override { return at; }
};

std::string state_of_job(int job, int tick, bool is_changing) {
  if (is_changing && job % 10 == tick % 10) return tick / 10 % 2 == 0 ? "SUSPENDED" : "RUNNING";
  return job % 4 == 0 ? "PENDING" : "RUNNING";
}

std::string node_of(int job) {
  return "node[" + std::to_string(job) + "-" + std::to_string(job + 3) + "]";
}

std::string fields_answer(int jobs, int tick, bool is_changing) {
  std::string text;
  for (int job = 1; job <= jobs; ++job) {
    const std::string state = state_of_job(job, tick, is_changing);
    const bool is_waiting = state == "PENDING";
    text += std::to_string(job) + "|" + state + "|0|0|" + (is_waiting ? "Priority" : "None") + "|" +
            (is_waiting ? "" : node_of(job)) + "|sovren:0123456789abcdef|\n";
  }
  return text;
}

// A job as Slurm 24.05 prints it: about a hundred members, mostly numbers of three members each.
std::string json_job(int job, const std::string& state) {
  std::string text = R"(    {
      "account": "physics",
      "job_id": )" + std::to_string(job) +
                     R"(,
      "job_state": [
        ")" + state + R"("
      ],
      "state_reason": "None",
      "restart_cnt": 0,
      "comment": "sovren:0123456789abcdef",
      "nodes": ")" + node_of(job) +
                     R"(",
      "array_job_id": {
        "set": true,
        "infinite": false,
        "number": 0
      },
      "exit_code": {
        "status": [
          "SUCCESS"
        ],
        "return_code": {
          "set": true,
          "infinite": false,
          "number": 0
        }
      },
)";
  for (int i = 0; i < 45; ++i)
    text += "      \"number_" + std::to_string(i) +
            R"(": {
        "set": false,
        "infinite": false,
        "number": 0
      },
)";
  for (int i = 0; i < 45; ++i)
    text += "      \"text_" + std::to_string(i) + "\": \"/home/ada/projects/enso\",\n";
  return text + "      \"user_name\": \"ada\"\n    }";
}

std::string json_answer(int jobs, int tick, bool is_changing) {
  std::string text = "{\n  \"jobs\": [\n";
  for (int job = 1; job <= jobs; ++job)
    text += json_job(job, state_of_job(job, tick, is_changing)) + (job < jobs ? ",\n" : "\n");
  return text + "  ],\n  \"warnings\": [],\n  \"errors\": []\n}\n";
}

Ledger ledger_of(const std::string& path, int jobs) {
  auto ledger = Ledger::open(path);
  if (!ledger) give_up(to_text(ledger.error()));
  std::vector<SiteRecord> records;
  for (int job = 1; job <= jobs; ++job) {
    const std::string id = std::to_string(job);
    const std::string dir = "/home/ada/enso/" + id + ".sovren";
    records.push_back({{1},
                       SiteAsked{.nonce = id,
                                 .name = "enso-drivers",
                                 .dir = dir,
                                 .job_file = dir + "/job.toml",
                                 .user = "ada"}});
    records.push_back({{2}, SiteSubmitted{id, id}});
  }
  if (auto done = ledger->append(records); !done) give_up(to_text(done.error()));
  return *std::move(ledger);
}

struct Figure {
  std::string what;
  double answer_mb = 0;
  double tick_ms = 0;  ///< CPU of a tick
  double pause_s = tick_s;
  double minute_s() const { return tick_ms / 1000 * 60 / pause_s; }
  double share() const { return minute_s() / limit_cpu_s; }
};

using Answer = std::string (*)(int, int, bool);

enum class Traffic { quiet, changing };

// squeue is `cat` of an answer that was written before: its own CPU time is not ours.
Figure measure(const std::string& folder, const std::string& what, Answer answer, Traffic traffic,
               int jobs, int ticks) {
  const std::string path = folder + "/" + std::to_string(std::rand()) + ".jsonl";
  Ledger ledger = ledger_of(path, jobs);
  const std::string file = folder + "/answer";
  const SiteCommand cat = site_command();
  SteppingClock clock;
  const bool is_json = answer == json_answer;
  Follower follower(
      ledger,
      [&](const std::vector<std::string>& words, const std::string& input) -> Result<SiteAnswer> {
        const bool is_wanted = is_json == (words.back() == "--json");
        return is_wanted ? cat({"cat", file}, input) : SiteAnswer{0, "no such form\n", ""};
      },
      clock);
  Figure figure{.what = what};
  double cpu = 0;
  for (int tick = -1; tick < ticks; ++tick) {  // the first tick sees all of them for the first time
    const std::string text = answer(jobs, tick + 1, traffic == Traffic::changing);
    std::ofstream(file, std::ios::trunc) << text;
    figure.answer_mb = static_cast<double>(text.size()) / 1e6;
    clock.at = clock.at + tick_s;
    const double before = cpu_s();
    auto done = follower.tick();
    if (!done || !done->is_answered) give_up(done ? follower.trouble() : to_text(done.error()));
    if (tick >= 0) cpu += cpu_s() - before;
    figure.pause_s = done->next_s;
  }
  figure.tick_ms = 1000 * cpu / ticks;
  return figure;
}

// The usual way to read --json, without anything being done with it.
Figure measure_document(int jobs) {
  const std::string text = json_answer(jobs, 0, false);
  const double before = cpu_s();
  const auto document = nlohmann::json::parse(text);
  if (document["jobs"].size() != static_cast<std::size_t>(jobs)) give_up("the document is wrong");
  return {"(a document of --json, read only)", static_cast<double>(text.size()) / 1e6,
          1000 * (cpu_s() - before)};
}

}  // namespace

int main(int argc, char** argv) {
  const int jobs = argc > 1 ? std::atoi(argv[1]) : 10'000;
  const int ticks = argc > 2 ? std::atoi(argv[2]) : 6;
  std::string pattern = (std::filesystem::temp_directory_path() / "sovren-bench-XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  std::vector<Figure> figures{
      measure(folder, "fields, quiet", fields_answer, Traffic::quiet, jobs, ticks),
      measure(folder, "fields, 10 % change a tick", fields_answer, Traffic::changing, jobs, ticks),
      measure(folder, "--json, quiet", json_answer, Traffic::quiet, jobs, ticks),
      measure_document(jobs)};
  std::filesystem::remove_all(folder);
  std::printf("%d site jobs; limit %.0f CPU s a minute\n\n", jobs, limit_cpu_s);
  std::printf("%-36s %8s %12s %8s %13s %9s\n", "squeue's answer", "MB", "CPU ms/tick", "tick s",
              "CPU s/minute", "of limit");
  text::Json json{{"schema", "sovren.bench.follow/1"}, {"jobs", jobs}};
  for (const Figure& figure : figures) {
    std::printf("%-36s %8.1f %12.1f %8.0f %13.3f %8.0f%%\n", figure.what.c_str(), figure.answer_mb,
                figure.tick_ms, figure.pause_s, figure.minute_s(), 100 * figure.share());
    json["figures"].push_back({{"what", figure.what},
                               {"answer_mb", figure.answer_mb},
                               {"tick_cpu_ms", figure.tick_ms},
                               {"tick_s", figure.pause_s},
                               {"minute_cpu_s", figure.minute_s()},
                               {"of_limit", figure.share()}});
  }
  std::printf("\n%s\n", text::dump_json(json).c_str());
  return 0;
}
