// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/loss_files.h"

#include "jobs/drawing/markup.h"

namespace sovren::jobs {

std::string loss_csv(std::span<const StepRecord> steps) {
  std::string out = "step,tokens,train_loss,val_loss,learning_rate,grad_norm,tokens_per_s\n";
  for (const StepRecord& at : steps) {
    out += std::to_string(at.step) + "," + std::to_string(at.tokens) + "," +
           shortest(at.train_loss) + "," + (at.val_loss ? shortest(*at.val_loss) : "") + "," +
           shortest(at.learning_rate) + "," + shortest(at.grad_norm) + "," +
           shortest(at.tokens_per_s) + "\n";
  }
  return out;
}

std::string samples_text(std::span<const Sample> samples) {
  std::string out;
  for (const Sample& sample : samples)
    out += "=== after " + counted(sample.step, "step") + " ===\n" + visible(sample.text) + "\n\n";
  return out;
}

}  // namespace sovren::jobs
