// SPDX-License-Identifier: Apache-2.0
// Nodes, partitions and pools.
#include "scheduler/api/api.h"
#include "scheduler/api/pool_view.h"
#include "scheduler/api/views.h"

namespace sovren::api {
namespace {

using engine::Engine;
using text::Json;

std::function<Result<std::function<Response()>>(const Engine&)> one_node(const std::string& name) {
  return [name](const Engine& engine) -> Result<std::function<Response()>> {
    const auto found = engine.state().nodes.find(name);
    if (found == engine.state().nodes.end())
      return fail({.code = Code::not_found,
                   .what = "there is no node '" + name + "'",
                   .hint = "sovren nodes lists those there are"});
    return [node = found->second] {
      const Json answer = {{"schema", "sovren.node/1"}, {"node", node_view(node)}};
      return Response{.body = text::dump_json(answer) + "\n"};
    };
  };
}

}  // namespace

Result<void> Api::list_nodes(Call& call) {
  SOVREN_DO(Query(call.request.target).finish());
  return look(call.responder, [](const Engine& engine) -> Result<Words> {
    return [nodes = engine.state().nodes, seq = engine.state().applied] {
      Json views = Json::array();
      for (const auto& [name, node] : nodes) views.push_back(node_view(node));
      const Json answer = {
          {"schema", "sovren.nodes/1"}, {"nodes", std::move(views)}, {"seq", seq.value}};
      return Response{.body = text::dump_json(answer) + "\n"};
    };
  });
}

Result<void> Api::drain_node(Call& call) {
  const std::string name = call.parameters[0];
  Query query(call.request.target);
  const std::string why = query.text("why", "drained by " + call.caller.user);
  SOVREN_DO(query.finish());
  return change(
      call.responder,
      [name, why, by = call.caller.user](Engine& engine) { return engine.drain(name, why, by); },
      one_node(name));
}

Result<void> Api::resume_node(Call& call) {
  const std::string name = call.parameters[0];
  SOVREN_DO(Query(call.request.target).finish());
  return change(
      call.responder,
      [name, by = call.caller.user](Engine& engine) { return engine.resume(name, by); },
      one_node(name));
}

Result<void> Api::list_partitions(Call& call) {
  SOVREN_DO(Query(call.request.target).finish());
  return look(call.responder, [](const Engine& engine) -> Result<Words> {
    return [nodes = engine.state().nodes, site = engine.config().policy.site] {
      const Json answer = {{"schema", "sovren.partitions/1"},
                           {"partitions", partition_views(site, nodes)}};
      return Response{.body = text::dump_json(answer) + "\n"};
    };
  });
}

// ?plan=1: also what the pools would do now, which nothing of this does.
Result<void> Api::list_pools(Call& call) {
  Query query(call.request.target);
  SOVREN_TRY(is_plan, query.whole("plan", 0, 0, 1));
  SOVREN_DO(query.finish());
  return look(call.responder, [is_plan](const Engine& engine) -> Result<Words> {
    PoolSnapshot shot{.pools = engine.config().policy.site.pools,
                      .plan = engine.plan_pools(),
                      .allocations = engine.state().allocations,
                      .notes = engine.state().pool_notes,
                      .seq = engine.state().applied};
    for (const auto& [name, node] : engine.state().nodes)
      if (const Allocation* allocation = policy::allocation_of(engine.state(), node.resources);
          allocation != nullptr && node.is_up)
        shot.nodes[allocation->id] = name;
    return [shot = std::move(shot), is_plan] {
      Json answer = {
          {"schema", "sovren.pools/1"}, {"pools", pools_view(shot)}, {"seq", shot.seq.value}};
      if (is_plan == 1) answer["actions"] = actions_view(shot);
      return Response{.body = text::dump_json(answer) + "\n"};
    };
  });
}

}  // namespace sovren::api
