// SPDX-License-Identifier: Apache-2.0
#include "cli/serve_settings.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

#include "cli/job_directory.h"
#include "cli/job_input.h"
#include "core/base/check.h"

namespace sovren::cli {
namespace {

constexpr unsigned all_may_connect = 0666;
constexpr unsigned owner_may_connect = 0600;

template <class To, class From>
void set(To& to, const std::optional<From>& from) {
  if (from) to = static_cast<To>(*from);
}

// The site file has been checked: the names are of these.
policy::Order order_of(const std::string& name) {
  using policy::Order;
  constexpr std::pair<std::string_view, Order> names[] = {
      {"fcfs", Order::fcfs},         {"sjf", Order::sjf},
      {"saf", Order::saf},           {"f1", Order::f1},
      {"wfp3", Order::wfp3},         {"unicep", Order::unicep},
      {"aged_saf", Order::aged_saf}, {"multifactor", Order::multifactor}};
  for (const auto& [known, order] : names)
    if (known == name) return order;
  SOVREN_CHECK(false, "the site file names an order of the policy");
}

policy::Backfill backfill_of(const std::string& name) {
  if (name == "none") return policy::Backfill::none;
  return name == "conservative" ? policy::Backfill::conservative : policy::Backfill::easy;
}

policy::PolicyConfig policy_of(const text::ServeConfig& config) {
  const text::PolicySettings& from = config.policy;
  policy::PolicyConfig policy{.site = config.site};
  if (!from.order.empty()) policy.order = order_of(from.order);
  if (!from.backfill.empty()) policy.backfill = backfill_of(from.backfill);
  if (!from.backfill_order.empty()) policy.backfill_order = order_of(from.backfill_order);
  set(policy.reservations_max, from.reservations);
  set(policy.unlimited_s, from.unlimited_s);
  set(policy.preemption.is_on, from.preempts);
  set(policy.preemption.quantum_s, from.quantum_s);
  set(policy.preemption.cost_prior_s, from.preemption_cost_s);
  set(policy.grace_s, from.grace_s);
  set(policy.mtbf_prior_s, from.mtbf_s);
  set(policy.breaker_failures, from.breaker_failures);
  set(policy.weights.age, from.weights.age);
  set(policy.weights.fair_share, from.weights.fair_share);
  set(policy.weights.qos, from.weights.qos);
  set(policy.weights.partition, from.weights.partition);
  set(policy.weights.size, from.weights.size);
  set(policy.weights.deadline, from.weights.deadline);
  set(policy.weights.nice, from.weights.nice);
  set(policy.weights.age_unit_s, from.weights.age_unit_s);
  return policy;
}

api::Limits limits_of(const text::RequestSettings& from) {
  api::Limits limits;
  set(limits.body_bytes_max, from.body_bytes);
  set(limits.connections_max, from.connections);
  set(limits.connections_per_peer_max, from.connections_per_peer);
  set(limits.local_requests_per_s, from.local_per_s);
  set(limits.remote_requests_per_s, from.remote_per_s);
  return limits;
}

// --listen HOST:PORT, [::1]:PORT or PORT alone: of this machine only.
Result<void> read_listen(const std::string& text, api::TlsListener& tls) {
  const std::size_t colon = text.rfind(':');
  const std::string port = text.substr(colon == std::string::npos ? 0 : colon + 1);
  std::string host = colon == std::string::npos ? tls.address : text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), tls.port);
  if (error != std::errc() || end != port.data() + port.size() || host.empty())
    return fail({.code = Code::usage,
                 .what = "--listen takes HOST:PORT, not '" + text + "'",
                 .hint = "for example 0.0.0.0:8443; port 0 stands for any free one"});
  tls.address = host;
  return {};
}

std::string absolute(const std::string& path) {
  std::error_code ignored;
  return path.empty() ? path : std::filesystem::absolute(path, ignored).lexically_normal().string();
}

std::string first_of(const std::string& first, const std::string& second) {
  return first.empty() ? second : first;
}

