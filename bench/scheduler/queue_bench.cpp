// SPDX-License-Identifier: Apache-2.0
// How many no-op jobs a second does the whole queue run, durably (daemon, log, agent, processes),
// next to the same processes started by posix_spawn in the same run; how long from a submission to
// the program's first instruction; does a deep queue slow it down; and what the daemon costs.
//
//   queue_bench SOVREN [JOBS [DEEP]]   SOVREN: path of the program; a table and a line of JSON
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "scheduler/api/http_client.h"

extern char** environ;

namespace {

using namespace sovren;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

/// A child that is killed when this ends.
class Child {
 public:
  Child(std::vector<std::string> argv, const std::string& log) {
    std::vector<char*> pointers;
    for (std::string& word : argv) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    if (posix_spawn(&pid_, pointers[0], &files, nullptr, pointers.data(), environ) != 0)
      give_up("cannot start " + argv[0]);
    posix_spawn_file_actions_destroy(&files);
  }
  ~Child() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// User and system time so far, of the process itself.
  double cpu_s() const {
    std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    text.erase(0, text.rfind(')') + 2);
    long user = 0, system = 0;
    std::sscanf(text.c_str(), "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
                &system);
    return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  double rss_mb() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    std::string line;
    while (std::getline(status, line))
      if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1024;
    return 0;
  }

 private:
  pid_t pid_ = 0;
};

/// The limit: /bin/true by posix_spawn, `slots` at a time.
double spawn_rate(int jobs, int slots) {
  const auto start = Clock::now();
  int running = 0;
  char program[] = "/bin/true";
  char* argv[] = {program, nullptr};
  for (int i = 0; i < jobs; ++i) {
    if (running == slots && ::wait(nullptr) > 0) --running;
    pid_t pid = 0;
    if (posix_spawn(&pid, program, nullptr, nullptr, argv, environ) != 0) give_up("posix_spawn");
    ++running;
  }
  while (running > 0 && ::wait(nullptr) > 0) --running;
  return jobs / seconds_since(start);
}

std::string body_of(const std::string& toml) {
  std::string text;
  for (const char c : toml) {
    if (c == '\n')
      text += "\\n";
    else if (c == '"')
      text += "\\\"";
    else
      text += c;
  }
  return "{\"text\":\"" + text + "\",\"name\":\"bench.toml\",\"base_dir\":\"/tmp\"}";
}

class Queue {
 public:
  Queue(const std::string& sovren, const std::string& home, int slots) {
    std::filesystem::remove_all(home);
    std::filesystem::create_directories(home);
    ::setenv("SOVREN_HOME", home.c_str(), 1);
    const std::string socket = home + "/sovren.sock";
    daemon_ =
        std::make_unique<Child>(std::vector<std::string>{sovren, "serve"}, home + "/serve.log");
    auto client = api::HttpClient::create({.address = socket});
    if (!client) give_up(to_text(client.error()));
    client_ = *std::move(client);
    wait_until(home, [&] {
      const auto reply = client_->call("GET", "/readyz", "", 5);
      return reply && reply->status == 200;
    });
    agent_ = std::make_unique<Child>(
        std::vector<std::string>{sovren, "worker", "--connect", socket, "--node", "bench", "--cpus",
                                 std::to_string(slots)},
        home + "/worker.log");
    wait_until(home, [&] {
      const auto reply = client_->call("GET", "/v1/nodes", "", 5);
      return reply && reply->body.find("\"bench\"") != std::string::npos;
    });
  }

  /// Id of the first job.
  long submit(const std::string& toml) {
    const auto reply = client_->call("POST", "/v1/jobs", body_of(toml), 120,
                                     {{"Content-Type", "application/json"}});
    if (!reply) give_up(to_text(reply.error()));
    const std::size_t jobs = reply->body.find("\"jobs\":[");
    const std::size_t first = reply->body.find("\"first\":");
    if (reply->status >= 300 || (jobs == std::string::npos && first == std::string::npos))
      give_up("submit: " + reply->body.substr(0, 500));
    return std::atol(reply->body.c_str() + (jobs != std::string::npos ? jobs + 8 : first + 8));
  }

  void wait_for(long job) {
    for (;;) {
      const auto reply =
          client_->call("GET", "/v1/jobs/" + std::to_string(job) + "?wait=30&state=final", "", 60);
      if (!reply) give_up(to_text(reply.error()));
      if (reply->body.find("\"COMPLETED\"") != std::string::npos) return;
      if (reply->body.find("\"FAILED\"") != std::string::npos) give_up(reply->body);
    }
  }

  const Child& daemon() const { return *daemon_; }
  const Child& agent() const { return *agent_; }

