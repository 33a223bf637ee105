// SPDX-License-Identifier: Apache-2.0
// The pictures and graph files of a result: well-formed, complete, and nothing in a name can leave
// its place.
#include <gtest/gtest.h>
#include <hdf5.h>

#include "jobs/causal/colours.h"
#include "jobs/causal/graph.h"
#include "jobs/causal/hdf5_handle.h"
#include "jobs/drawing/markup.h"
#include "jobs/drawing/svg.h"
#include "tests/unit/jobs/markup_check.h"
#include "tests/unit/jobs/sample_graph.h"

namespace sovren::jobs {
namespace {

TEST(MarkupCheck, FindsWhatIsNotWellFormed) {
  EXPECT_EQ(markup_fault("<a b=\"1\"><c/>x &lt; y</a>"), "");
  for (const char* bad : {"<a>", "<a></b>", "<a b=1></a>", "<a>&nbsp;</a>", "<a b=\"1\" b=\"2\"/>",
                          "<a>1 < 2</a>", "<a b=\"<\"/>", "<a>x > y</a>", "</a>"})
    EXPECT_NE(markup_fault(bad), "") << bad;
}

TEST(Markup, EscapesWhatXmlCannotHold) {
  EXPECT_EQ(escaped("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
  EXPECT_EQ(escaped("Wärme\x01 \xff!"), "Wärme �!");
}

TEST(Markup, PrintsNumbersThatReadBack) {
  for (const double value : {0.1, 1.0 / 3, -1e-300, 12345678.9})
    EXPECT_EQ(std::stod(shortest(value)), value);
  EXPECT_EQ(formatted("%.1f", -0.0), "0.0");
}

TEST(Scales, EndAtARoundNumber) {
  EXPECT_DOUBLE_EQ(scale_end(0.37), 0.4);
  EXPECT_DOUBLE_EQ(scale_end(0.61), 0.8);
  EXPECT_DOUBLE_EQ(scale_end(0.95), 1);
  EXPECT_DOUBLE_EQ(scale_end(23), 30);
  EXPECT_DOUBLE_EQ(scale_end(0), 1);
}

TEST(ResultFiles, AreWellFormedWhateverTheNames) {
  const CausalGraph graph = sample_graph();
  for (const std::string& file : {graph_svg(graph), heatmap_svg(graph), graph_graphml(graph)}) {
    EXPECT_EQ(markup_fault(file), "");
    EXPECT_EQ(file.find("<script"), file.npos);
    EXPECT_NE(file.find("&lt;script&gt;"), file.npos);
    EXPECT_EQ(file.find("nan"), file.npos);
  }
}

TEST(ResultFiles, SvgDrawsEveryKindOfLinkAndTheChain) {
  const std::string svg = graph_svg(sample_graph());
  // Chain of three links: a halo under each, and one in the key.
  EXPECT_EQ(occurrences(svg, "fill=\"none\" stroke=\"" + std::string(chain_gold)), 3 + 1);
  EXPECT_EQ(occurrences(svg, "longest chain, 3 links"), 1);
  EXPECT_EQ(occurrences(svg, "stroke-dasharray"), 2 + 2);  // o-o and x-x, each drawn and explained
  EXPECT_EQ(occurrences(svg, ">1,2</text>"), 1);           // both lags of one arrow
}

TEST(ResultFiles, SvgOfManyVariablesSaysWhatItLeavesOut) {
  const std::string svg = graph_svg(large_graph(300));
  EXPECT_NE(svg.find("weaker links"), svg.npos);
  EXPECT_LT(svg.size(), 400'000U);
}

TEST(ResultFiles, HeatMapFramesEachLink) {
  const CausalGraph graph = sample_graph();
  const std::string svg = heatmap_svg(graph);
  int frames = 0;
  for (const Link& link : graph.links) frames += link.is_directed() ? 1 : 2;
  EXPECT_EQ(occurrences(svg, "font-size=\"10.0\""), frames);  // their values, in large cells
  for (const char* title : {"lag 0 (same time)", "lag 1", "lag 2"})
    EXPECT_EQ(occurrences(svg, std::string(">") + title + "</text>"), 1);
}

TEST(ResultFiles, HeatMapOfManyVariablesSharesCells) {
  const CausalGraph graph = large_graph(1000);
  const std::string svg = heatmap_svg(graph);
  EXPECT_EQ(markup_fault(svg), "");
  EXPECT_NE(svg.find("a block of 17 × 17 variables"), svg.npos);
  EXPECT_LT(svg.size(), 400'000U);
}

TEST(ResultFiles, HeatMapOfManyLagsShowsTheStrongest) {
  CausalGraph graph = large_graph(3);
  graph.spec.max_lag = 40;
  graph.value.assign(3 * 3 * 41, 0.0);
  graph.links = {{0, 1, 33, 0.5}};
  const std::string svg = heatmap_svg(graph);
  EXPECT_NE(svg.find("12 of 41 lags"), svg.npos);
  EXPECT_NE(svg.find(">lag 33</text>"), svg.npos);
}

TEST(ResultFiles, GraphMlHasEveryLinkWithItsNumbers) {
  const CausalGraph graph = sample_graph();
  const std::string xml = graph_graphml(graph);
  EXPECT_EQ(occurrences(xml, "<node "), graph.count());
  EXPECT_EQ(occurrences(xml, "<edge "), std::ssize(graph.links));
  EXPECT_EQ(occurrences(xml, "<data key=\"confidence\">0.875</data>"), std::ssize(graph.links));
  EXPECT_NE(xml.find("source=\"n1\" target=\"n2\"><data key=\"lag\">0</data>"
                     "<data key=\"value\">-0.4</data><data key=\"weight\">0.4</data>"
                     "<data key=\"p\">1e-06</data><data key=\"q\">3e-06</data>"
                     "<data key=\"type\">--&gt;</data>"),
            xml.npos);
  EXPECT_EQ(occurrences(xml, ">o-o</data>"), 1);
  EXPECT_EQ(occurrences(xml, ">x-x</data>"), 1);
  CausalGraph plain = graph;
  plain.links[0].confidence.reset();
  EXPECT_EQ(occurrences(graph_graphml(plain), "\"confidence\">"), std::ssize(graph.links) - 1);
}

TEST(ResultFiles, DotHasEveryLinkBetweenVariables) {
  const CausalGraph graph = sample_graph();
  const std::string dot = graph_dot(graph);
  EXPECT_EQ(occurrences(dot, " -> n"), std::ssize(graph.links) - 1);
  EXPECT_EQ(occurrences(dot, "odot"), 2);
  EXPECT_NE(dot.find("[label=\"back\\\\slash&quot;\"]"), dot.npos);
  // No quote is open at the end of a line.
  for (std::size_t from = 0, end = 0; (end = dot.find('\n', from)) != dot.npos; from = end + 1)
    EXPECT_EQ(occurrences(dot.substr(from, end - from), "\"") % 2, 0)
        << dot.substr(from, end - from);
}

/// The bytes of an HDF5 file, opened in memory.
class Hdf5Image {
 public:
  explicit Hdf5Image(std::string bytes) : bytes_(std::move(bytes)), file_(open(bytes_), H5Fclose) {}
  bool has(const char* name) const { return H5Lexists(file_.get(), name, H5P_DEFAULT) > 0; }
  std::vector<double> read(const char* name) const {
    const Hdf5Handle set(H5Dopen2(file_.get(), name, H5P_DEFAULT), H5Dclose);
    const Hdf5Handle space(H5Dget_space(set.get()), H5Sclose);
    std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
    H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    return values;
  }

 private:
  static hid_t open(std::string& bytes) {
    const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fapl_core(access.get(), 1 << 20, 0);
    H5Pset_file_image(access.get(), bytes.data(), bytes.size());
    return H5Fopen("image.h5", H5F_ACC_RDONLY, access.get());
  }

  std::string bytes_;
  Hdf5Handle file_;
};

TEST(ResultFiles, Hdf5HasMarksAndConfidence) {
  CausalGraph graph = sample_graph();
  {
    const Hdf5Image image(result_hdf5(graph).value());
    const std::vector<double> marks = image.read("mark_matrix");
    EXPECT_EQ(marks[graph.index(0, 1, 1)], 1);
    EXPECT_EQ(marks[graph.index(2, 1, 0)], 2);
    EXPECT_EQ(marks[graph.index(3, 4, 0)], 3);
    EXPECT_EQ(marks[graph.index(5, 4, 0)], 4);
    EXPECT_EQ(marks[graph.index(5, 0, 2)], 0);
    EXPECT_EQ(image.read("val_matrix"), graph.value);
    EXPECT_EQ(image.read("confidence_matrix"), graph.confidence);
  }  // HDF5 takes a second image of an open one's name for the same file
  graph.confidence.clear();
  EXPECT_FALSE(Hdf5Image(result_hdf5(graph).value()).has("confidence_matrix"));
}

}  // namespace
}  // namespace sovren::jobs
