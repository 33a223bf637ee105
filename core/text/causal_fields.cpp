// SPDX-License-Identifier: Apache-2.0
// Values of [causal_analysis] that have a form of their own.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <set>

#include "core/text/custom_fields.h"
#include "core/text/nearest.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;
using Visit = std::function<void(std::string&)>;

constexpr std::size_t alphas_max = 100;
constexpr std::int64_t lag_max = 1000;
constexpr std::int64_t step_max = std::numeric_limits<int>::max();

CausalSpec& causal(JobSpec& spec) {
  return std::get<CausalSpec>(spec.kind);
}
const CausalSpec& causal(const JobSpec& spec) {
  return std::get<CausalSpec>(spec.kind);
}

std::optional<double> finite_of(const TomlValue& value) {
  if (value.type == Type::whole) return static_cast<double>(value.whole);
  if (value.type == Type::number && std::isfinite(value.number)) return value.number;
  return std::nullopt;
}

void read_pc_alpha(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  PcAlpha& pc_alpha = causal(spec).pc_alpha;
  if (const auto text = text_of(value); text && *text == "auto") {
    pc_alpha = {.is_auto = true, .values = {0.05, 0.1, 0.2, 0.3, 0.4, 0.5}};
    return;
  }
  const bool is_list = value.type == Type::list;
  const std::span<const TomlValue> items =
      is_list ? std::span<const TomlValue>(value.items) : std::span(&value, 1);
  if (items.empty() || items.size() > alphas_max) return report_value(reading, row, value);
  PcAlpha read{.is_auto = false, .values = {}};
  for (const TomlValue& item : items) {
    const auto alpha = finite_of(item);
    if (!alpha || *alpha <= 0 || *alpha >= 1) return report_value(reading, row, item);
    read.values.push_back(*alpha);
  }
  pc_alpha = std::move(read);
}

std::optional<std::string> print_pc_alpha(const JobSpec& spec) {
  const PcAlpha& pc_alpha = causal(spec).pc_alpha;
  if (pc_alpha.is_auto) return "\"auto\"";
  if (pc_alpha.values.empty()) return std::nullopt;
  if (pc_alpha.values.size() == 1) return toml_number(pc_alpha.values.front());
  std::string text;
  for (const double alpha : pc_alpha.values)
    text += (text.empty() ? "[" : ", ") + toml_number(alpha);
  return text + "]";
}

void read_variables(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  if (value.type != Type::list) return report_value(reading, row, value);
  std::vector<std::string> variables;
  std::set<std::string_view> seen;
  for (const TomlValue& item : value.items) {
    if (item.type != Type::text || item.text.empty()) return report_value(reading, row, item);
    if (const std::string fault = text_fault(item.text); !fault.empty())
      return report_value(reading, row, item, fault);
    if (!seen.insert(item.text).second)
      return reading.problems.add(item.place, qualified(row) + " has " + describe(item) + " twice");
    variables.push_back(item.text);
  }
  causal(spec).variables = std::move(variables);
}

std::optional<std::string> print_variables(const JobSpec& spec) {
  if (causal(spec).variables.empty()) return std::nullopt;
  std::string text;
  for (const std::string& name : causal(spec).variables)
    text += (text.empty() ? "[" : ", ") + toml_quote(name);
  return text + "]";
}

// One table of a list of tables. Reports what is not right with it; the getters give none then.
class Item {
 public:
  Item(Reading& reading, const Row& row, const TomlValue& table,
       std::initializer_list<std::string_view> keys)
      : reading_(reading), row_(row), table_(table) {
    for (const TomlEntry& entry : table.entries) {
      if (std::find(keys.begin(), keys.end(), entry.key) != keys.end()) continue;
      const std::string near = nearest(entry.key, {keys.begin(), keys.end()});
      std::string hint = near.empty() ? "" : "did you mean '" + near + "'?";
      report(entry.place, "unknown key " + quoted(entry.key) + " in " + qualified(row), hint);
    }
  }

  std::string text(std::string_view key) {
    const TomlValue* value = required(key);
    if (value == nullptr) return {};
    if (value->type == Type::text && !value->text.empty() && text_fault(value->text).empty())
      return value->text;
    report(value->place, name(key) + " must be a variable's name, got " + describe(*value));
    return {};
  }
  double number(std::string_view key) {
    const TomlValue* value = required(key);
    if (value == nullptr) return 0;
    if (const auto number = finite_of(*value)) return *number;
    report(value->place, name(key) + " must be a number, got " + describe(*value));
    return 0;
  }
  std::optional<int> whole(std::string_view key, std::int64_t max) {
    const TomlEntry* entry = table_.find(key);
    if (entry == nullptr) return std::nullopt;
    const TomlValue& value = entry->value;
    if (value.type == Type::whole && value.whole >= 0 && value.whole <= max)
      return static_cast<int>(value.whole);
    report(value.place, name(key) + " must be a whole number from 0 to " + std::to_string(max) +
                            ", got " + describe(value));
    return std::nullopt;
  }
  bool is_good() const { return is_good_; }

 private:
  static std::string quoted(const std::string& key) {
    return describe({.type = Type::text, .text = key}).substr(7);  // without "string "
  }
  std::string name(std::string_view key) const { return qualified(row_) + ": " + std::string(key); }
  const TomlValue* required(std::string_view key) {
    if (const TomlEntry* entry = table_.find(key)) return &entry->value;
    report(table_.place, name(key) + " is missing",
           "write: " + std::string(row_.key) + " = " + std::string(row_.example));
    return nullptr;
  }
  void report(const Place& place, std::string what, std::string hint = {}) {
    is_good_ = false;
    reading_.problems.add(place, std::move(what), std::move(hint));
  }