 private:
  template <class Ready>
  static void wait_until(const std::string& home, Ready ready) {
    for (int tries = 0; tries < 1000; ++tries) {
      if (ready()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    give_up("the daemon or its agent does not come up; see the logs in " + home);
  }

  std::unique_ptr<Child> daemon_;
  std::unique_ptr<api::HttpClient> client_;
  std::unique_ptr<Child> agent_;
};

std::string true_job(long count) {
  return "name = \"noop\"\nkind = \"command\"\n[command]\nargv = [\"/bin/true\"]\n[array]\ni = "
         "\"1-" +
         std::to_string(count) + "\"\n";
}

struct Rate {
  double jobs_s = 0, spawn_s = 0, daemon_ms = 0, agent_ms = 0, rss_mb = 0;
};

Rate noop_rate(const std::string& sovren, const std::string& home, int slots, int jobs) {
  Rate rate;
  rate.spawn_s = spawn_rate(jobs, slots);
  Queue queue(sovren, home, slots);
  const double daemon_before = queue.daemon().cpu_s();
  const double agent_before = queue.agent().cpu_s();
  const auto start = Clock::now();
  const long first = queue.submit(true_job(jobs));
  queue.wait_for(first + jobs - 1);
  rate.jobs_s = jobs / seconds_since(start);
  rate.daemon_ms = (queue.daemon().cpu_s() - daemon_before) * 1000 / jobs;
  rate.agent_ms = (queue.agent().cpu_s() - agent_before) * 1000 / jobs;
  rate.rss_mb = queue.daemon().rss_mb();
  return rate;
}

/// No-op jobs/s while `deep` more wait; and the daemon's bytes per waiting job.
std::pair<double, double> rate_under(const std::string& sovren, const std::string& home, long deep,
                                     int jobs) {
  Queue queue(sovren, home, 2);
  const double before_mb = queue.daemon().rss_mb();
  constexpr long array_max = 100'000;
  long first = 0;
  for (long left = deep + jobs; left > 0; left -= array_max) {
    const long got = queue.submit(true_job(std::min(left, array_max)));
    if (first == 0) first = got;
  }
  queue.wait_for(first + jobs / 10);
  const double bytes = (queue.daemon().rss_mb() - before_mb) * 1048576 / static_cast<double>(deep);
  const auto start = Clock::now();
  queue.wait_for(first + jobs - 1);
  return {(jobs - jobs / 10 - 1) / seconds_since(start), bytes};
}

std::vector<double> latencies_ms(const std::string& sovren, const std::string& home,
                                 const std::string& self, int jobs) {
  Queue queue(sovren, home, 2);
  std::vector<double> all;
  for (int i = 0; i < jobs; ++i) {
    const std::string stamp = home + "/stamp";
    const auto before = std::chrono::system_clock::now().time_since_epoch();
    const long job = queue.submit("name = \"stamp\"\nkind = \"command\"\n[command]\nargv = [\"" +
                                  self + "\", \"--stamp\", \"" + stamp + "\"]\n");
    queue.wait_for(job);
    long long at_ns = 0;
    std::ifstream(stamp) >> at_ns;
    all.push_back(static_cast<double>(at_ns - std::chrono::nanoseconds(before).count()) / 1e6);
  }
  std::sort(all.begin(), all.end());
  return all;
}

int stamp(const char* path) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::ofstream(path) << std::chrono::nanoseconds(now).count();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--stamp") == 0) return stamp(argv[2]);
  if (argc < 2) give_up("usage: queue_bench SOVREN [JOBS [DEEP]]");
  const std::string sovren = std::filesystem::absolute(argv[1]);
  const int jobs = argc > 2 ? std::atoi(argv[2]) : 5000;
  const long deep = argc > 3 ? std::atol(argv[3]) : 100'000;
  const std::string home = std::filesystem::temp_directory_path() / "sovren-queue-bench";
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");

  std::string json = "{\"bench\":\"queue\"";
  std::printf("%d no-op jobs, durable, end to end\n", jobs);
  std::printf("%5s %10s %14s %7s %16s %15s %13s\n", "slots", "jobs/s", "posix_spawn/s", "ratio",
              "daemon ms/job", "agent ms/job", "daemon MB");
  for (const int slots : {2, 16}) {
    const Rate rate = noop_rate(sovren, home, slots, jobs);
    std::printf("%5d %10.0f %14.0f %7.2f %16.3f %15.3f %13.1f\n", slots, rate.jobs_s, rate.spawn_s,
                rate.jobs_s / rate.spawn_s, rate.daemon_ms, rate.agent_ms, rate.rss_mb);
    char text[200];
    std::snprintf(
        text, sizeof text,
        ",\"jobs_s_%d\":%.1f,\"spawn_s_%d\":%.1f,\"daemon_ms_%d\":%.3f,\"agent_ms_%d\":%.3f", slots,
        rate.jobs_s, slots, rate.spawn_s, slots, rate.daemon_ms, slots, rate.agent_ms);
    json += text;
  }
  const std::vector<double> waits = latencies_ms(sovren, home, self, 200);
  const double p50 = waits[waits.size() / 2], p99 = waits[waits.size() * 99 / 100];
  std::printf("submit -> first instruction, idle node, 200 jobs: p50 %.2f ms, p99 %.2f ms\n", p50,
              p99);
  const auto [shallow, unused] = rate_under(sovren, home, 1000, jobs);
  const auto [full, bytes] = rate_under(sovren, home, deep, jobs);
  std::printf(
      "jobs/s with 1,000 pending %.0f, with %ld pending %.0f: ratio %.2f; %.0f bytes a "
      "pending job\n",
      shallow, deep, full, full / shallow, bytes);
  std::filesystem::remove_all(home);
  std::printf(
      "%s,\"latency_ms\":{\"p50\":%.3f,\"p99\":%.3f},\"shallow_jobs_s\":%.1f,\"deep\":%ld,"
      "\"deep_jobs_s\":%.1f,\"bytes_per_pending\":%.0f}\n",
      json.c_str(), p50, p99, shallow, deep, full, bytes);
  return 0;
}
