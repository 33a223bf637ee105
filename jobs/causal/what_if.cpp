// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/what_if.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "jobs/causal/data_view.h"
#include "jobs/drawing/markup.h"
#include "kernels/causal/svar_effects.h"
#include "kernels/causal/svar_forecast.h"

namespace sovren::jobs {

namespace {

using kernels::Mark;
using kernels::Node;
using kernels::ParentLists;
using kernels::Responses;
using kernels::SvarModel;

// A share of the rows is kept back to see whether the intervals hold; fewer rows tell nothing.
constexpr int rows_fitted_min = 10;
constexpr int rows_compared_min = 5;

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

int index_of(const Table& table, const std::string& name) {
  const auto found = std::ranges::find(table.names, name);
  SOVREN_CHECK(found != table.names.end(), "check_what_if() was called");
  return static_cast<int>(found - table.names.begin());
}

/// Takes out the links at lag 0 among variables that a circle leads to and from; how many.
std::size_t open_circles(ParentLists& parents) {
  if (kernels::order_at_lag0(parents)) return 0;
  std::vector<bool> is_left(parents.size(), true);
  const auto is_inner = [&](int target, Node parent) {
    return parent.lag == 0 && is_left[at(target)] && is_left[at(parent.variable)];
  };
  for (bool changed = true; changed;) {
    std::vector<bool> is_cause(parents.size(), false);
    std::vector<bool> is_effect(parents.size(), false);
    for (int target = 0; target < std::ssize(parents); ++target)
      for (const Node parent : parents[at(target)])
        if (is_inner(target, parent)) is_cause[at(parent.variable)] = is_effect[at(target)] = true;
    changed = false;
    for (std::size_t i = 0; i < parents.size(); ++i)
      if (is_left[i] && !(is_cause[i] && is_effect[i])) is_left[i] = false, changed = true;
  }
  std::size_t taken = 0;
  for (int target = 0; target < std::ssize(parents); ++target)
    taken +=
        std::erase_if(parents[at(target)], [&](Node parent) { return is_inner(target, parent); });
  return taken;
}

/// All that the answers are worked out from.
class Asked {
 public:
  Asked(const CausalSpec& spec, const Inputs& inputs, const kernels::LinkTable& links)
      : spec_(spec), table_(inputs.table), view_(inputs, spec.mask_type) {
    parents_ = parents_of(links, result_.notes);
    model_ = kernels::fit_svar(view_.series, spec.max_lag, parents_, view_.mask);
    past_ = kernels::abduct(model_, kernels::standardise(model_, view_.series));
  }

  WhatIf answer() {
    result_.level = spec_.interval_level;
    factor_ = kernels::interval_factor(spec_.interval_level);
    note_limits();
    put_model();
    put_replay_error();
    put_influences();
    for (const EffectQuery& query : spec_.effects) result_.effects.push_back(effect(query));
    ahead_ = forecast_with(std::nullopt);
    put_forecasts();
    for (const Intervention& each : spec_.interventions)
      result_.interventions.push_back(intervention(each));
    put_coverage();
    return std::move(result_);
  }

 private:
  const std::string& name(int variable) const { return table_.names[at(variable)]; }
  double spread(int variable) const { return model_.scales[at(variable)].spread; }
  double raw(int variable, double standardised) const {
    return model_.scales[at(variable)].raw(standardised);
  }
  std::size_t cell(int row, int variable) const {
    return at(row) * table_.names.size() + at(variable);
  }
  kernels::SvarForecast forecast_with(const std::optional<kernels::Hold>& hold) const {
    return kernels::forecast(model_, past_.values, horizon_of(spec_), hold);
  }

  void note_limits();
  void put_model();
  void put_replay_error();
  void put_influences();
  Effect effect(const EffectQuery& query) const;
  std::vector<Mediator> mediators(int cause, int effect, const Responses& total) const;
  void put_forecasts();
  WhatIfDone intervention(const Intervention& asked);
  std::vector<Response> in_the_past(const kernels::Hold& hold) const;
  std::vector<Response> in_the_future(const kernels::Hold& hold) const;
  void put_coverage();

