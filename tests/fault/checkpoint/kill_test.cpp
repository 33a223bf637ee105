// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "storage/file/system.h"
#include "tests/fault/checkpoint/life.h"

namespace sovren::storage {
namespace {

enum class When { before, midway, after };

/// Ends the process by SIGKILL at one of its disk-changing calls: before it, after it, or at one of
/// its writes when half of the bytes are written.
class KillingSystem : public HookedSystem {
 public:
  KillingSystem(int call, When when) : call_(call), when_(when) { replace_system_calls(this); }

 protected:
  ssize_t on(const SystemCall& call) override {
    const bool can_be_half = call.kind == SystemCall::Kind::write;
    if (when_ == When::midway && !can_be_half) return make(call);
    if (++calls_ != call_) return make(call);
    SystemCall last = call;
    if (when_ == When::midway) last.size /= 2;
    if (when_ != When::before) static_cast<void>(make(last));
    static_cast<void>(std::raise(SIGKILL));
    ::_exit(99);
  }

 private:
  int call_;
  When when_;
  int calls_ = 0;
};

struct Death {
  bool was_killed = false;
  std::int64_t sealed = 0;  ///< the last step it was told was sealed
};

/// live_one_attempt() in a process that is killed at this call, if it gets there.
Death live_and_die(const std::string& dir, int attempt, int call, When when) {
  std::array<int, 2> told{};
  EXPECT_EQ(::pipe(told.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    KillingSystem system(call, when);
    const auto lived = live_one_attempt(dir, attempt, [&](std::int64_t step) {
      if (::write(told[1], &step, sizeof step) != sizeof step) ::_exit(98);
    });
    ::_exit(lived ? 0 : 1);
  }
  ::close(told[1]);
  Death death;
  while (::read(told[0], &death.sealed, sizeof death.sealed) == sizeof death.sealed) continue;
  ::close(told[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  death.was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(death.was_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
      << "status " << status << " at call " << call;
  return death;
}

class Kill : public CheckpointTest, public testing::WithParamInterface<When> {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "sovren-kill-" + std::to_string(::getpid()) + "-" +
            std::to_string(static_cast<int>(GetParam()));
    ASSERT_TRUE(remove_tree(root_));
    dir_ = root_ + "/checkpoints";
    ASSERT_TRUE(prepare_life(root_ + "/prepared"));
  }
  void prepare(const std::string& dir) const {
    ASSERT_TRUE(remove_tree(dir));
    std::filesystem::copy(root_ + "/prepared", dir, std::filesystem::copy_options::recursive);
  }
};

TEST_P(Kill, AtAnyDiskCallLosesNothingThatWasSealed) {
  UnsyncedSystem unsynced;
  const Using using_it(unsynced);
  int call = 1;
  for (;; ++call) {
    prepare(dir_);
    const Death death = live_and_die(dir_, 2, call, GetParam());
    const std::string when = "killed at call " + std::to_string(call);
    expect_life_goes_on(dir_, std::max<std::int64_t>(death.sealed, 2), when);
    // The next attempt finds its way through what was left.
    const auto lived = live_one_attempt(dir_, 3, [](std::int64_t) {});
    ASSERT_TRUE(lived) << when << ": " << to_text(lived.error());
    expect_life_goes_on(dir_, 3, when);
    if (HasFailure() || !death.was_killed) break;
  }
  EXPECT_GT(call, GetParam() == When::midway ? 7 : 40) << "calls were counted";
}

TEST_P(Kill, AgainWhileTheNextAttemptCleansUp) {
  UnsyncedSystem unsynced;
  const Using using_it(unsynced);
  int call = 1;
  for (bool is_over = false; !is_over && !HasFailure();
       call += GetParam() == When::midway ? 2 : 6) {
    prepare(dir_);
    std::int64_t sealed = 2;
    for (int attempt = 2; attempt <= 5; ++attempt) {
      const int next = 1 + (call * attempt * 7) % (GetParam() == When::midway ? 13 : 61);
      const Death death = live_and_die(dir_, attempt, attempt == 2 ? call : next, GetParam());
      if (attempt == 2) is_over = !death.was_killed;
      // Tried twice in vain: one set back is right then.
      sealed = std::max(sealed, death.sealed);
    }
    expect_life_goes_on(dir_, sealed - 1, "killed four times, first at " + std::to_string(call));
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Kill, testing::Values(When::before, When::midway, When::after),
                         [](const auto& test) {
                           return test.param == When::before   ? "Before"
                                  : test.param == When::midway ? "Midway"
                                                               : "After";
                         });

}  // namespace
}  // namespace sovren::storage
