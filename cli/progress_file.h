// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/units.h"
#include "core/model/state.h"
#include "core/port/reporter.h"

namespace sovren::cli {

/// Writes how far a job is into its directory (progress.json, docs/formats.md) for those who look
/// from other machines: its event log is open while it runs. Every few seconds at most; what cannot
/// be written is told once, for nothing depends on it.
class ProgressFile {
 public:
  explicit ProgressFile(std::string dir) : dir_(std::move(dir)) {}

  /// `steady` never steps; `now` is written down.
  void update(const Job& job, const Progress& progress, Instant steady, Instant now);
  /// At the end: what update() has held back.
  void finish();

 private:
  struct State {
    Progress progress;
    std::int64_t sealed_step = -1;
    int attempt = 0;
    bool operator==(const State&) const = default;
  };
  void write(Instant now);

  std::string dir_;
  State newest_;
  std::optional<State> written_;
  std::optional<Instant> written_at_;  // steady
  Instant now_;
  bool has_warned_ = false;
};

}  // namespace sovren::cli
