// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "slurm/script/wishes.h"

namespace sovren::slurm {

// Values of options, as sbatch reads them. None: it is nothing of the kind. Of Result: `what` says
// what is wrong or refused.

/// A whole number, perhaps with a '+'; of a size with "k" (1024) or "m".
std::optional<std::int64_t> whole_number(std::string_view text);
std::optional<NodeRange> node_range(std::string_view text);

/// "4000" (MiB), "4G", "4GB", "512K": bytes.
std::optional<std::int64_t> memory_bytes(std::string_view text);

/// "2", "a100:2", of one type.
Result<GpuWish> gpu_count(std::string_view text);
/// The GPUs of "gpu", "gpu:2", "gpu:a100:2"; refused: other resources.
Result<GpuWish> gpus_of_gres(std::string_view text);

/// --array: the indices in rising order as an axis has them ("0-15,20"), and how many run at once
/// (0: no limit).
struct ArrayWish {
  std::string axis;
  std::int64_t running_max = 0;
};
Result<ArrayWish> array_indices(std::string_view text);

/// "afterok:1:2,singleton" -> "ok:1,ok:2,singleton".
Result<std::string> dependency(std::string_view text);

/// "[R|B|RB:]USR1[@seconds]".
struct SignalWish {
  std::string name;  ///< "USR1"
  bool is_for_script = false;
  std::int64_t lead_s = 60;  ///< before the time limit
};
std::optional<SignalWish> signal_wish(std::string_view text);

/// "gpu&disk=ssd" -> {gpu: true, disk: ssd}.
Result<std::map<std::string, std::string>> labels_of_constraint(std::string_view text);

}  // namespace sovren::slurm