  const CausalSpec& spec_;
  const Table& table_;
  DataView view_;
  ParentLists parents_;
  SvarModel model_;
  kernels::Abducted past_;
  kernels::SvarForecast ahead_;
  double factor_ = 0;
  WhatIf result_;
};

void Asked::note_limits() {
  if (spec_.test == CausalSpec::Test::cmi_knn)
    result_.notes.push_back(
        "effects and forecasts are those of a linear model on the links that cmi-knn found");
  if (spec_.test == CausalSpec::Test::robust_parcorr)
    result_.notes.push_back(
        "effects and forecasts are linear in the values as measured, not in their ranks");
  if (table_.has_missing)
    result_.notes.push_back(
        "where forecasts and replays start from missing values they take what the model expects "
        "there; intervals do not count this");
  for (int j = 0; j < model_.variables; ++j) {
    const kernels::SvarEquation& equation = model_.equations[at(j)];
    if (equation.is_short)
      result_.notes.push_back("too few rows have '" + name(j) +
                              "' and all its parents: its equation has no parents");
    else if (const std::size_t idle = equation.parents.size() - at(equation.rank);
             idle > 0 && equation.rank > 0)
      result_.notes.push_back("parents of '" + name(j) + "' determine one another: " +
                              counted(idle, "coefficient") + " of its equation set to 0");
  }
}

void Asked::put_model() {
  for (int j = 0; j < model_.variables; ++j) {
    const kernels::SvarEquation& equation = model_.equations[at(j)];
    result_.equations.push_back({model_.intercept(j), spread(j) * std::sqrt(equation.variance),
                                 1 - equation.unexplained, equation.samples});
    for (std::size_t k = 0; k < equation.parents.size(); ++k) {
      const Node parent = equation.parents[k];
      result_.links.push_back({parent.variable, j, parent.lag, model_.raw_coefficient(j, parent),
                               equation.coefficients[k]});
    }
  }
}

void Asked::put_replay_error() {
  const std::vector<double> again = kernels::replay(model_, past_, table_.rows - 1, std::nullopt);
  for (std::size_t k = 0; k < again.size(); ++k)
    result_.replay_error = std::max(result_.replay_error, std::abs(again[k] - past_.values[k]));
}

void Asked::put_influences() {
  const kernels::AverageEffects averages = kernels::average_effects(model_, spec_.max_lag);
  for (std::size_t i = 0; i < averages.causal.size(); ++i)
    result_.influences.push_back(
        {averages.causal[i], averages.susceptibility[i], averages.mediated[i]});
}

std::vector<Mediator> Asked::mediators(int cause, int effect, const Responses& total) const {
  const auto n = table_.names.size();
  const int max_lag = static_cast<int>(total.size() / n) - 1;
  const double unit = spread(effect) / spread(cause);
  std::vector<std::pair<double, Mediator>> found;
  for (int k = 0; k < model_.variables; ++k) {
    if (k == cause || k == effect) continue;
    const Responses through = kernels::mediated_effects(
        model_.variables, total, kernels::total_effects(model_, k, max_lag), k);
    Mediator mediator{.variable = k, .raw = {}, .standardised = {}};
    double most = 0;
    for (int lag = 0; lag <= max_lag; ++lag) {
      const double value = through[cell(lag, effect)];
      most = std::max(most, std::abs(value));
      mediator.standardised.push_back(value);
      mediator.raw.push_back(value * unit);
    }
    if (most > 0) found.emplace_back(most, std::move(mediator));
  }
  std::ranges::stable_sort(found, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Mediator> sorted;
  sorted.reserve(found.size());
  for (auto& [most, mediator] : found) sorted.push_back(std::move(mediator));
  return sorted;
}

Effect Asked::effect(const EffectQuery& query) const {
  Effect found;
  found.cause = index_of(table_, query.cause);
  found.effect = index_of(table_, query.effect);
  const int max_lag = query.max_lag > 0 ? query.max_lag : spec_.max_lag;
  const double unit = spread(found.effect) / spread(found.cause);
  const Responses total = kernels::total_effects(model_, found.cause, max_lag);
  for (int lag = 0; lag <= max_lag; ++lag) {
    const double direct = model_.standardised_coefficient(found.effect, {found.cause, lag});
    const double all = total[cell(lag, found.effect)];
    found.direct.push_back(direct * unit);
    found.direct_standardised.push_back(direct);
    found.total.push_back(all * unit);
    found.total_standardised.push_back(all);
  }
  found.mediators = mediators(found.cause, found.effect, total);
  return found;
}

void Asked::put_forecasts() {
  for (int j = 0; j < model_.variables; ++j) {
    Forecast made;
    for (int step = 0; step < horizon_of(spec_); ++step) {
      const double mean = ahead_.mean[cell(step, j)];
      const double reach = factor_ * ahead_.deviation[cell(step, j)];
      made.mean.push_back(raw(j, mean));
      made.low.push_back(raw(j, mean - reach));
      made.high.push_back(raw(j, mean + reach));
    }
    result_.forecasts.push_back(std::move(made));
  }
}

std::vector<Response> Asked::in_the_past(const kernels::Hold& hold) const {
  const int last = std::min(table_.rows - 1, hold.until + horizon_of(spec_));
  const std::vector<double> moved = kernels::replay(model_, past_, last, hold);
  std::vector<Response> responses;
  for (int j = 0; j < model_.variables; ++j) {
    Response response{.variable = j};
    for (int row = hold.from; row <= last; ++row) {
      const double before = past_.values[cell(row, j)];
      const double after = moved[cell(row, j)];
      response.without.push_back(raw(j, before));
      response.with.push_back(raw(j, after));
      response.difference.push_back((after - before) * spread(j));
    }
    responses.push_back(std::move(response));
  }
  return responses;
}

std::vector<Response> Asked::in_the_future(const kernels::Hold& hold) const {
  const kernels::SvarForecast held = forecast_with(hold);
  std::vector<Response> responses;
  for (int j = 0; j < model_.variables; ++j) {
    Response response{.variable = j};
    for (int step = hold.from - table_.rows; step < horizon_of(spec_); ++step) {
      const double before = ahead_.mean[cell(step, j)];
      const double after = held.mean[cell(step, j)];
      const double reach = factor_ * held.deviation[cell(step, j)];
      response.without.push_back(raw(j, before));
      response.with.push_back(raw(j, after));
      response.difference.push_back((after - before) * spread(j));
      response.low.push_back(raw(j, after - reach));
      response.high.push_back(raw(j, after + reach));
    }
    responses.push_back(std::move(response));
  }
  return responses;
}

/// The variables that `source` leads to in the model, over any number of steps, itself among them.
std::vector<bool> reached_from(const SvarModel& model, int source) {
  std::vector<bool> is_reached(at(model.variables), false);
  is_reached[at(source)] = true;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t j = 0; j < is_reached.size(); ++j) {
      const kernels::SvarEquation& equation = model.equations[j];
      for (std::size_t k = 0; k < equation.parents.size() && !is_reached[j]; ++k)
        if (equation.coefficients[k] != 0 && is_reached[at(equation.parents[k].variable)])
          is_reached[j] = changed = true;
    }
  }
  return is_reached;
}

WhatIfDone Asked::intervention(const Intervention& asked) {
  WhatIfDone done;
  done.variable = index_of(table_, asked.set);
  done.value = asked.to;
  done.from = asked.from.value_or(table_.rows);
  done.is_past = done.from < table_.rows;
  const int last = done.is_past ? table_.rows - 1 : table_.rows + horizon_of(spec_) - 1;
  done.until = asked.until.value_or(last);
  const kernels::Hold hold{done.variable, model_.scales[at(done.variable)].standardised(asked.to),
                           done.from, done.until};
  std::vector<Response> all = done.is_past ? in_the_past(hold) : in_the_future(hold);
  const std::vector<bool> is_reached = reached_from(model_, done.variable);
  done.responses.push_back(std::move(all[at(done.variable)]));
  for (int j = 0; j < model_.variables; ++j)
    if (j != done.variable && is_reached[at(j)]) done.responses.push_back(std::move(all[at(j)]));
  if (done.responses.size() == 1)
    result_.notes.push_back("setting '" + asked.set +
                            "' changes no other variable: no directed link leaves it");
  return done;
}

void Asked::put_coverage() {
  const int fitted = static_cast<int>(std::int64_t{table_.rows} * 4 / 5);
  if (fitted - spec_.max_lag < rows_fitted_min || table_.rows - fitted < rows_compared_min) {
    result_.notes.push_back("too few rows to see how often the forecast intervals hold");
    return;
  }
  const kernels::IntervalCoverage found =
      kernels::hold_out_coverage(view_.series, spec_.max_lag, parents_, fitted,
                                 std::max(1, spec_.max_lag), spec_.interval_level, view_.mask);
  Coverage coverage{.rows_fitted = fitted};
  std::int64_t inside = 0;
  for (std::size_t step = 0; step < found.inside.size(); ++step) {
    inside += found.inside[step];
    coverage.values += found.compared[step];
    coverage.by_step.push_back(static_cast<double>(found.inside[step]) /
                               static_cast<double>(found.compared[step]));
  }
  if (coverage.values == 0) return;
  coverage.share = static_cast<double>(inside) / static_cast<double>(coverage.values);
  result_.coverage = std::move(coverage);
}

}  // namespace

