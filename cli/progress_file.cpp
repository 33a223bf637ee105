// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_file.h"

#include <utility>

#include "cli/terminal.h"
#include "slurm/bridge/job_folder.h"

namespace sovren::cli {
namespace {

constexpr double pause_s = 3;

}  // namespace

void ProgressFile::update(const Job& job, const Progress& progress, Instant steady, Instant now) {
  newest_ = {progress, job.sealed_step, job.attempts};
  now_ = now;
  if (written_at_ && steady - *written_at_ < pause_s) return;
  if (newest_ == written_) return;
  written_at_ = steady;
  write(now);
}

void ProgressFile::finish() {
  if (written_ && newest_ != *written_) write(now_);
}

void ProgressFile::write(Instant now) {
  written_ = newest_;
  const auto done = slurm::write_progress(dir_, {.step = newest_.progress.step,
                                                 .fraction = newest_.progress.fraction,
                                                 .metrics = newest_.progress.metrics,
                                                 .sealed_step = newest_.sealed_step,
                                                 .attempt = newest_.attempt,
                                                 .at = now});
  if (!done && !std::exchange(has_warned_, true))
    print_warning("others cannot see how far it is: " + to_text(done.error()));
}

}  // namespace sovren::cli
