// SPDX-License-Identifier: Apache-2.0
#include "core/text/site_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/text/hosts.h"

namespace sovren::text {
namespace {

std::string site_errors_of(const std::string& text) {
  const auto config = parse_site_file({"site.toml", text, "/etc/sovren"});
  std::string all;
  if (!config)
    for (const Error& error : config.error()) all += to_text(error) + "\n";
  return all;
}

// The documented example; empty where the source tree is not known.
std::string example() {
  const char* source = std::getenv("SOVREN_SOURCE");
  if (source == nullptr) return {};
  std::ifstream file(std::string(source) + "/docs/site-file.md");
  std::stringstream page;
  page << file.rdbuf();
  const std::string text = page.str();
  const std::size_t begin = text.find("```toml\n") + 8;
  return text.substr(begin, text.find("```", begin) - begin);
}

TEST(SiteFile, MayBeEmpty) {
  const auto config = parse_site_file({"site.toml", "", "/"});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->site, Site{});
  EXPECT_EQ(config->listen.socket, "");
  EXPECT_FALSE(config->policy.quantum_s);
}

TEST(SiteFile, ReadsTheDocumentedExample) {
  const std::string text = example();
  if (text.empty()) GTEST_SKIP() << "SOVREN_SOURCE is not set; run it by ctest";
  EXPECT_EQ(site_errors_of(text), "");
  const auto config = parse_site_file({"site.toml", text, "/etc/sovren"});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->node_timeout_s, 30);
  EXPECT_EQ(config->requeues_on_time_limit, true);
  EXPECT_EQ(config->jobs_dir, "/shared/sovren");
  EXPECT_EQ(config->listen.socket, "/etc/sovren/sovren.sock");
  EXPECT_EQ(config->listen.is_socket_open, true);
  EXPECT_EQ(config->listen.port, 8443);
  EXPECT_EQ(config->listen.key, "/etc/sovren/tls/key.pem");
  EXPECT_EQ(config->requests.body_bytes, 16 << 20);
  EXPECT_EQ(config->requests.open_jobs, 2'000'000);
  EXPECT_EQ(config->policy.order, "multifactor");
  EXPECT_EQ(config->policy.preempts, true);
  EXPECT_EQ(config->policy.quantum_s, 600);
  EXPECT_EQ(config->policy.weights.deadline, 2000);
  EXPECT_EQ(config->policy.weights.age_unit_s, 7 * 86'400);

  const Site& site = config->site;
  EXPECT_EQ(site.operators, (std::vector<std::string>{"root", "ops"}));
  ASSERT_EQ(site.partitions.size(), 2U);  // with that of the pool
  const Partition& general = site.partitions[0];
  EXPECT_EQ(general.name, "general");
  EXPECT_EQ(general.nodes.size(), 18U);
  EXPECT_EQ(general.nodes[16], "n20");
  EXPECT_TRUE(general.is_default);
  EXPECT_EQ(general.limits.running_jobs, 500);
  EXPECT_EQ(general.limits.time_limit_s, 2 * 86'400);
  EXPECT_EQ(general.user_limits.cpus, 64);
  ASSERT_EQ(site.qos.size(), 2U);
  EXPECT_EQ(site.qos[1].preempts, std::vector<std::string>{"normal"});
  EXPECT_EQ(site.qos[1].usage_factor, 2);
  ASSERT_EQ(site.accounts.size(), 1U);
  EXPECT_EQ(site.accounts[0].users.at("ada"), 2);
  ASSERT_EQ(site.reservations.size(), 1U);
  EXPECT_EQ(format_utc(site.reservations[0].start), "2026-12-01T06:00:00.000Z");
  EXPECT_EQ(site.reservations[0].every_s, 7 * 86'400);
  EXPECT_EQ(site.users.at("ada").nodes_per_job, 8);
  EXPECT_EQ(site.user_limits.submitted_jobs, 100'000);
}

TEST(SiteFile, ReadsPools) {
  const std::string text = example();
  if (text.empty()) GTEST_SKIP() << "SOVREN_SOURCE is not set; run it by ctest";
  const auto config = parse_site_file({"site.toml", text, "/etc/sovren"});
  ASSERT_TRUE(config);
  ASSERT_EQ(config->site.pools.size(), 1U);
  const Pool expected{.name = "render",
                      .max_nodes = 20,
                      .pending_max = 4,
                      .scale_on = {"queue_seconds", 0.1},
                      .idle_timeout_s = 300,
                      .time_limit_s = 3600,
                      .cpus = 8,
                      .memory_bytes = std::int64_t{32} << 30,
                      .connect = "https://login1:8443",
                      .token_file = "/etc/sovren/node.token",
                      .ca_file = "/etc/sovren/tls/ca.pem",
                      .certificate_file = "/etc/sovren/tls/cert.pem",
                      .options = {"--account=climate", "--partition=short"},
                      .setup = "module load openmpi"};
  EXPECT_EQ(config->site.pools[0], expected);
}

TEST(SiteFile, MakesAPartitionOfEachPool) {
  const auto alone = parse_site_file({"site.toml", "[pool.a]\n[pool.b]\nconnect = \"s\"", "/x"});
  ASSERT_TRUE(alone);
  const auto& partitions = alone->site.partitions;
  ASSERT_EQ(partitions.size(), 3U);
  EXPECT_EQ(partitions[0], (Partition{.name = "default", .is_default = true}));
  EXPECT_EQ(partitions[2], (Partition{.name = "b", .labels = {{"pool", "b"}}}));
  EXPECT_EQ(alone->site.pools[1].connect, "/x/s");
  const auto beside = parse_site_file({"site.toml", "[partitions.a]\npriority = 3\n[pool.a]", "/"});
  ASSERT_TRUE(beside);
  EXPECT_EQ(beside->site.partitions,
            (std::vector<Partition>{{.name = "a", .labels = {{"pool", "a"}}, .priority = 3}}));
}

TEST(SiteFile, NamesWhatIsWrongWithPools) {
  const std::pair<const char*, const char*> cases[] = {
      {"[pool.a]\nmax_node = 3",
       "site.toml:2:1: unknown key 'max_node' in [pool.a]\n  hint: did you mean 'max_nodes'?\n"},
      {"[pool.a]\nvia = \"slrum\"",
       "site.toml:2:7: pool.a.via must be one of slurm, got string 'slrum'\n  hint: did you mean "
       "'slurm'?\n"},
      {"[pool.a]\nmin_nodes = 3\nmax_nodes = 2",
       "site.toml:2:13: pool.a.min_nodes is above max_nodes = 2\n"},
      {"[pool.a]\nscale_on = \"load\"",
       "site.toml:2:12: pool.a.scale_on must be a name, > and a number of at least 0, got "
       "\"load\"\n  hint: write: scale_on = \"queue_seconds > 0.1\", \"load > 0.7\", \"pending > "
       "10\" or a metric of jobs, \"causal_depth > 5\"\n"},
      {"[pool.a]\nscale_on = \"load > -1\"",
       "site.toml:2:12: pool.a.scale_on must be a name, > and a number of at least 0, got "
       "\"load > -1\"\n  hint: write: scale_on = \"queue_seconds > 0.1\", \"load > 0.7\", "
       "\"pending > 10\" or a metric of jobs, \"causal_depth > 5\"\n"},
      {"[pool.a]\noptions = [\"--output=x\", \"-A\"]",
       "site.toml:2:11: pool.a.options holds --output, which the daemon sets itself\n"
       "site.toml:2:11: pool.a.options holds string '-A', which is no long option of sbatch\n"
       "  hint: write: options = [\"--account=physics\", \"--qos=low\"]\n"},
      {"[pool.a]\nconnect = \"http://h:1\"",
       "site.toml:2:11: pool.a.connect must be an https URL or the path of a Unix socket, got "
       "\"http://h:1\"\n"},
      {"[pool.\"a+b\"]\ncpus = 1",
       "site.toml:1:1: the pool's name must be made of letters, digits, dots, dashes and "
       "underscores, at most 60: its nodes are named after it\n"},
      {"[pool.a]\n[partitions.a]\nnodes = [\"n1\"]",
       "site.toml:3:9: partition a is also a pool: its nodes cannot be listed\n"
       "  hint: leave nodes out, or name the pool otherwise\n"},
  };
  for (const auto& [text, errors] : cases) EXPECT_EQ(site_errors_of(text), errors) << text;
}

// The known keys of a table, as the hint for one that is not known lists them.
std::vector<std::string> keys_of(const std::string& table) {
  const std::string errors = site_errors_of(table + "\nqqqqqqqqqqqqqqqqqqqqqqqqqqqq = 1\n");
  const std::size_t at = errors.find("known keys: ");
  EXPECT_NE(at, std::string::npos) << table << ": " << errors;
  std::stringstream list(errors.substr(at + 12, errors.find('\n', at) - at - 12));
  std::vector<std::string> keys;
  for (std::string key; list >> key;) {
    if (key.back() == ',') key.pop_back();
    keys.push_back(key);
  }
  return keys;
}

TEST(SiteFile, IsDocumentedWithEveryKey) {
  const std::string text = example();
  if (text.empty()) GTEST_SKIP() << "SOVREN_SOURCE is not set; run it by ctest";
  int count = 0;
  for (const char* table : {"", "[listen]", "[requests]", "[policy]", "[policy.weights]",
                            "[partitions.general]", "[pool.render]", "[qos.urgent]",
                            "[accounts.climate]", "[reservations.maintenance]", "[users.ada]"}) {
    const std::size_t begin = *table == '\0' ? 0 : text.find(std::string(table) + " ");
    const std::size_t plain = *table == '\0' ? 0 : text.find(std::string(table) + "\n");
    const std::size_t at = std::min(begin, plain);
    ASSERT_NE(at, std::string::npos) << table;
    const std::string section =
        *table == '\0' ? text : text.substr(at, text.find("\n[", at + 1) - at);
    for (const std::string& key : keys_of(table)) {
      const bool is_there = section.find("\n" + key + " = ") != std::string::npos ||
                            section.find("\n" + key + ".") != std::string::npos ||
                            text.find("[policy." + key + "]") != std::string::npos ||
                            section.find("[" + key + "]") != std::string::npos ||
                            section.find("[" + key + ".") != std::string::npos ||
                            section.starts_with(key + " = ");
      EXPECT_TRUE(is_there) << table << " " << key;
      ++count;
    }
  }
  EXPECT_GT(count, 70);
}

TEST(SiteFile, NamesWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"node_timout = \"3s\"",
       "site.toml:1:1: unknown key 'node_timout'\n  hint: did you mean 'node_timeout'?\n"},
      {"node_timeout = 30",
       "site.toml:1:16: node_timeout must be a duration such as \"10min\", of at least 1s, got 30\n"
       "  hint: write: node_timeout = \"30s\" or \"30min\"\n"},
      {"schema = 2", "site.toml:1:10: schema must be a whole number from 1 to 1, got 2\n"},
      {"operators = \"ada\"",
       "site.toml:1:13: operators must be a list of names, got string 'ada'\n"
       "  hint: write: operators = [\"ada\"]\n"},
      {"[policy]\norder = \"multifaktor\"",
       "site.toml:2:9: policy.order must be one of fcfs, sjf, saf, f1, wfp3, unicep, aged-saf, "
       "multifactor, got string 'multifaktor'\n  hint: did you mean 'multifactor'?\n"},
      {"[policy.weights]\nage = -1",
       "site.toml:2:7: policy.weights.age must be a number of at least 0.0, got -1\n"},
      {"[policy]\nweights = 3", "site.toml:2:11: policy.weights must be a table, got 3\n"},
      {"[listen]\naddress = \"0.0.0.0\"",
       "site.toml:2:11: listen.address needs certificate and key: TCP is served with TLS only\n"
       "  hint: write: certificate = \"cert.pem\" and key = \"key.pem\"\n"},
      {"[listen]\nport = 80",
       "site.toml:2:8: listen.port needs an address\n  hint: write: address = \"0.0.0.0\"\n"},
      {"[listen]\naddress = \"h:80\"\ncertificate = \"c\"\nkey = \"k\"",
       "site.toml:2:11: listen.address must be an address alone, got 'h:80'\n"
       "  hint: write the port beside it: port = 80\n"},
      {"[requests]\nbody = \"big\"",
       "site.toml:2:8: requests.body must be a size such as \"16MiB\", got string 'big'\n"},
      {"[partitions]\na = 3",
       "site.toml:2:5: partitions.a must be a table, got 3\n"
       "  hint: write the line [partitions.a] and its keys below it\n"},
      {"[partitions.\"a b\"]",
       "site.toml:1:13: partitions.\"a b\": a name must be letters, digits "
       "and . _ - + @\n"},
      {"[partitions.a]\nnodes = [\"n[3-1]\"]",
       "site.toml:2:9: partitions.a.nodes holds string 'n[3-1]', which is no name of a node\n"
       "  hint: write: nodes = [\"n[01-16,20]\", \"gpu1\"]\n"},
      {"[partitions.a]\nlimits.time_limit = \"1h\"\ndefault_time_limit = \"2h\"",
       "site.toml:3:22: partitions.a.default_time_limit must be at most the partition's "
       "time_limit\n"},
      {"[partitions.a]\nuser_limits.cpu = 3",
       "site.toml:2:13: unknown key 'cpu' in [partitions.a.user_limits]\n"
       "  hint: did you mean 'cpus'?\n"},
      {"[partitions.a]\ndefault = true\n[partitions.b]\ndefault = true",
       "site.toml:4:11: partitions a and b are both the default\n"},
      {"[qos.a]\npreempts = [\"norml\"]\n[qos.normal]",
       "site.toml:2:12: there is no QOS 'norml'\n  hint: did you mean 'normal'?\n"},
      {"[qos.a]\npreempts = [\"a\"]", "site.toml:2:12: QOS a preempts itself\n"},
      {"[qos.a]\npreempts = [\"b\"]\n[qos.b]\npreempts = [\"a\"]",
       "site.toml:4:12: QOS a and b preempt each other\n"},
      {"[accounts.climate]\nusers = { ada = 0 }",
       "site.toml:2:17: accounts.climate.users must be a table of names and numbers above 0, got "
       "0\n"},
      {"[partitions.a]\naccounts = [\"climat\"]\n[accounts.climate]",
       "site.toml:2:13: there is no account 'climat'\n  hint: did you mean 'climate'?\n"},
      {"[reservations.r]\nduration = \"1h\"",
       "site.toml:1:1: reservations.r.start is missing\n"
       "  hint: write: start = 2026-12-01T06:00:00Z\n"},
      {"[reservations.r]\nstart = \"soon\"\nduration = \"1h\"",
       "site.toml:2:9: reservations.r.start must be a time such as \"2026-11-23T15:00:00Z\", got "
       "string 'soon'\n"},
      {"[reservations.r]\nstart = 2026-12-01T06:00:00Z\nduration = \"2d\"\nevery = \"daily\"",
       "site.toml:4:9: reservations.r.every must be at least its duration\n"},
      {"[users.ada]\njobs = 1",
       "site.toml:2:1: unknown key 'jobs' in [users.ada]\n"
       "  hint: known keys: running_jobs, submitted_jobs, cpus, gpus, nodes_per_job, "
       "time_limit\n"},
      {"a = ",
       "site.toml:1:5: syntax error while parsing key-value pair: encountered end-of-file\n"},
  };
  for (const auto& [text, errors] : cases) EXPECT_EQ(site_errors_of(text), errors) << text;
}

TEST(SiteFile, HasTheOrdersByTheNamesOfTheirEnumerators) {
  const auto config = parse_site_file({"site.toml", "[policy]\norder = \"aged-saf\"", "/"});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->policy.order, "aged_saf");
}

TEST(SiteFile, ReportsAllErrorsAtOnce) {
  const std::string errors = site_errors_of("a = 1\n[policy]\nb = 1\n[qos.x]\nc = 1\n");
  EXPECT_NE(errors.find("site.toml:1:1:"), std::string::npos);
  EXPECT_NE(errors.find("site.toml:3:1:"), std::string::npos);
  EXPECT_NE(errors.find("site.toml:5:1:"), std::string::npos);
}

TEST(Hosts, ExpandNumbersInBrackets) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(expand_hosts("n1").value(), Names{"n1"});
  EXPECT_EQ(expand_hosts("n[1-3]").value(), (Names{"n1", "n2", "n3"}));
  EXPECT_EQ(expand_hosts("n[08-10,7]-gpu.x").value(),
            (Names{"n08-gpu.x", "n09-gpu.x", "n10-gpu.x", "n7-gpu.x"}));
  for (const char* bad : {"", "a b", "n[", "n]", "n]1[", "n[]", "n[a]", "n[3-1]", "n[1-]", "n[-1]",
                          "n[1][2]", "n[1,]", "n[0-999999999]", "n[1234567890]", "/[1]"})
    EXPECT_FALSE(expand_hosts(bad)) << bad;
}

}  // namespace
}  // namespace sovren::text
