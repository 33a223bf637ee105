// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/free.h"

#include <algorithm>

namespace sovren::policy {

Free::Free(std::vector<Room> rooms) : rooms_(std::move(rooms)) {
  for (const Room& room : rooms_) {
    cpus_most_ = std::max(cpus_most_, room.cpus);
    if (room.is_idle()) cpus_idle_most_ = std::max<std::int64_t>(cpus_idle_most_, room.cpus_total);
  }
}

std::optional<Placement> Free::find(const View& view, const Ask& ask, const Resources& wanted,
                                    Growth growth, std::span<const int> nodes, Fit fit) {
  const Need& need = view.need_of(ask);
  if (need.cpus > cpus_most_ && need.cpus_idle > cpus_idle_most_) return std::nullopt;
  const auto shape = static_cast<std::size_t>(ask.shape);
  if (shape < has_failed_.size() && has_failed_[shape]) return std::nullopt;
  auto placement = place(wanted, growth, rooms_, nodes, fit);
  if (!placement && nodes.data() == view.allowed(ask).data()) {
    if (shape >= has_failed_.size()) has_failed_.resize(shape + 1);
    has_failed_[shape] = true;
  }
  return placement;
}

}  // namespace sovren::policy
