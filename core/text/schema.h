// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/model/job_spec.h"
#include "core/text/problems.h"
#include "core/text/toml_tree.h"

namespace sovren::text {

struct Row;

/// What reading one value needs besides the value.
struct Reading {
  Problems& problems;
  std::string_view base_dir;
};

// How the value of a row is read, printed and described. Each alternative reaches its place in a
// JobSpec by plain functions.

/// Text. fault: what a text that is no legal value "must be"; empty when it is legal.
struct Text {
  const std::string& (*get)(const JobSpec&);
  std::string& (*at)(JobSpec&);
  std::string (*fault)(std::string_view);
  std::string_view allowed;
  bool takes_time = false;  ///< also a bare TOML date and time
};
/// A path; made absolute. An empty one is "none".
struct Path {
  const std::string& (*get)(const JobSpec&);
  std::string& (*at)(JobSpec&);
  std::string_view allowed = "the path of a file";
};
/// A program's text: long, and "${x}" in it is its own unless x is an axis.
struct Script {
  const std::string& (*get)(const JobSpec&);
  std::string& (*at)(JobSpec&);
};
struct Flag {
  std::optional<bool> (*get)(const JobSpec&);
  void (*set)(JobSpec&, bool);
};
struct Whole {
  std::optional<std::int64_t> (*get)(const JobSpec&);
  void (*set)(JobSpec&, std::int64_t);
  std::int64_t min, max;
};
/// is_open: the ends themselves are not allowed.
struct Number {
  std::optional<double> (*get)(const JobSpec&);
  void (*set)(JobSpec&, double);
  double min, max;
  bool is_open, allows_nan;
};
/// clear: for "none"; null when a duration must be there.
struct Duration {
  std::optional<double> (*get)(const JobSpec&);
  void (*set)(JobSpec&, double);
  void (*clear)(JobSpec&);
  double min_s, max_s;
};
/// 0 is "no limit" and is not printed.
struct Size {
  std::int64_t (*get)(const JobSpec&);
  void (*set)(JobSpec&, std::int64_t);
  std::int64_t max;
};
/// One of some names; the index of a name is the value of its enumerator.
struct Choice {
  /// Another name that is read, and never printed.
  struct Alias {
    std::string_view name;
    std::string_view meant;
  };
  std::optional<int> (*get)(const JobSpec&);
  void (*set)(JobSpec&, int);
  std::span<const std::string_view> names;
  std::span<const Alias> aliases;
};
/// What fits nowhere else. strings: calls visit for each text that ${axis} may stand in; may be
/// null. fault: what the value "must be" once ${axis} was replaced; null: any text will do.
struct Custom {
  void (*read)(Reading&, const Row&, const TomlValue&, JobSpec&);
  std::optional<std::string> (*print)(const JobSpec&);
  void (*strings)(JobSpec&, const std::function<void(std::string&)>& visit);
  std::string_view allowed;
  std::string (*fault)(const JobSpec&) = nullptr;
};

using Field = std::variant<Text, Path, Script, Flag, Whole, Number, Duration, Size, Choice, Custom>;

/// One key of the job file. All that is known of it stands here and nowhere else.
struct Row {
  std::string_view section;  ///< empty: the file's top
  std::string_view key;
  Field field;
  std::string_view example;  ///< a TOML value
  std::string_view help;     ///< one line
  enum class Presence { optional, required } presence = Presence::optional;
  std::string_view default_note = {};  ///< where the default is no value: "the file's name"
  bool decides_result = true;          ///< of a kind's section: it is one of the job's facts
};

struct Section {
  std::string_view name;
  std::string_view help;
};

/// A kind of job and the section that describes it.
struct Kind {
  std::string_view name;
  std::string_view section;
  KindSpec (*make)();  ///< all defaults
};

std::span<const Row> schema_rows();
std::span<const Section> schema_sections();
std::span<const Kind> schema_kinds();
const Row* find_row(std::string_view section, std::string_view key);
const Kind* find_kind(std::string_view name);
const Kind* kind_of_section(std::string_view section);  ///< null: a section of every kind
/// Is the row one of the spec's kind, or of every kind? Only then may it be asked for a value.
bool applies(const Row& row, const JobSpec& spec);
/// All defaults, of a kind that has the row.
JobSpec default_spec(const Row& row);
inline constexpr std::string_view array_section = "array";

std::string qualified(const Row& row);  ///< "resources.ranks"
std::string allowed(const Row& row);    ///< "a whole number from 1 to 100000"
std::optional<std::string> printed(const Row& row, const JobSpec& spec);  ///< as TOML; none: absent
void read_value(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec);
/// Every text of the row that ${axis} may stand in.
void visit_strings(const Row& row, JobSpec& spec, const std::function<void(std::string&)>& visit);
/// After ${axis} was replaced: "name must be ..., got '...'", or empty.
std::string fault_after_expansion(const Row& row, const JobSpec& spec);

// For the rows' own readers.

/// Reports "resources.ranks must be <allowed>, got <value>".
void report_value(Reading& reading, const Row& row, const TomlValue& value,
                  std::string_view must_be = {});
/// The value's text; of an override also a number or a date, as it was written.
std::optional<std::string> text_of(const TomlValue& value);
bool holds_axis(std::string_view text);  ///< has it "${" in it?
inline constexpr std::size_t text_bytes_max = 4096;
std::string text_fault(std::string_view text);  ///< of any text: too long, or control characters
inline constexpr std::size_t script_bytes_max = std::size_t{256} << 10;
std::string script_fault(std::string_view text);
std::string absolute_path(std::string_view base_dir, std::string_view path);

}  // namespace sovren::text
