// SPDX-License-Identifier: Apache-2.0
// [array]: axes, their ranges, and the jobs that they stand for.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/check.h"
#include "core/text/custom_fields.h"
#include "core/text/job_file.h"
#include "core/text/nearest.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;

constexpr std::string_view axis_allowed =
    "a range such as \"1-240\", \"1-10:2\" or \"1,3,5-7\", or a list of texts or numbers";
constexpr std::size_t value_bytes_max = 1000;
constexpr std::size_t expanded_bytes_max = std::size_t{512} << 20;

std::string quoted(std::string_view text) {
  return describe({.type = Type::text, .text = std::string(text)}).substr(7);
}

bool is_axis_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && name.size() <= 64 && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// A whole number without sign or leading zeros, as printing makes it.
std::optional<std::int64_t> plain_number(std::string_view text) {
  if (text.empty() || text.size() > 18 || (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// Appends "A", "A-B" or "A-B:S"; false when it is no such thing or there are too many.
bool append_range(std::string_view term, std::vector<std::string>& values) {
  const std::size_t dash = term.find('-');
  const std::size_t colon = term.find(':');
  if (dash == term.npos && colon != term.npos) return false;
  const auto first = plain_number(term.substr(0, dash));
  const auto last =
      dash == term.npos ? first : plain_number(term.substr(dash + 1, colon - dash - 1));
  const auto step = colon == term.npos ? 1 : plain_number(term.substr(colon + 1));
  if (!first || !last || !step || *step < 1 || *last < *first) return false;
  if ((*last - *first) / *step >= static_cast<std::int64_t>(array_elements_max)) return false;
  for (std::int64_t value = *first; value <= *last; value += *step)
    values.push_back(std::to_string(value));
  return values.size() <= array_elements_max;
}

std::vector<std::string> values_of_range(std::string_view text) {
  std::vector<std::string> values;
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view term = text.substr(0, comma);
    while (term.starts_with(' ')) term.remove_prefix(1);
    while (term.ends_with(' ')) term.remove_suffix(1);
    if (!append_range(term, values)) return {};
    if (comma == text.npos) return values;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string> values_of_list(Reading& reading, const std::string& name,
                                        const TomlValue& list) {
  std::vector<std::string> values;
  for (const TomlValue& item : list.items) {
    const bool is_number =
        item.type == Type::whole || (item.type == Type::number && std::isfinite(item.number));
    const bool is_text = item.type == Type::text && item.text.size() <= value_bytes_max &&
                         text_fault(item.text).empty();
    if (!is_number && !is_text) {
      reading.problems.add(item.place, name + " holds " + describe(item) +
                                           "; values are numbers or texts of at most " +
                                           std::to_string(value_bytes_max) + " bytes");
      return {};
    }
    values.push_back(is_text ? item.text : describe(item));
  }
  return values;
}

void read_axis(Reading& reading, const TomlEntry& entry, JobSpec& spec) {
  const std::string name = "array." + toml_key(entry.key);
  if (!is_axis_name(entry.key))
    return reading.problems.add(
        entry.place,
        "an axis of [array] must be named by letters, digits and _, got " + quoted(entry.key));
  std::vector<std::string> values;
  if (const auto text = text_of(entry.value)) {
    values = values_of_range(*text);
  } else if (entry.value.type == Type::list && !entry.value.items.empty()) {
    values = values_of_list(reading, name, entry.value);
    if (values.empty()) return;  // reported
  }
  if (values.empty() || values.size() > array_elements_max)
    return reading.problems.add(entry.value.place,
                                name + " must be " + std::string(axis_allowed) +
                                    " of at most 100000 elements, got " + describe(entry.value),
                                entry.value.type == Type::text
                                    ? "write a list: " + entry.key + " = [\"red\", \"blue\"]"
                                    : "write: " + entry.key + " = \"1-240\"");
  spec.array.push_back({entry.key, std::move(values)});
}

// The end (past the last) of the longest run from `begin` with one step between its numbers.
std::size_t run_end(const std::vector<std::int64_t>& numbers, std::size_t begin) {
  if (begin + 1 >= numbers.size()) return begin + 1;
  const std::int64_t step = numbers[begin + 1] - numbers[begin];
  if (step < 1) return begin + 1;
  std::size_t end = begin + 2;
  while (end < numbers.size() && numbers[end] - numbers[end - 1] == step) ++end;
  return step > 1 && end - begin < 3 ? begin + 1 : end;
}

std::string print_ranges(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (std::size_t begin = 0; begin < numbers.size();) {
    const std::size_t end = run_end(numbers, begin);
    text += (text.empty() ? "" : ",") + std::to_string(numbers[begin]);
    if (end - begin > 1) {
      text += "-" + std::to_string(numbers[end - 1]);
      const std::int64_t step = numbers[begin + 1] - numbers[begin];
      if (step > 1) text += ":" + std::to_string(step);
    }
    begin = end;
  }
  return text;
}

// Replaces ${axis} in texts by the values of one element.
class Replacer {
 public:
  /// is_script: what names no axis is left to the shell, and "$$" is its own.
  Replacer(const std::vector<ArrayAxis>& axes, const std::vector<std::size_t>& index,
           bool is_script)
      : axes_(axes),
        index_(index),
        is_script_(is_script),
        bytes_max_(is_script ? script_bytes_max : text_bytes_max) {}

  void operator()(std::string& text) {
    if (!holds_axis(text)) return;
    std::string out;
    std::size_t from = 0;
    for (std::size_t at = text.find("${"); at != text.npos; at = text.find("${", from)) {
      if (!is_script_ && at > from && text[at - 1] == '$') {  // "$${": one dollar is dropped
        out += text.substr(from, at - 1 - from) + "${";
        from = at + 2;
        continue;
      }
      out += text.substr(from, at - from);
      const std::size_t close = text.find('}', at);
      if (close == text.npos && !is_script_) return fail_with(text, "has \"${\" without \"}\"");
      const std::string_view name =
          std::string_view(text).substr(at + 2, close == text.npos ? 0 : close - at - 2);
      const std::string* value = value_of(name);
      if (value == nullptr && !is_script_) return unknown(text, name);
      out += value != nullptr ? *value : "${";
      from = value != nullptr ? close + 1 : at + 2;
      if (out.size() > bytes_max_) return fail_with(text, "is too long once replaced");
    }
    out += text.substr(from);
    if (out.size() > bytes_max_) return fail_with(text, "is too long once replaced");
    text = std::move(out);
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const std::string* value_of(std::string_view name) const {
    for (std::size_t a = 0; a < axes_.size(); ++a)
      if (axes_[a].name == name) return &axes_[a].values[index_[a]];
    return nullptr;
  }
  void fail_with(const std::string& text, std::string why, std::string hint = {}) {
    if (error_) return;
    error_ = Error{.code = Code::spec_invalid,
                   .what = quoted(text) + " " + std::move(why),
                   .hint = std::move(hint)};
  }
  void unknown(const std::string& text, std::string_view name) {
    std::vector<std::string_view> names;
    std::string listed;
    for (const ArrayAxis& axis : axes_) {
      names.push_back(axis.name);
      listed += (listed.empty() ? "" : ", ") + axis.name;
    }
    std::string why = "names the axis " + quoted(name) + ", but ";
    why += "[array] has only " + listed;
    const std::string near = nearest(name, names);
    fail_with(
        text, why,
        near.empty() ? "write \"$${\" for a literal \"${\"" : "did you mean '${" + near + "}'?");
  }

  const std::vector<ArrayAxis>& axes_;
  const std::vector<std::size_t>& index_;
  const bool is_script_;
  const std::size_t bytes_max_;
  std::optional<Error> error_;
};

std::vector<std::size_t> index_of(const std::vector<ArrayAxis>& axes, std::int64_t element) {
  std::vector<std::size_t> index(axes.size());
  auto rest = static_cast<std::size_t>(element);
  for (std::size_t a = axes.size(); a-- > 0;) {  // the last axis fastest
    index[a] = rest % axes[a].values.size();
    rest /= axes[a].values.size();
  }
  return index;
}

// What a shell script needs to know which element it is: "${frame}" is not for every program.
void add_variables(CommandSpec& command, const std::vector<ArrayAxis>& axes,
                   const std::vector<std::size_t>& index, const ArrayTasks& tasks,
                   std::int64_t element) {
  for (std::size_t a = 0; a < axes.size(); ++a) {
    std::string name = "SOVREN_ARRAY_" + axes[a].name;
    for (char& c : name)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    command.environment.emplace(std::move(name), axes[a].values[index[a]]);
  }
  const std::pair<const char*, std::string> variables[] = {{"ID", tasks.name(element)},
                                                           {"COUNT", std::to_string(tasks.count())},
                                                           {"MIN", std::to_string(tasks.min())},
                                                           {"MAX", std::to_string(tasks.max())},
                                                           {"STEP", std::to_string(tasks.step())}};
  for (const auto& [name, value] : variables)
    command.environment.emplace(std::string("SLURM_ARRAY_TASK_") + name, value);
}

// All but the axes, which may be long.
JobSpec without_array(const JobSpec& spec) {
  return {.schema = spec.schema,
          .name = spec.name,
          .partition = spec.partition,
          .qos = spec.qos,
          .account = spec.account,
          .priority = spec.priority,
          .begin = spec.begin,
          .deadline = spec.deadline,
          .after = spec.after,
          .comment = spec.comment,
          .labels = spec.labels,
          .resources = spec.resources,
          .checkpoint = spec.checkpoint,
          .retry = spec.retry,
          .array = {},
          .array_max_running = spec.array_max_running,
          .kind = spec.kind};
}

// Makes elements of one template. Only rows that hold "${" differ between them.
class Expander {
 public:
  explicit Expander(const JobSpec& spec)
      : axes_(spec.array), tasks_(spec.array), base_(without_array(spec)) {
    for (const Row& row : schema_rows()) {
      bool is_touched = false;
      if (applies(row, base_))
        visit_strings(row, base_, [&](std::string& text) { is_touched |= holds_axis(text); });
      if (is_touched) rows_.push_back(&row);
    }
  }

  Result<JobSpec> element(std::int64_t number) const {
    JobSpec spec = base_;
    const std::vector<std::size_t> index = index_of(axes_, number);
    for (const Row* row : rows_)
      if (auto error = replace_axes(*row, spec, axes_, index)) return fail(*std::move(error));
    if (auto* command = std::get_if<CommandSpec>(&spec.kind))
      add_variables(*command, axes_, index, tasks_, number);
    return spec;
  }

  /// At least as many bytes as the element has as a job file; without printing it.
  std::size_t printed_bytes_max(JobSpec& element) const {
    std::size_t bytes = 0;
    for (const Row* row : rows_)
      visit_strings(*row, element, [&](const std::string& text) { bytes += text.size(); });
    if (const auto* command = std::get_if<CommandSpec>(&element.kind))
      for (const auto& [name, value] : command->environment)
        bytes += name.size() + value.size() + 8;
    return base_bytes_ + 2 * bytes;  // what an axis puts in needs at most one escape a byte
  }

 private:
  const std::vector<ArrayAxis>& axes_;
  ArrayTasks tasks_;
  JobSpec base_;
  std::size_t base_bytes_ = print_job_file(base_).size();
  std::vector<const Row*> rows_;
};

Error too_much_text() {
  return {.code = Code::spec_invalid,
          .what = "[array] makes more text than 1 MiB a job or 512 MiB in all"};
}

bool is_too_long(const JobSpec& element) {
  return print_job_file(element).size() > toml_size_bytes_max;
}

// Calls visit for each element, in order.
Result<void> for_each_element(const JobSpec& spec, const std::function<void(JobSpec&&)>& visit) {
  const Expander expander(spec);
  std::size_t bytes = 0;
  for (std::int64_t i = 0; i < array_size(spec); ++i) {
    SOVREN_TRY(element, expander.element(i));
    // One element stays a job file; all together stay in memory.
    const std::size_t bytes_max = expander.printed_bytes_max(element);
    bytes += bytes_max;
    if (bytes > expanded_bytes_max || (bytes_max > toml_size_bytes_max && is_too_long(element)))
      return fail(too_much_text());
    visit(std::move(element));
  }
  return {};
}

}  // namespace

void read_array(Reading& reading, const TomlValue& table, JobSpec& spec) {
  spec.array.clear();
  for (const TomlEntry& entry : table.entries) read_axis(reading, entry, spec);
  std::size_t elements = 1;
  for (const ArrayAxis& axis : spec.array) {
    elements *= axis.values.size();
    if (elements <= array_elements_max) continue;
    return reading.problems.add(
        table.place, "[array] has more than " + std::to_string(array_elements_max) + " elements");
  }
}

std::string print_axis(const ArrayAxis& axis) {
  std::vector<std::int64_t> numbers;
  for (const std::string& value : axis.values)
    if (const auto number = plain_number(value)) numbers.push_back(*number);
  if (numbers.size() == axis.values.size())
    return axis.name + " = \"" + print_ranges(numbers) + "\"";
  std::string text;
  for (const std::string& value : axis.values)
    text += (text.empty() ? "[" : ", ") + toml_quote(value);
  return axis.name + " = " + text + "]";
}

std::optional<Error> replace_axes(const Row& row, JobSpec& spec, const std::vector<ArrayAxis>& axes,
                                  const std::vector<std::size_t>& index) {
  Replacer replace(axes, index, std::holds_alternative<Script>(row.field));
  visit_strings(row, spec, [&](std::string& text) { replace(text); });
  if (replace.error()) {
    Error error = *replace.error();
    error.what = qualified(row) + ": " + error.what;
    return error;
  }
  std::string fault = fault_after_expansion(row, spec);
  if (fault.empty()) return std::nullopt;
  return Error{.code = Code::spec_invalid, .what = std::move(fault)};
}

ArrayTasks::ArrayTasks(const std::vector<ArrayAxis>& axes) {
  for (const ArrayAxis& axis : axes) count_ *= std::ssize(axis.values);
  max_ = count_ - 1;
  if (axes.size() != 1) return;
  std::vector<std::int64_t> numbers;
  for (const std::string& value : axes[0].values)
    if (const auto number = plain_number(value)) numbers.push_back(*number);
  if (std::ssize(numbers) != count_) return;
  names_ = &axes[0].values;
  const auto [min, max] = std::ranges::minmax(numbers);
  min_ = min;
  max_ = max;
  // "0-6:3,7" has step 3, "1,4,9" has none.
  const bool is_even = numbers.size() >= 3 && numbers[2] - numbers[1] == numbers[1] - numbers[0];
  if (is_even) step_ = std::max<std::int64_t>(1, numbers[1] - numbers[0]);
}

std::string ArrayTasks::name(std::int64_t element) const {
  return names_ == nullptr ? std::to_string(element)
                           : names_->at(static_cast<std::size_t>(element));
}

std::int64_t array_size(const JobSpec& spec) {
  std::int64_t size = 1;
  for (const ArrayAxis& axis : spec.array) size *= static_cast<std::int64_t>(axis.values.size());
  return size;
}

Result<std::vector<JobSpec>> expand_array(const JobSpec& spec) {
  if (spec.array.empty()) return std::vector<JobSpec>{spec};
  std::vector<JobSpec> elements;
  SOVREN_DO(for_each_element(spec, [&](JobSpec&& each) { elements.push_back(std::move(each)); }));
  return elements;
}

Result<void> check_elements(const JobSpec& spec) {
  if (spec.array.empty()) return {};
  return for_each_element(spec, [](JobSpec&&) {});
}

Result<JobSpec> expand_element(const JobSpec& spec, std::int64_t element) {
  SOVREN_CHECK(element >= 0 && element < array_size(spec), "an element is one of the array's");
  if (spec.array.empty()) return spec;
  const Expander expander(spec);
  SOVREN_TRY(job, expander.element(element));
  if (expander.printed_bytes_max(job) > toml_size_bytes_max && is_too_long(job))
    return fail(too_much_text());
  return job;
}

Result<std::vector<Override>> array_overrides(const JobSpec& without, std::string_view range) {
  if (without.array.size() > 1)
    return fail({.code = Code::usage,
                 .what = "the job file has " + std::to_string(without.array.size()) +
                         " axes: which one 'array' is for cannot be told",
                 .hint = "override array.NAME instead"});
  const std::string axis = without.array.empty() ? "task" : without.array.front().name;
  const std::size_t percent = range.find('%');
  std::vector<Override> overrides{
      {"array." + axis, "\"" + std::string(range.substr(0, percent)) + "\""}};
  if (percent != range.npos)
    overrides.push_back({"array_max_running", std::string(range.substr(percent + 1))});
  return overrides;
}

}  // namespace sovren::text
