// SPDX-License-Identifier: Apache-2.0
#include "core/text/site_file.h"

#include <algorithm>

#include "core/text/hosts.h"
#include "core/text/nearest.h"
#include "core/text/pool_reader.h"
#include "core/text/table_reader.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;

constexpr std::string_view orders[] = {"fcfs", "sjf",    "saf",      "f1",
                                       "wfp3", "unicep", "aged-saf", "multifactor"};
constexpr std::string_view backfills[] = {"none", "easy", "conservative"};
constexpr std::string_view preemptions[] = {"checkpoint", "off"};
constexpr std::string_view accesses[] = {"owner", "all"};
constexpr std::string_view on_limits[] = {"requeue", "end"};
constexpr std::string_view repeats[] = {"daily", "weekly"};
constexpr std::int64_t count_max = 1'000'000'000;
constexpr double day_s = 86'400;

void read_limits(TableReader& table, Limits& limits) {
  table.whole("running_jobs", limits.running_jobs, 0, count_max);
  table.whole("submitted_jobs", limits.submitted_jobs, 0, count_max);
  table.whole("cpus", limits.cpus, 0, count_max);
  table.whole("gpus", limits.gpus, 0, count_max);
  table.whole("nodes_per_job", limits.nodes_per_job, 1, count_max);
  table.duration("time_limit", limits.time_limit_s, 1);
}

void read_both_limits(TableReader& table, Limits& limits, Limits& user_limits) {
  table.inner_table("limits", [&](TableReader& inner) { read_limits(inner, limits); });
  table.inner_table("user_limits", [&](TableReader& inner) { read_limits(inner, user_limits); });
}

// A list of node names, in which "n[01-16,20]" stands for several.
void read_nodes(TableReader& table, std::vector<std::string>& nodes) {
  const TomlEntry* entry = table.take("nodes");
  if (entry == nullptr) return;
  std::vector<std::string> names;
  const bool is_list = entry->value.type == Type::list;
  for (const TomlValue& item : entry->value.items) {
    const auto hosts =
        item.type == Type::text ? expand_hosts(item.text) : Result<std::vector<std::string>>();
    if (!hosts || hosts->empty()) {
      table.report(
          "nodes",
          table.qualified("nodes") + " holds " + describe(item) + ", which is no name of a node",
          "write: nodes = [\"n[01-16,20]\", \"gpu1\"]");
      return;
    }
    names.insert(names.end(), hosts->begin(), hosts->end());
  }
  if (!is_list)
    return table.report(
        "nodes",
        table.qualified("nodes") + " must be a list of names, got " + describe(entry->value),
        "write: nodes = [\"n[01-16,20]\", \"gpu1\"]");
  nodes = std::move(names);
}

/// One file; where things were written is kept for the checks of what names what.
class SiteReader {
 public:
  SiteReader(const TomlValue& root, Problems& problems, std::string_view base_dir)
      : top_(problems, "", root), problems_(problems), base_dir_(base_dir) {}

  ServeConfig read() {
    std::int64_t schema = 1;
    top_.whole("schema", schema, 1, 1);
    top_.duration("node_timeout", config_.node_timeout_s, 1);
    std::string on_limit;
    top_.choice("on_time_limit", on_limit, on_limits);
    if (!on_limit.empty()) config_.requeues_on_time_limit = on_limit == "requeue";
    top_.path("jobs_dir", config_.jobs_dir, base_dir_);
    top_.words("operators", config_.site.operators);
    top_.inner_table("listen", [&](TableReader& table) { read_listen(table); });
    top_.inner_table("requests", [&](TableReader& table) { read_requests(table); });
    top_.inner_table("policy", [&](TableReader& table) { read_policy(table); });
    read_site();
    top_.finish();
    return std::move(config_);
  }

