// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "workers/agent/agent.h"

namespace sovren::workers {

constexpr double patience_s = 20;

/// A job directory, and an agent that starts attempts in it.
class AgentFixture : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "/sovren_agent_" +
           testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
           std::to_string(::getpid());
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override {
    agent_.reset();
    std::filesystem::remove_all(dir_);
  }

  static std::string bin() {
    const char* bin = std::getenv("SOVREN_BIN");
    return bin == nullptr ? "bin" : bin;
  }

  virtual AgentConfig config() { return {.rank_program = bin() + "/agent_fake_rank"}; }

  Agent& agent() {
    if (agent_ == nullptr) {
      auto started = Agent::start(config());
      if (!started) throw std::runtime_error(to_text(started.error()));
      agent_ = std::move(*started);
    }
    return *agent_;
  }

  /// Takes news until one of this kind comes, and gives it; nothing after patience_s.
  template <class T>
  std::optional<T> wait_for() {
    for (int turn = 0; turn < 1000; ++turn) {
      while (!unread_.empty()) {
        const AttemptNews news = std::move(unread_.front());
        unread_.pop_front();
        if (std::holds_alternative<AttemptExited>(news.what)) ++exits_;
        if constexpr (std::is_same_v<T, AttemptExited>) {
          if (auto* found = std::get_if<AttemptExited>(&news.what)) return *found;
        } else if (auto* report = std::get_if<RankReport>(&news.what)) {
          if (auto* found = std::get_if<T>(report)) return *found;
        }
      }
      for (AttemptNews& news : agent().poll(patience_s / 1000)) unread_.push_back(std::move(news));
    }
    return std::nullopt;
  }

  std::string text_of(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream(dir_ + "/" + file).rdbuf();
    return text.str();
  }

  std::deque<AttemptNews> unread_;
  std::string dir_;
  std::unique_ptr<Agent> agent_;
  int exits_ = 0;
};

/// Living processes (no zombies) that name this folder on their command line.
inline std::set<pid_t> processes_of(const std::string& dir) {
  std::set<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid == 0) continue;
    std::ostringstream command;
    command << std::ifstream(entry.path() / "cmdline").rdbuf();
    if (command.str().find(dir) != std::string::npos) found.insert(pid);
  }
  return found;
}

}  // namespace sovren::workers
