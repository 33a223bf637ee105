// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "jobs/causal/bootstrap.h"
#include "jobs/causal/search_log.h"
#include "jobs/causal/share.h"
#include "jobs/causal/test_data.h"
#include "kernels/causal/knowledge.h"
#include "kernels/causal/search.h"

namespace sovren::jobs {

/// The searches of a job one after another: that of the graph, and that of the bootstrap if there
/// is one. Takes the results of units in their order, and keeps them all: they are the state.
class Analysis {
 public:
  /// inputs must outlive this object.
  Analysis(const CausalSpec& spec, const Inputs& inputs, std::unique_ptr<TestData> data,
           const kernels::Knowledge& knowledge);

  bool is_done() const { return search_->is_done(); }
  /// What is being done, and how many units of its round are done.
  const kernels::Search& search() const { return *search_; }
  int units_done() const { return static_cast<int>(log_.results.size() - round_begin_); }

  /// The result of the next unit of the round.
  void add(kernels::UnitResult result);
  /// A step of the job is over.
  void count_step() { ++log_.steps; }
  /// All that an earlier attempt found. Errors: storage_corrupt: it is not of this job.
  Result<void> replay(SearchLog log);

  const SearchLog& log() const { return log_; }
  double fraction() const;
  int conditioning_level() const { return graph_search_->conditioning_level(); }
  const kernels::LinkTable& links() const { return graph_search_->links(); }
  int samples() const { return data_->source().samples(); }
  /// Why the device was given up; "": there is none, or it was not.
  std::string device_trouble() const;
  /// Null without bootstrap, or before it is done.
  const Confidence* confidence() const;

 private:
  void close_round();

  CausalSpec spec_;
  const Inputs& inputs_;
  std::unique_ptr<TestData> data_;
  kernels::SearchOptions options_;
  std::unique_ptr<kernels::Search> graph_search_;
  std::unique_ptr<Bootstrap> bootstrap_;
  kernels::Search* search_;  ///< the one that is going on
  SearchLog log_;
  std::size_t round_begin_ = 0;  ///< results of rounds that are closed
};

}  // namespace sovren::jobs