 private:
  void read_listen(TableReader& table) {
    ListenSettings& listen = config_.listen;
    table.path("socket", listen.socket, base_dir_);
    std::string access;
    table.choice("socket_access", access, accesses);
    listen.is_socket_open = access == "all";
    table.text("address", listen.address);
    table.whole("port", listen.port, 0, 65'535);
    table.path("certificate", listen.certificate, base_dir_);
    table.path("key", listen.key, base_dir_);
    table.path("tokens", listen.tokens, base_dir_);
    if (listen.address.find(':') != std::string::npos &&
        listen.address.find(':') == listen.address.rfind(':'))
      table.report("address",
                   "listen.address must be an address alone, got '" + listen.address + "'",
                   "write the port beside it: port = " +
                       listen.address.substr(listen.address.find(':') + 1));
    if (!listen.address.empty() && (listen.certificate.empty() || listen.key.empty()))
      table.report("address",
                   "listen.address needs certificate and key: TCP is served with TLS only",
                   "write: certificate = \"cert.pem\" and key = \"key.pem\"");
    if (listen.address.empty() && listen.port)
      table.report("port", "listen.port needs an address", "write: address = \"0.0.0.0\"");
  }

  void read_requests(TableReader& table) {
    RequestSettings& r = config_.requests;
    table.size("body", r.body_bytes);
    table.whole("connections", r.connections, 1, count_max);
    table.whole("connections_per_peer", r.connections_per_peer, 1, count_max);
    table.number("local_per_second", r.local_per_s, 1);
    table.number("remote_per_second", r.remote_per_s, 1);
    table.whole("array_elements", r.array_elements, 1, 100'000);
    table.whole("open_jobs", r.open_jobs, 1, count_max);
  }

  // As an enumerator is written.
  static void read_order(TableReader& table, std::string_view key, std::string& order) {
    table.choice(key, order, orders);
    std::replace(order.begin(), order.end(), '-', '_');
  }

  void read_policy(TableReader& table) {
    PolicySettings& p = config_.policy;
    read_order(table, "order", p.order);
    table.choice("backfill", p.backfill, backfills);
    read_order(table, "backfill_order", p.backfill_order);
    table.whole("reservations", p.reservations, 1, 100'000);
    table.duration("unlimited", p.unlimited_s, 1);
    std::string preemption;
    table.choice("preemption", preemption, preemptions);
    if (!preemption.empty()) p.preempts = preemption == "checkpoint";
    table.duration("quantum", p.quantum_s, 1);
    table.duration("preemption_cost", p.preemption_cost_s, 0);
    table.duration("half_life", p.half_life_s, 1);
    table.duration("grace", p.grace_s, 0);
    table.duration("mtbf", p.mtbf_s, 1);
    table.whole("breaker_failures", p.breaker_failures, 0, count_max);
    table.inner_table("weights", [&](TableReader& inner) {
      PolicySettings::Weights& w = p.weights;
      inner.number("age", w.age, 0);
      inner.number("fair_share", w.fair_share, 0);
      inner.number("qos", w.qos, 0);
      inner.number("partition", w.partition, 0);
      inner.number("size", w.size, 0);
      inner.number("deadline", w.deadline, 0);
      inner.number("nice", w.nice, 0);
      inner.duration("age_unit", w.age_unit_s, 1);
    });
  }

  void read_site() {
    Site& site = config_.site;
    top_.each_table("partitions", [&](const TomlEntry& entry, TableReader& table) {
      read_partition(entry, table);
    });
    top_.each_table("pool", [&](const TomlEntry& entry, TableReader& table) {
      site.pools.push_back(read_pool(entry, table, base_dir_));
    });
    top_.each_table("qos", [&](const TomlEntry& entry, TableReader& table) {
      Qos qos{.name = entry.key};
      table.whole("priority", qos.priority, -count_max, count_max);
      table.words("preempts", qos.preempts);
      table.flag("requeues", qos.requeues);
      table.number("usage_factor", qos.usage_factor, 0);
      table.words("users", qos.users);
      read_both_limits(table, qos.limits, qos.user_limits);
      site.qos.push_back(std::move(qos));
      qos_places_[entry.key] = &entry;
    });
    top_.each_table("accounts", [&](const TomlEntry& entry, TableReader& table) {
      Account account{.name = entry.key};
      table.number("shares", account.shares, 0);
      table.numbers("users", account.users);
      read_both_limits(table, account.limits, account.user_limits);
      site.accounts.push_back(std::move(account));
    });
    top_.each_table("reservations", [&](const TomlEntry& entry, TableReader& table) {
      read_reservation(entry, table);
    });
    top_.each_table("users", [&](const TomlEntry& entry, TableReader& table) {
      read_limits(table, site.users[entry.key]);
    });
    top_.inner_table("user_limits",
                     [&](TableReader& table) { read_limits(table, site.user_limits); });
    check_names();
    check_pools();
    add_pool_partitions(site);
  }

  void read_partition(const TomlEntry& entry, TableReader& table) {
    Partition partition{.name = entry.key};
    read_nodes(table, partition.nodes);
    table.texts("labels", partition.labels);
    table.flag("default", partition.is_default);
    table.flag("up", partition.is_up);
    table.whole("priority", partition.priority, -count_max, count_max);
    table.duration("default_time_limit", partition.default_time_limit_s, 1);
    table.words("users", partition.users);
    table.words("accounts", partition.accounts);
    read_both_limits(table, partition.limits, partition.user_limits);
    const auto& longest = partition.limits.time_limit_s;
    if (longest && partition.default_time_limit_s.value_or(0) > *longest)
      table.report("default_time_limit", table.qualified("default_time_limit") +
                                             " must be at most the partition's time_limit");
    if (partition.is_default && !default_partition_.empty())
      table.report("default", "partitions " + default_partition_ + " and " + partition.name +
                                  " are both the default");
    if (partition.is_default) default_partition_ = partition.name;
    accounts_named_.push_back({&entry, "accounts"});
    partition_places_[entry.key] = &entry;
    config_.site.partitions.push_back(std::move(partition));
  }

  void read_reservation(const TomlEntry& entry, TableReader& table) {
    Reservation reservation{.name = entry.key};
    read_nodes(table, reservation.nodes);
    table.time("start", reservation.start);
    table.duration("duration", reservation.duration_s, 1);
    if (const TomlEntry* every = table.take("every")) {
      const auto seconds = every->value.type == Type::text ? every_s(every->value.text) : 0;
      if (seconds < 60)
        table.report("every", table.qualified("every") +
                                  " must be daily, weekly or a duration of at least 1min, got " +
                                  describe(every->value));
      else if (seconds < reservation.duration_s)
        table.report("every", table.qualified("every") + " must be at least its duration");
      reservation.every_s = seconds;
    }
    table.words("users", reservation.users);
    table.words("accounts", reservation.accounts);
    for (const std::string_view key : {"start", "duration"})
      if (entry.value.find(key) == nullptr)
        table.report(
            key, table.qualified(key) + " is missing",
            key == "start" ? "write: start = 2026-12-01T06:00:00Z" : "write: duration = \"2h\"");
    accounts_named_.push_back({&entry, "accounts"});
    config_.site.reservations.push_back(std::move(reservation));
  }

  static double every_s(const std::string& text) {
    if (text == repeats[0]) return day_s;
    if (text == repeats[1]) return 7 * day_s;
    return parse_duration_s(text).value_or(0);
  }

  // What names what must be there.
  void check_names() {
    std::vector<std::string_view> qos_names;
    for (const Qos& qos : config_.site.qos) qos_names.push_back(qos.name);
    for (const Qos& qos : config_.site.qos)
      for (const std::string& other : qos.preempts) check_preempts(qos, other, qos_names);
    std::vector<std::string_view> account_names;
    for (const Account& account : config_.site.accounts) account_names.push_back(account.name);
    if (account_names.empty()) return;  // any account is there
    for (const auto& [entry, key] : accounts_named_)
      if (const TomlEntry* list = entry->value.find(key))
        for (const TomlValue& item : list->value.items)
          check_known("account", item.text, item.place, account_names);
  }

  // A pool's nodes have no names before they are there.
  void check_pools() {
    for (const Pool& pool : config_.site.pools) {
      const auto partition = partition_places_.find(pool.name);
      if (partition == partition_places_.end()) continue;
      if (const TomlEntry* nodes = partition->second->value.find("nodes"))
        problems_.add(nodes->value.place,
                      "partition " + pool.name + " is also a pool: its nodes cannot be listed",
                      "leave nodes out, or name the pool otherwise");
    }
  }

  void check_preempts(const Qos& qos, const std::string& other,
                      const std::vector<std::string_view>& names) {
    const Place place = qos_places_.at(qos.name)->value.find("preempts")->value.place;
    if (!check_known("QOS", other, place, names)) return;
    if (other == qos.name) {
      problems_.add(place, "QOS " + other + " preempts itself");
      return;
    }
    for (const Qos& each : config_.site.qos)
      if (each.name == other && each.name < qos.name &&
          std::find(each.preempts.begin(), each.preempts.end(), qos.name) != each.preempts.end())
        problems_.add(place, "QOS " + other + " and " + qos.name + " preempt each other");
  }

  bool check_known(const std::string& what, const std::string& name, const Place& place,
                   const std::vector<std::string_view>& names) {
    if (std::find(names.begin(), names.end(), name) != names.end()) return true;
    const std::string near = nearest(name, names);
    problems_.add(place, "there is no " + what + " '" + name + "'",
                  near.empty() ? "" : "did you mean '" + near + "'?");
    return false;
  }

  TableReader top_;
  Problems& problems_;
  std::string_view base_dir_;
  ServeConfig config_;
  std::string default_partition_;
  std::map<std::string, const TomlEntry*> qos_places_;
  std::map<std::string, const TomlEntry*> partition_places_;
  std::vector<std::pair<const TomlEntry*, std::string_view>> accounts_named_;
};

}  // namespace

tl::expected<ServeConfig, Errors> parse_site_file(const SourceText& source) {
  const auto root = parse_toml(source.text, source.name);
  if (!root) return tl::unexpected<Errors>(Errors{root.error()});
  Problems problems(source.name, {});
  ServeConfig config = SiteReader(*root, problems, source.base_dir).read();
  if (!problems.empty()) return tl::unexpected<Errors>(std::move(problems).in_order());
  return config;
}

}  // namespace sovren::text