  Reading& reading_;
  const Row& row_;
  const TomlValue& table_;
  bool is_good_ = true;
};

bool is_list_of_tables(const TomlValue& value) {
  return value.type == Type::list &&
         std::all_of(value.items.begin(), value.items.end(),
                     [](const TomlValue& item) { return item.type == Type::table; });
}

/// A list of tables with these keys; `make` reads one. Nothing of the list counts before it is
/// read.
template <class T, class Make>
void read_tables(Reading& reading, const Row& row, const TomlValue& value,
                 std::initializer_list<std::string_view> keys, std::vector<T>& list, Make make) {
  if (!is_list_of_tables(value)) return report_value(reading, row, value);
  std::vector<T> read;
  for (const TomlValue& table : value.items) {
    Item item(reading, row, table, keys);
    T made = make(item);
    if (item.is_good()) read.push_back(std::move(made));
  }
  list = std::move(read);
}

void read_effects(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  read_tables(reading, row, value, {"cause", "effect", "max_lag"}, causal(spec).effects,
              [](Item& item) {
                return EffectQuery{.cause = item.text("cause"),
                                   .effect = item.text("effect"),
                                   .max_lag = item.whole("max_lag", lag_max).value_or(0)};
              });
}

std::string optional_key(std::string_view key, const std::optional<int>& value) {
  return value ? std::string(key) + std::to_string(*value) : "";
}

std::optional<std::string> print_effects(const JobSpec& spec) {
  if (causal(spec).effects.empty()) return std::nullopt;
  std::string text;
  for (const EffectQuery& query : causal(spec).effects)
    text += (text.empty() ? "[" : ", ") + ("{ cause = " + toml_quote(query.cause)) +
            ", effect = " + toml_quote(query.effect) +
            ", max_lag = " + std::to_string(query.max_lag) + " }";
  return text + "]";
}

void read_interventions(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  read_tables(reading, row, value, {"set", "to", "from", "until"}, causal(spec).interventions,
              [](Item& item) {
                return Intervention{.set = item.text("set"),
                                    .to = item.number("to"),
                                    .from = item.whole("from", step_max),
                                    .until = item.whole("until", step_max)};
              });
}

std::optional<std::string> print_interventions(const JobSpec& spec) {
  if (causal(spec).interventions.empty()) return std::nullopt;
  std::string text;
  for (const Intervention& each : causal(spec).interventions)
    text += (text.empty() ? "[" : ", ") + ("{ set = " + toml_quote(each.set)) +
            ", to = " + toml_number(each.to) + optional_key(", from = ", each.from) +
            optional_key(", until = ", each.until) + " }";
  return text + "]";
}

std::vector<KnownLink>& links_of(JobSpec& spec, Knowledge which) {
  return which == Knowledge::required ? causal(spec).required : causal(spec).forbidden;
}

void read_known_links(Reading& reading, const Row& row, const TomlValue& value,
                      std::vector<KnownLink>& links) {
  read_tables(reading, row, value, {"source", "target", "lag"}, links, [](Item& item) {
    return KnownLink{.source = item.text("source"),
                     .target = item.text("target"),
                     .lag = item.whole("lag", lag_max)};
  });
}

std::optional<std::string> print_known_links(const std::vector<KnownLink>& links) {
  if (links.empty()) return std::nullopt;
  std::string text;
  for (const KnownLink& link : links)
    text += (text.empty() ? "[" : ", ") + ("{ source = " + toml_quote(link.source)) +
            ", target = " + toml_quote(link.target) + optional_key(", lag = ", link.lag) + " }";
  return text + "]";
}

}  // namespace

Custom pc_alpha_field() {
  return {read_pc_alpha, print_pc_alpha, nullptr,
          "a number above 0 and below 1, a list of 1 to 100 of them, or \"auto\""};
}

Custom variables_field() {
  return {read_variables, print_variables,
          [](JobSpec& spec, const Visit& visit) {
            for (std::string& name : causal(spec).variables) visit(name);
          },
          "a list of column names"};
}

Custom effects_field() {
  return {read_effects, print_effects,
          [](JobSpec& spec, const Visit& visit) {
            for (EffectQuery& query : causal(spec).effects) {
              visit(query.cause);
              visit(query.effect);
            }
          },
          "a list of tables { cause, effect, max_lag }"};
}

Custom interventions_field() {
  return {read_interventions, print_interventions,
          [](JobSpec& spec, const Visit& visit) {
            for (Intervention& each : causal(spec).interventions) visit(each.set);
          },
          "a list of tables { set, to, from, until }"};
}

template <Knowledge which>
Custom known_links() {
  return {[](Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
            read_known_links(reading, row, value, links_of(spec, which));
          },
          [](const JobSpec& spec) {
            return print_known_links(which == Knowledge::required ? causal(spec).required
                                                                  : causal(spec).forbidden);
          },
          [](JobSpec& spec, const Visit& visit) {
            for (KnownLink& link : links_of(spec, which)) {
              visit(link.source);
              visit(link.target);
            }
          },
          "a list of tables { source, target, lag }"};
}

Custom known_links_field(Knowledge which) {
  return which == Knowledge::required ? known_links<Knowledge::required>()
                                      : known_links<Knowledge::forbidden>();
}

}  // namespace sovren::text
