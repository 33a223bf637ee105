// SPDX-License-Identifier: Apache-2.0
// What the way through the API costs, over kept Unix sockets: a call without an engine behind it,
// and durable submissions of one job each by many clients, with the rate of the log's own appends
// of as many events in batches of 64 beside it, turn and turn about in one run.
//
//   api_bench [FOLDER [SECONDS_PER_CASE]]   prints a table and, last, a line of JSON
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "scheduler/api/api.h"
#include "scheduler/api/http_client.h"
#include "scheduler/api/http_server.h"
#include "storage/log/event_log.h"

namespace {

using namespace sovren;

constexpr int rounds = 5;
constexpr int clients_many = 64;

class SystemClock : public Clock {
 public:
  Instant now() override {
    return {std::chrono::duration_cast<std::chrono::milliseconds>(
                std::chrono::system_clock::now().time_since_epoch())
                .count()};
  }
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

template <class T>
T value_of(Result<T> result) {
  if (!result) give_up(to_text(result.error()));
  return std::move(*result);
}

struct Rate {
  double per_s = 0;
  double cpu_us = 0;  ///< of all threads, for one call
};

/// `count` clients call as fast as they are answered.
Rate drive(const std::string& socket, int count, const std::string& body, double seconds) {
  std::atomic<long> calls{0};
  const double cpu_before_s = cpu_s();
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> clients;
  for (int c = 0; c < count; ++c)
    clients.emplace_back([&] {
      const auto client = value_of(api::HttpClient::create({.address = socket}));
      while (seconds_since(start) < seconds) {
        const HttpReply reply = value_of(client->call("POST", "/v1/jobs", body, 60));
        if (reply.status >= 300) give_up(reply.body);
        ++calls;
      }
    });
  for (std::thread& client : clients) client.join();
  const double n = static_cast<double>(calls);
  return {n / seconds_since(start), (cpu_s() - cpu_before_s) * 1e6 / n};
}

api::Limits no_rate_limit() {
  api::Limits limits;
  limits.local_requests_per_s = 1e9;
  return limits;
}

/// Calls that are answered at once.
Rate bare_calls(const std::string& folder, int clients, double seconds) {
  const std::string socket = folder + "/bare";
  const auto server = value_of(api::HttpServer::start(
      {.unix_socket = api::UnixListener{.path = socket}, .limits = no_rate_limit()},
      [](const api::Request&, const api::Responder& responder) {
        responder.send({.body = R"({"schema":"sovren.submitted/1","jobs":[12]})"});
      }));
  return drive(socket, clients, R"({"text":")" + std::string(540, 'x') + R"("})", seconds);
}

/// Submissions, each answered once it is durable.
Rate submissions(const std::string& folder, int clients, double seconds) {
  const std::string log_path = folder + "/log-submit";
  std::filesystem::remove_all(log_path);
  const auto log = value_of(storage::open_event_log(log_path));
  SystemClock clock;
  api::Api api({}, clock, *log, *log);
  auto host = value_of(engine::EngineHost::start(
      *log, clock,
      {.engine = {.on_restart = engine::OnRestart::readopt, .jobs_dir = folder + "/jobs"},
       .on_event = [&](const Event& event) { api.on_event(event); },
       .on_report = {}}));
  api.attach(*host);
  const std::string socket = folder + "/submit";
  auto server =
      value_of(api::HttpServer::start({.on_tick = [&] { api.tick(); },
                                       .unix_socket = api::UnixListener{.path = socket},
                                       .limits = no_rate_limit()},
                                      [&](api::Request request, api::Responder responder) {
                                        api.handle(std::move(request), std::move(responder));
                                      }));
  const Rate rate = drive(socket, clients,
                          R"({"text":"schema = 1\nname = \"true\"\nkind = \"command\"\n)"
                          R"([command]\nargv = [\"true\"]\n"})",
                          seconds);
  host->stop();
  server.reset();
  return rate;
}

/// What the log takes by itself: the same events, 64 of them with each fsync.
Rate appends(const std::string& folder, double seconds) {
  const std::string log_path = folder + "/log-append";
  std::filesystem::remove_all(log_path);
  const auto log = value_of(storage::open_event_log(log_path));
  JobSpec spec;
  spec.name = "true";
  std::vector<Event> first{{.body = SpecAdded{SpecId{1}, spec}}};
  if (auto done = log->append(first, {}); !done) give_up(to_text(done.error()));
  std::int64_t job = 0;
  const double cpu_before_s = cpu_s();
  const auto start = std::chrono::steady_clock::now();
  while (seconds_since(start) < seconds) {
    std::vector<Event> batch;
    for (int i = 0; i < clients_many; ++i) {
      ++job;
      batch.push_back({.body = JobSubmitted{.job = JobId{job},
                                            .user = "root",
                                            .dir = "/jobs/" + std::to_string(job),
                                            .oldest_set_job = JobId{job},
                                            .spec_id = SpecId{1}}});
    }
    if (auto done = log->append(batch, {}); !done) give_up(to_text(done.error()));
  }
  const double n = static_cast<double>(job);
  return {n / seconds_since(start), (cpu_s() - cpu_before_s) * 1e6 / n};
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder =
      argc > 1 ? argv[1]
               : (std::filesystem::temp_directory_path() / ("api-" + std::to_string(::getpid())));
  const double seconds = argc > 2 ? std::atof(argv[2]) : 2;
  std::filesystem::create_directories(folder);
  std::vector<double> one, many, submits, logged, ratios, cpu;
  for (int round = 0; round < rounds; ++round) {
    one.push_back(bare_calls(folder, 1, seconds).per_s);
    many.push_back(bare_calls(folder, 16, seconds).per_s);
    const Rate submit = submissions(folder, clients_many, seconds);
    const Rate log = appends(folder, seconds);
    submits.push_back(submit.per_s);
    cpu.push_back(submit.cpu_us);
    logged.push_back(log.per_s);
    ratios.push_back(submit.per_s / log.per_s);
  }
  std::printf("calls/s without an engine      1 client  %9.0f   16 clients %9.0f\n", median(one),
              median(many));
  std::printf(
      "durable submissions/s         %d clients %9.0f   cpu/submission %.0f us, both sides\n",
      clients_many, median(submits), median(cpu));
  std::printf("the log's own appends/s       batches of %d %6.0f   ratio %.2f\n", clients_many,
              median(logged), median(ratios));
  std::printf(
      "{\"calls_per_s_1\":%.0f,\"calls_per_s_16\":%.0f,\"submits_per_s_64\":%.0f,"
      "\"cpu_us_per_submit\":%.0f,\"log_appends_per_s\":%.0f,\"ratio\":%.3f}\n",
      median(one), median(many), median(submits), median(cpu), median(logged), median(ratios));
  std::filesystem::remove_all(folder);
}
