// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/api.h"

#include <chrono>

#include "core/base/check.h"
#include "core/text/report_json.h"
#include "scheduler/api/page.h"
#include "scheduler/api/problem.h"

namespace sovren::api {
namespace {

constexpr std::size_t worker_waiting_max = 10'000;

double steady_now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Api::Api(ApiOptions options, Clock& clock, History& history, EventReader& events)
    : history_(history),
      events_(events),
      worker_(worker_waiting_max),
      hub_(options.events_kept),
      router_(table(), Access(options.operators, options.token_file, clock)) {}

Route Api::get(std::string_view pattern, Scope scope, Carry carry) {
  return {"GET", pattern, scope, [this, carry](Call call) {
            if (auto done = (this->*carry)(call); !done) answer(call.responder, done.error());
          }};
}

Route Api::post(std::string_view pattern, Scope scope, Carry carry) {
  Route route = get(pattern, scope, carry);
  route.method = "POST";
  return route;
}

Route Api::act(std::string_view pattern, Verb verb) {
  return {"POST", pattern, Scope::submit, [this, verb](Call call) {
            if (auto done = act_on_job(call, verb); !done) answer(call.responder, done.error());
          }};
}

std::vector<Route> Api::table() {
  const auto alive = [](const Call& call) {
    call.responder.send({.body = "{\"status\":\"ok\"}\n"});
  };
  const auto page = [](const Call& call) { call.responder.send(status_page()); };
  const auto is_ready = [this](Call call) {
    if (auto done = ready(call); !done) answer(call.responder, done.error());
  };
  return {
      {"GET", "/", std::nullopt, page},
      {"GET", "/healthz", std::nullopt, alive},
      {"GET", "/readyz", std::nullopt, is_ready},
      get("/metrics", Scope::read, &Api::metrics),
      post("/v1/jobs", Scope::submit, &Api::submit),
      get("/v1/jobs", Scope::read, &Api::list_jobs),
      get("/v1/jobs/{id}", Scope::read, &Api::show_job),
      act("/v1/jobs/{id}/cancel", Verb::cancel),
      act("/v1/jobs/{id}/hold", Verb::hold),
      act("/v1/jobs/{id}/release", Verb::release),
      act("/v1/jobs/{id}/requeue", Verb::requeue),
      act("/v1/jobs/{id}/checkpoint", Verb::checkpoint),
      act("/v1/jobs/{id}/preempt", Verb::preempt),
      get("/v1/jobs/{id}/events", Scope::read, &Api::watch_job),
      get("/v1/jobs/{id}/logs", Scope::read, &Api::show_logs),
      get("/v1/jobs/{id}/checkpoints", Scope::read, &Api::show_checkpoints),
      get("/v1/events", Scope::read, &Api::watch_all),
      get("/v1/nodes", Scope::read, &Api::list_nodes),
      post("/v1/nodes/{name}/drain", Scope::operate, &Api::drain_node),
      post("/v1/nodes/{name}/resume", Scope::operate, &Api::resume_node),
      get("/v1/partitions", Scope::read, &Api::list_partitions),
      get("/v1/pools", Scope::read, &Api::list_pools),
      get("/v1/explain/{id}", Scope::read, &Api::explain),
      get("/v1/history", Scope::read, &Api::history),
      post("/v1/agents/{node}", Scope::node, &Api::agent_hello),
      get("/v1/agents/{node}/orders", Scope::node, &Api::agent_orders),
      post("/v1/agents/{node}/news", Scope::node, &Api::agent_news),
      post("/v1/agents/{node}/leave", Scope::node, &Api::agent_leave),
  };
}

void Api::handle(Request request, Responder responder) {
  SOVREN_CHECK(host_ != nullptr, "a host is attached before the server starts");
  router_.handle(std::move(request), std::move(responder));
}

void Api::tick() {
  timers_.fire(steady_now_s());
}

void Api::after(double seconds, std::function<void()> work) {
  timers_.at(steady_now_s() + seconds, std::move(work));
}

void Api::on_event(const Event& event) {
  hub_.publish(event);
  if (waiters_.empty()) return;
  if (const auto job = job_of(event)) touched_.insert(*job);
  if (std::exchange(is_any_touched_, true)) return;
  // Refused only when the host stops, which drops all who wait.
  (void)host_->read([this](const Engine& engine) { try_waiters(engine); });
}

void Api::on_report(const AttemptNews& news) {
  constexpr std::size_t metrics_max = 200;
  const auto* report = std::get_if<RankReport>(&news.what);
  if (report == nullptr) return;
  const auto note = [&](const std::map<std::string, double>& metrics) {
    for (const auto& [name, value] : metrics)
      if (kind_metrics_.size() < metrics_max || kind_metrics_.contains(name))
        kind_metrics_[name] = value;
  };
  if (const auto* progress = std::get_if<ReportProgress>(report)) note(progress->progress.metrics);
  if (const auto* finished = std::get_if<ReportFinished>(report)) note(finished->metrics);
  if (hub_.has_watchers(news.job)) hub_.tell(news.job, "report", text::report_to_json(*report));
}

void Api::answer_later(const Responder& responder, Words words) {
  auto posted = worker_.post([responder, words = std::move(words)] { responder.send(words()); });
  if (!posted) answer(responder, posted.error());
}

Result<void> Api::look(const Responder& responder, Look look) {
  return host_->read([this, responder, look = std::move(look)](const Engine& engine) {
    give(engine, responder, look);
  });
}

Result<void> Api::change(const Responder& responder, Intake intake, Look look) {
  return host_->write(std::move(intake),
                      [this, responder, look = std::move(look)](const Result<void>& done) {
                        if (!done) return answer(responder, done.error());
                        if (auto looked = this->look(responder, look); !looked)
                          answer(responder, looked.error());
                      });
}

}  // namespace sovren::api