ParentLists parents_of(const kernels::LinkTable& links, std::vector<std::string>& notes) {
  ParentLists parents(at(links.variables));
  std::size_t undirected = 0;
  std::size_t conflicts = 0;
  for (int target = 0; target < links.variables; ++target)
    for (int lag = links.min_lag; lag <= links.max_lag; ++lag)
      for (int source = 0; source < links.variables; ++source) {
        if (lag == 0 && source == target) continue;
        const Mark mark = links.mark[links.index(source, target, lag)];
        if (mark == Mark::directed) parents[at(target)].push_back({source, lag});
        undirected += mark == Mark::undirected && source < target ? 1 : 0;
        conflicts += mark == Mark::conflict && source < target ? 1 : 0;
      }
  const std::size_t in_circles = open_circles(parents);
  const auto note = [&](std::size_t count, const std::string& why) {
    if (count > 0)
      notes.push_back("the model leaves out " + counted(count, "link") + " at lag 0 " + why +
                      ": effects and forecasts do not count them");
  };
  note(undirected, "without direction (o-o)");
  note(conflicts, "in conflict (x-x)");
  note(in_circles, "in circles");
  return parents;
}

WhatIf what_if(const CausalSpec& spec, const Inputs& inputs, const kernels::LinkTable& links) {
  SOVREN_CHECK(has_model(spec), "categories have no linear model");
  return Asked(spec, inputs, links).answer();
}

}  // namespace sovren::jobs