Result<std::optional<api::TlsListener>> tls_of(const text::ListenSettings& from,
                                               const Arguments& arguments) {
  if (from.address.empty() && !arguments.has("listen")) return std::nullopt;
  api::TlsListener tls{
      .certificate_file = first_of(absolute(arguments.text("certificate")), from.certificate),
      .key_file = first_of(absolute(arguments.text("key")), from.key)};
  if (!from.address.empty()) tls.address = from.address;
  set(tls.port, from.port);
  if (arguments.has("listen")) SOVREN_DO(read_listen(arguments.text("listen"), tls));
  if (tls.certificate_file.empty() || tls.key_file.empty())
    return fail({.code = Code::usage,
                 .what = "TLS needs a certificate and its key, and there is none",
                 .hint = "--certificate FILE --key FILE; to make a pair: openssl req -x509 -newkey "
                         "ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$(hostname) -days "
                         "365 -keyout key.pem -out cert.pem"});
  return tls;
}

Error no_connect(const Pool& pool, const std::string& what) {
  return {.code = Code::usage,
          .what = "pool." + pool.name + ": " + what,
          .hint =
              "write connect = \"https://HOST:PORT\" in its table, as the site's nodes reach "
              "this daemon, or the path of its socket where they are this machine"};
}

// Where the agents of a pool that says nothing find this daemon: at its TLS listener.
Result<std::string> pool_connect(const Pool& pool, const std::optional<api::TlsListener>& tls) {
  if (!pool.connect.empty()) return pool.connect;
  if (!tls)
    return fail(no_connect(pool, "its agents cannot reach a daemon without [listen] address"));
  if (tls->port == 0)
    return fail(no_connect(pool, "the daemon's port is not known before it starts"));
  std::string host = tls->address;
  if (host.starts_with("127.") || host == "::1" || host == "localhost")
    return fail(no_connect(pool, "its agents on other machines cannot reach " + host));
  if (host == "0.0.0.0" || host == "::") {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) host = name.data();
  }
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return "https://" + host + ":" + std::to_string(tls->port);
}

}  // namespace

Result<ServeSettings> serve_settings(const text::ServeConfig& site, const Arguments& arguments,
                                     const std::string& home) {
  ServeSettings settings{.home = home, .operators = site.site.operators};
  settings.engine.policy = policy_of(site);
  settings.engine.on_restart = engine::OnRestart::readopt;
  settings.engine.jobs_dir = first_of(site.jobs_dir, home + "/jobs");
  settings.engine.half_life_s = site.policy.half_life_s;
  set(settings.engine.node_timeout_s, site.node_timeout_s);
  set(settings.engine.array_max, site.requests.array_elements);
  set(settings.engine.open_jobs_max, site.requests.open_jobs);
  if (site.requeues_on_time_limit)
    settings.engine.on_time_limit =
        *site.requeues_on_time_limit ? engine::OnTimeLimit::requeue : engine::OnTimeLimit::end;
  settings.server.limits = limits_of(site.requests);
  settings.server.unix_socket = api::UnixListener{
      .path = first_of(first_of(absolute(arguments.text("socket")), site.listen.socket),
                       home + "/sovren.sock"),
      .mode = site.listen.is_socket_open.value_or(geteuid() == 0) ? all_may_connect
                                                                  : owner_may_connect};
  SOVREN_TRY(tls, tls_of(site.listen, arguments));
  for (Pool& pool : settings.engine.policy.site.pools) {
    SOVREN_TRY(connect, pool_connect(pool, tls));
    pool.connect = connect;
  }
  settings.server.tls = std::move(tls);
  settings.token_file = first_of(site.listen.tokens, home + "/tokens");
  return settings;
}

Result<ServeSettings> read_serve_settings(const Arguments& arguments) {
  text::ServeConfig site;
  if (arguments.has("config")) {
    SOVREN_TRY(file, read_job_text(arguments.text("config")));
    auto parsed = text::parse_site_file(file);
    if (!parsed) return fail(print_all_but_last(std::move(parsed).error()));
    site = *std::move(parsed);
  }
  SOVREN_TRY(home, sovren_home());
  return serve_settings(site, arguments, absolute(home));
}

}  // namespace sovren::cli
