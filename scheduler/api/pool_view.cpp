// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/pool_view.h"

#include "core/base/units.h"
#include "scheduler/engine/overload.h"

namespace sovren::api {
namespace {

using text::Json;

Json or_null(Instant at) {
  return at.ms == 0 ? Json(nullptr) : Json(format_utc(at));
}

std::string state_text(const Allocation& allocation, bool is_up) {
  if (allocation.is_released) return "leaving";
  if (is_up) return "up";
  if (allocation.is_started) return "started";
  return allocation.site_job.empty() ? "asked" : "queued";
}

Json allocation_view(const Allocation& allocation, const PoolSnapshot& shot) {
  const auto node = shot.nodes.find(allocation.id);
  const bool is_up = node != shot.nodes.end();
  return {{"id", allocation.id.value},
          {"state", state_text(allocation, is_up)},
          {"site_job", allocation.site_job},
          {"node", is_up ? node->second : ""},
          {"asked_at", or_null(allocation.asked_at)},
          {"started_at", or_null(allocation.started_at)},
          {"ends_at", or_null(allocation.ends_at)},
          {"why", allocation.why}};
}

Json pool_view(const Pool& pool, const policy::PoolFigures& figures, const PoolSnapshot& shot) {
  Json allocations = Json::array();
  for (const auto& [id, allocation] : shot.allocations)
    if (allocation.pool == pool.name) allocations.push_back(allocation_view(allocation, shot));
  const auto note = shot.notes.find(pool.name);
  return {{"name", pool.name},
          {"via", pool.via},
          {"min_nodes", pool.min_nodes},
          {"max_nodes", pool.max_nodes},
          {"pending_max", pool.pending_max},
          {"nodes_up", figures.nodes},
          {"coming", figures.coming},
          {"queued", figures.queued},
          {"leaving", figures.leaving},
          {"wanted", figures.wanted},
          {"scale_on", policy::scale_on_text(pool.scale_on)},
          {"value", figures.value},
          {"is_above", figures.is_above},
          {"idle_timeout_s", pool.idle_timeout_s},
          {"time_limit_s", pool.time_limit_s},
          {"cpus", pool.cpus},
          {"gpus", pool.gpus},
          {"memory_bytes", pool.memory_bytes},
          {"note", note == shot.notes.end() ? "" : note->second},
          {"allocations", std::move(allocations)}};
}

}  // namespace

Json pools_view(const PoolSnapshot& shot) {
  Json views = Json::array();
  for (const policy::PoolFigures& figures : shot.plan.pools)
    for (const Pool& pool : shot.pools)
      if (pool.name == figures.pool) views.push_back(pool_view(pool, figures, shot));
  return views;
}

Json actions_view(const PoolSnapshot& shot) {
  Json actions = Json::array();
  for (const policy::PoolAction& action : shot.plan.actions)
    actions.push_back(std::visit(
        engine::Overload{
            [](const policy::AskNodes& ask) {
              return Json{
                  {"action", "ask"}, {"pool", ask.pool}, {"nodes", ask.nodes}, {"why", ask.why}};
            },
            [&](const policy::ReleaseAllocation& release) {
              return Json{{"action", "release"},
                          {"pool", shot.allocations.at(release.allocation).pool},
                          {"allocation", release.allocation.value},
                          {"why", release.why}};
            },
            [](const policy::DrainPoolNode& drain) {
              return Json{{"action", "drain"}, {"node", drain.node}, {"why", drain.why}};
            },
            [](const policy::ForgetNode& forget) {
              return Json{{"action", "forget"}, {"node", forget.node}};
            },
            [](const policy::NotePool& note) {
              return Json{{"action", "note"}, {"pool", note.pool}, {"why", note.note}};
            }},
        action));
  return actions;
}

}  // namespace sovren::api
