// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sovren::workers {
namespace {

/// A root folder with the files of a machine.
class FakeRoot {
 public:
  explicit FakeRoot(const std::string& name)
      : path_(testing::TempDir() + "/sovren_root_" + name + "_" + std::to_string(::getpid())) {
    std::filesystem::remove_all(path_);
  }
  ~FakeRoot() { std::filesystem::remove_all(path_); }
  void put(const std::string& file, const std::string& text) const {
    const std::filesystem::path full = path_ + file;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Machine, CpuLimitIsTheLeastOfTheCgroupsAbove) {
  const FakeRoot root("v2");
  root.put("/proc/self/cgroup", "0::/a/b\n");
  root.put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  root.put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(root.path()), 1.5);
  root.put("/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(root.path()), 0.5);
}

TEST(Machine, LimitsOfCgroupVersionOneAreRead) {
  const FakeRoot root("v1");
  root.put("/proc/self/cgroup", "4:cpu,cpuacct:/job\n7:memory:/job\n");
  root.put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "300000\n");
  root.put("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  root.put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1073741824\n");
  root.put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(cgroup_cpu_limit(root.path()), 3.0);
  EXPECT_EQ(cgroup_memory_limit(root.path()), 1073741824);
}

TEST(Machine, WhatCannotBeReadDoesNotLimit) {
  const FakeRoot root("none");
  EXPECT_EQ(cgroup_cpu_limit(root.path()), 0);
  EXPECT_EQ(cgroup_memory_limit(root.path()), 0);
  EXPECT_EQ(memory_total(root.path()), 0);
  EXPECT_EQ(count_gpus(root.path(), nullptr), 0);
}

TEST(Machine, MemoryMaxLimitsAndMaxDoesNot) {
  const FakeRoot root("memory");
  root.put("/proc/self/cgroup", "0::/a\n");
  root.put("/sys/fs/cgroup/a/memory.max", "max\n");
  root.put("/proc/meminfo", "MemTotal:       2097152 kB\nMemFree: 1 kB\n");
  EXPECT_EQ(cgroup_memory_limit(root.path()), 0);
  EXPECT_EQ(memory_total(root.path()), std::int64_t{2} << 30);
  root.put("/sys/fs/cgroup/a/memory.max", "4096\n");
  EXPECT_EQ(cgroup_memory_limit(root.path()), 4096);
}

TEST(Machine, GpusAreTheNumberedDevicesThatAreVisible) {
  const FakeRoot root("gpus");
  for (const char* device : {"nvidia0", "nvidia1", "nvidia11", "nvidiactl", "nvidia-uvm"})
    root.put(std::string("/dev/") + device, "");
  EXPECT_EQ(count_gpus(root.path(), nullptr), 3);
  EXPECT_EQ(count_gpus(root.path(), "0,2"), 2);
  EXPECT_EQ(count_gpus(root.path(), "0,1,2,3,4"), 3);
  EXPECT_EQ(count_gpus(root.path(), ""), 0);
  EXPECT_EQ(count_gpus(root.path(), "-1"), 0);
}

TEST(Machine, ThisOneHasACoreAndMemory) {
  const NodeResources here = discover_machine();
  EXPECT_GE(here.cpus, 1);
  EXPECT_GT(here.memory_bytes, 0);
}

}  // namespace
}  // namespace sovren::workers
