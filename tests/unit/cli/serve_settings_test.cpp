// SPDX-License-Identifier: Apache-2.0
#include "cli/serve_settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace sovren::cli {
namespace {

Arguments serve(const std::vector<std::string>& words) {
  return *parse_arguments(**find_command("serve"), words);
}

TEST(ServeSettings, WithoutASiteFileAreThoseOfTheStateDirectory) {
  const auto settings = serve_settings({}, serve({}), "/state");
  ASSERT_TRUE(settings) << to_text(settings.error());
  EXPECT_EQ(settings->server.unix_socket->path, "/state/sovren.sock");
  EXPECT_EQ(settings->server.unix_socket->mode, geteuid() == 0 ? 0666U : 0600U);
  EXPECT_FALSE(settings->server.tls);
  EXPECT_EQ(settings->token_file, "/state/tokens");
  EXPECT_EQ(settings->engine.jobs_dir, "/state/jobs");
  EXPECT_EQ(settings->engine.on_restart, engine::OnRestart::readopt);
  EXPECT_EQ(settings->engine.policy.order, policy::Order::multifactor);
}

TEST(ServeSettings, TellPoolsWhereTheirAgentsFindTheDaemon) {
  const auto connect_of = [](text::ServeConfig site,
                             const std::vector<std::string>& words) -> Result<std::string> {
    site.site.pools = {{.name = "render"}};
    SOVREN_TRY(settings, serve_settings(site, serve(words), "/state"));
    return settings.engine.policy.site.pools[0].connect;
  };
  const auto listen_at = [](const std::string& address, std::uint16_t port) {
    text::ServeConfig site;
    site.listen = {.address = address, .port = port, .certificate = "/c", .key = "/k"};
    return site;
  };
  EXPECT_EQ(connect_of(listen_at("10.1.2.3", 8443), {}), "https://10.1.2.3:8443");
  EXPECT_EQ(connect_of(listen_at("fd00::1", 1), {}), "https://[fd00::1]:1");
  EXPECT_EQ(connect_of(listen_at("0.0.0.0", 8443), {})->find("0.0.0.0"), std::string::npos);
  for (const auto& site : {text::ServeConfig{}, listen_at("127.0.0.1", 8443), listen_at("::", 0)}) {
    const auto refused = connect_of(site, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::usage);
    EXPECT_NE(refused.error().what.find("pool.render"), std::string::npos);
  }
  text::ServeConfig said;
  said.site.pools = {{.name = "render", .connect = "/s/sovren.sock"}};
  EXPECT_EQ(serve_settings(said, serve({}), "/state")->engine.policy.site.pools[0].connect,
            "/s/sovren.sock");
}

TEST(ServeSettings, TakeWhatTheSiteFileSays) {
  const auto site = text::parse_site_file({.name = "site.toml",
                                           .text = R"(schema = 1
node_timeout = "5s"
on_time_limit = "end"
jobs_dir = "/shared/jobs"
operators = ["ops"]
[listen]
socket = "s"
socket_access = "owner"
address = "0.0.0.0"
port = 8443
certificate = "c.pem"
key = "k.pem"
tokens = "t"
[requests]
body = "1MiB"
array_elements = 7
[policy]
order = "aged-saf"
backfill = "conservative"
backfill_order = "saf"
preemption = "off"
quantum = "1min"
half_life = "1d"
[policy.weights]
age = 3
)",
                                           .base_dir = "/etc/sovren"});
  ASSERT_TRUE(site) << to_text(site.error().front());
  const auto settings = serve_settings(*site, serve({}), "/state");
  ASSERT_TRUE(settings) << to_text(settings.error());
  EXPECT_EQ(settings->engine.node_timeout_s, 5);
  EXPECT_EQ(settings->engine.on_time_limit, engine::OnTimeLimit::end);
  EXPECT_EQ(settings->engine.jobs_dir, "/shared/jobs");
  EXPECT_EQ(settings->engine.array_max, 7);
  EXPECT_EQ(settings->engine.half_life_s, 86'400);
  EXPECT_EQ(settings->engine.policy.order, policy::Order::aged_saf);
  EXPECT_EQ(settings->engine.policy.backfill, policy::Backfill::conservative);
  EXPECT_EQ(settings->engine.policy.backfill_order, policy::Order::saf);
  EXPECT_FALSE(settings->engine.policy.preemption.is_on);
  EXPECT_EQ(settings->engine.policy.preemption.quantum_s, 60);
  EXPECT_EQ(settings->engine.policy.weights.age, 3);
  EXPECT_EQ(settings->operators, std::vector<std::string>{"ops"});
  EXPECT_EQ(settings->server.unix_socket->path, "/etc/sovren/s");
  EXPECT_EQ(settings->server.unix_socket->mode, 0600U);
  EXPECT_EQ(settings->server.limits.body_bytes_max, 1U << 20);
  EXPECT_EQ(settings->server.tls->address, "0.0.0.0");
  EXPECT_EQ(settings->server.tls->port, 8443);
  EXPECT_EQ(settings->server.tls->key_file, "/etc/sovren/k.pem");
  EXPECT_EQ(settings->token_file, "/etc/sovren/t");
}

TEST(ServeSettings, TheCommandLineWinsOverTheSiteFile) {
  text::ServeConfig site;
  site.listen = {.socket = "/a", .address = "0.0.0.0", .certificate = "/c", .key = "/k"};
  const auto settings = serve_settings(
      site, serve({"--socket", "/b", "--listen", "[::1]:99", "--key", "/mine"}), "/s");
  ASSERT_TRUE(settings) << to_text(settings.error());
  EXPECT_EQ(settings->server.unix_socket->path, "/b");
  EXPECT_EQ(settings->server.tls->address, "::1");
  EXPECT_EQ(settings->server.tls->port, 99);
  EXPECT_EQ(settings->server.tls->certificate_file, "/c");
  EXPECT_EQ(settings->server.tls->key_file, "/mine");
}

TEST(ServeSettings, EveryOrderOfTheSiteFileIsAnOrderOfThePolicy) {
  std::set<policy::Order> orders;
  const std::vector<std::string> names{"fcfs", "sjf",    "saf",      "f1",
                                       "wfp3", "unicep", "aged_saf", "multifactor"};
  for (const std::string& name : names) {
    text::ServeConfig site;
    site.policy.order = name;
    orders.insert(serve_settings(site, serve({}), "/s")->engine.policy.order);
  }
  EXPECT_EQ(orders.size(), names.size());
}

TEST(ServeSettings, RefuseWhatCannotBeListenedOn) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--listen", "127.0.0.1:8443"},
           {"--listen", "127.0.0.1:", "--certificate", "c", "--key", "k"},
           {"--listen", ":8443", "--certificate", "c", "--key", "k"},
           {"--listen", "127.0.0.1:65536", "--certificate", "c", "--key", "k"}}) {
    const auto settings = serve_settings({}, serve(words), "/s");
    ASSERT_FALSE(settings) << words[1];
    EXPECT_EQ(settings.error().code, Code::usage);
    EXPECT_FALSE(settings.error().hint.empty());
  }
}

}  // namespace
}  // namespace sovren::cli
