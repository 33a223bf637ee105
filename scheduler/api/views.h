// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "core/model/site.h"
#include "core/model/state.h"
#include "core/port/history.h"
#include "core/text/job_file.h"
#include "core/text/json.h"
#include "scheduler/api/snapshot.h"
#include "scheduler/engine/live.h"

// What the API shows of the model, as JSON (docs/api.md). Members are added, none is renamed.
// Only .cpp files include this, as core/text/json.h.

namespace sovren::api {

enum class Detail { row, full };

/// What a job's own record does not hold.
struct JobContext {
  std::string reason;                  ///< Slurm's code, of a PENDING job
  std::string why;                     ///< a sentence
  const engine::Live* live = nullptr;  ///< what its newest attempt told; may be none
  const ArrayCount* array = nullptr;   ///< the job stands for all its array; else none
  std::string array_task;              ///< of an element: what Slurm would call it
};

/// Names the tasks of jobs, whose arrays come one after another.
class TaskNames {
 public:
  std::string of(const Job& job);  ///< empty: not of an array

 private:
  SharedSpec spec_;
  std::optional<text::ArrayTasks> names_;
};

/// The job's name, with the axes of its array filled in.
std::string job_name(const Job& job);

text::Json job_view(const Job& job, const JobContext& context, Detail detail);

/// The same members, as far as they are kept of a job that ended long ago.
text::Json record_view(const JobRecord& record);

/// IDLE, MIXED, ALLOCATED, DRAINING, DRAINED or DOWN.
std::string_view node_state(const Node& node);
text::Json node_view(const Node& node);

/// All partitions with what their nodes offer; of a site without any, the one named "default".
text::Json partition_views(const Site& site, const std::map<std::string, Node>& nodes);

}  // namespace sovren::api
