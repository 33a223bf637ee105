// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "workers/launch/process.h"

namespace sovren::workers {

/// A control group of one attempt: bounds its memory and tells when that killed a process of it.
/// Deleted by the destructor, which ends what is left in it.
class Cgroup {
 public:
  Cgroup(Cgroup&& other) noexcept
      : folder_(std::exchange(other.folder_, "")),
        version_(other.version_),
        procs_(std::move(other.procs_)) {}
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();

  /// Its cgroup.procs: who writes "0" there enters.
  int procs_fd() const { return procs_.get(); }
  /// Was a process of it killed for want of memory?
  bool has_run_out_of_memory() const;
  /// SIGKILL to all in it, also to those that are just being made (version 2).
  void kill() const;

 private:
  friend class CgroupParent;
  Cgroup(std::string folder, int version) : folder_(std::move(folder)), version_(version) {}
  std::string folder_;
  int version_ = 2;
  Handle procs_;
};

/// The control group below which attempts get theirs: where this process is, in version 2, or in
/// the memory hierarchy of version 1. Most containers and sites allow neither: then there is none,
/// and attempts are not bounded.
class CgroupParent {
 public:
  /// Looks for a place that may be written to. In version 2, this process moves to a group "agent"
  /// beside the attempts', for groups with members have no bounded children. root stands for "/".
  static std::optional<CgroupParent> find(const std::string& root = "");

  int version() const { return version_; }
  /// Errors: refused: the kernel does not take it.
  Result<Cgroup> make(const std::string& name, std::int64_t memory_bytes) const;

 private:
  CgroupParent(std::string folder, int version) : folder_(std::move(folder)), version_(version) {}
  std::string folder_;
  int version_;
};

}  // namespace sovren::workers
