// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/result_files.h"

#include "jobs/causal/report.h"

namespace sovren::jobs {

Result<std::vector<ResultFile>> result_files(const CausalGraph& graph, const Table& table) {
  SOVREN_TRY(matrices, result_hdf5(graph));
  std::vector<ResultFile> files;
  files.push_back({"graph.json", graph_json(graph)});
  files.push_back({"graph.svg", graph_svg(graph)});
  files.push_back({"heatmap.svg", heatmap_svg(graph)});
  files.push_back({"report.html", report_html(graph, table)});
  files.push_back({"graph.txt", graph_text(graph)});
  files.push_back({"graph.graphml", graph_graphml(graph)});
  files.push_back({"graph.dot", graph_dot(graph)});
  files.push_back({"result.h5", std::move(matrices)});
  return files;
}

}  // namespace sovren::jobs
