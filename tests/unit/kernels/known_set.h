// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace sovren::kernels::testing {

/// A data set whose network is known: NAME.csv.gz and NAME.truth.csv of a folder.
struct KnownSet {
  int variables = 0;
  std::vector<double> data;             ///< (samples, variables)
  std::set<std::pair<int, int>> links;  ///< cause, effect

  int samples() const { return static_cast<int>(data.size()) / std::max(1, variables); }
  bool is_link(int a, int b) const { return links.contains({a, b}) || links.contains({b, a}); }
};

/// The cells of each line, plain or gzipped; empty when the file is not there.
inline std::vector<std::vector<std::string>> read_cells(const std::string& path) {
  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };
  std::vector<std::vector<std::string>> lines;
  const std::unique_ptr<gzFile_s, Close> file(gzopen(path.c_str(), "rb"));
  char buffer[4096];
  while (file && gzgets(file.get(), buffer, sizeof buffer) != nullptr) {
    std::string line = buffer;
    std::erase_if(line, [](unsigned char c) { return std::isspace(c) != 0; });
    std::istringstream in(line);
    lines.emplace_back();
    for (std::string cell; std::getline(in, cell, ',');) lines.back().push_back(cell);
  }
  return lines;
}

/// No variables when it is not there.
inline KnownSet read_known_set(const std::string& folder, const std::string& name) {
  KnownSet set;
  const auto table = read_cells(folder + "/" + name + ".csv.gz");
  if (table.empty()) return set;
  set.variables = static_cast<int>(table[0].size());
  for (std::size_t row = 1; row < table.size(); ++row)
    for (const std::string& cell : table[row]) set.data.push_back(std::stod(cell));
  const auto number = [&](const std::string& variable) {
    return static_cast<int>(std::ranges::find(table[0], variable) - table[0].begin());
  };
  const auto truth = read_cells(folder + "/" + name + ".truth.csv");
  for (std::size_t row = 1; row < truth.size(); ++row)
    set.links.insert({number(truth[row].at(0)), number(truth[row].at(1))});
  return set;
}

}  // namespace sovren::kernels::testing
