// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace sovren::jobs {

/// PCMCI written a second time, as plainly as the paper and facts/causal.md 1.3 say it: every test
/// is two least-squares fits on the data by Householder reflections, and p an integral. Shares no
/// code with kernels/. For tests.
class PlainPcmci {
 public:
  struct Node {
    int variable, lag;
    bool operator==(const Node&) const = default;
  };
  struct Test {
    double value, p;
  };

  /// data: (steps, variables) row-major.
  PlainPcmci(std::vector<double> data, int steps, int variables, int max_lag)
      : data_(std::move(data)), steps_(steps), variables_(variables), max_lag_(max_lag) {}

  Test test(Node x, Node y, const std::vector<Node>& z) const {
    const int samples = steps_ - 2 * max_lag_;
    std::vector<std::vector<double>> columns;
    for (const Node& node : z) columns.push_back(column(node));
    std::vector<double> a = column(x);
    std::vector<double> b = column(y);
    residuals(columns, a, b);
    double aa = 0, bb = 0, ab = 0, ma = 0, mb = 0;
    for (std::size_t t = 0; t < a.size(); ++t) ma += a[t], mb += b[t];
    ma /= samples, mb /= samples;
    for (std::size_t t = 0; t < a.size(); ++t) {
      aa += (a[t] - ma) * (a[t] - ma);
      bb += (b[t] - mb) * (b[t] - mb);
      ab += (a[t] - ma) * (b[t] - mb);
    }
    const double value = ab / std::sqrt(aa * bb);
    return {value, p_of(value, samples - 2 - static_cast<int>(z.size()))};
  }

  std::vector<Node> parents(int target, double alpha) const {
    struct Candidate {
      Node node;
      double val_min;
    };
    std::vector<Candidate> order;
    for (int i = 0; i < variables_; ++i)
      for (int lag = 1; lag <= max_lag_; ++lag) order.push_back({{i, lag}, 1e300});
    for (std::size_t level = 0; order.size() > level; ++level) {
      std::vector<Candidate> kept;
      for (std::size_t c = 0; c < order.size(); ++c) {
        std::vector<Node> z;
        for (std::size_t k = 0; k < order.size() && z.size() < level; ++k)
          if (k != c) z.push_back(order[k].node);
        const Test result = test(order[c].node, {target, 0}, z);
        const double least = std::min(order[c].val_min, std::abs(result.value));
        if (result.p <= alpha) kept.push_back({order[c].node, least});
        order[c].val_min = least;
      }
      std::stable_sort(kept.begin(), kept.end(), [](const Candidate& a, const Candidate& b) {
        return a.val_min > b.val_min;
      });
      order = kept;
    }
    std::vector<Node> nodes;
    for (const Candidate& candidate : order) nodes.push_back(candidate.node);
    return nodes;
  }

  Test mci(Node x, int target, const std::vector<std::vector<Node>>& parents) const {
    const Node y{target, 0};
    std::vector<Node> z;
    const auto add = [&](Node node) {
      if (node != x && node != y && std::find(z.begin(), z.end(), node) == z.end())
        z.push_back(node);
    };
    for (const Node& node : parents[static_cast<std::size_t>(target)]) add(node);
    for (const Node& node : parents[static_cast<std::size_t>(x.variable)])
      add({node.variable, node.lag + x.lag});
    return test(x, y, z);
  }

 private:
  /// Standardised values of a node at t = 2 max_lag .. steps - 1.
  std::vector<double> column(Node node) const {
    std::vector<double> values;
    double mean = 0;
    for (int t = 2 * max_lag_; t < steps_; ++t) {
      values.push_back(
          data_[static_cast<std::size_t>((t - node.lag) * variables_ + node.variable)]);
      mean += values.back();
    }
    mean /= static_cast<double>(values.size());
    double squares = 0;
    for (double& value : values) {
      value -= mean;
      squares += value * value;
    }
    const double scale = std::sqrt(static_cast<double>(values.size()) / squares);
    for (double& value : values) value *= scale;
    return values;
  }

  /// Replaces a and b by what is left of them after regression on the columns.
  static void residuals(std::vector<std::vector<double>>& columns, std::vector<double>& a,
                        std::vector<double>& b) {
    std::vector<std::vector<double>> mirrors;
    const auto reflect = [](const std::vector<double>& mirror, std::vector<double>& v) {
      double share = 0;
      for (std::size_t t = 0; t < v.size(); ++t) share += mirror[t] * v[t];
      for (std::size_t t = 0; t < v.size(); ++t) v[t] -= 2 * share * mirror[t];
    };
    for (std::size_t k = 0; k < columns.size(); ++k) {
      std::vector<double>& column = columns[k];
      for (const auto& mirror : mirrors) reflect(mirror, column);
      std::vector<double> mirror(column.size(), 0.0);
      double squares = 0;
      for (std::size_t t = k; t < column.size(); ++t) squares += column[t] * column[t];
      for (std::size_t t = k; t < column.size(); ++t) mirror[t] = column[t];
      mirror[k] += column[k] < 0 ? -std::sqrt(squares) : std::sqrt(squares);
      double length = 0;
      for (const double value : mirror) length += value * value;
      for (double& value : mirror) value /= std::sqrt(length);
      mirrors.push_back(std::move(mirror));
    }
    for (std::vector<double>* v : {&a, &b}) {
      for (const auto& mirror : mirrors) reflect(mirror, *v);
      std::fill_n(v->begin(), columns.size(), 0.0);
      for (auto mirror = mirrors.rbegin(); mirror != mirrors.rend(); ++mirror) reflect(*mirror, *v);
    }
  }

  /// Integral of the density of r under independence, from |r| to 1, both sides (Simpson).
  static double p_of(double r, int df) {
    const double from = std::abs(r);
    const double power = (df - 2) / 2.0;
    constexpr int panels = 8000;
    const double h = (1 - from) / panels;
    double sum = 0;
    for (int k = 0; k <= panels; ++k) {
      const double x = from + h * k;
      const double weight = k == 0 || k == panels ? 1 : k % 2 == 1 ? 4 : 2;
      sum += weight * std::pow(std::max(0.0, (1 - x) * (1 + x)), power);
    }
    const double half_whole = 0.5 * std::sqrt(std::numbers::pi) *
                              std::exp(std::lgamma(df / 2.0) - std::lgamma((df + 1) / 2.0));
    return sum * h / 3 / half_whole;
  }

  std::vector<double> data_;
  int steps_;
  int variables_;
  int max_lag_;
};

}  // namespace sovren::jobs
