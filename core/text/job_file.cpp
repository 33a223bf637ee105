// SPDX-License-Identifier: Apache-2.0
#include "core/text/job_file.h"

#include <filesystem>
#include <initializer_list>
#include <map>

#include "core/text/custom_fields.h"
#include "core/text/digest.h"
#include "core/text/problems.h"
#include "core/text/schema.h"
#include "core/text/spec_reader.h"
#include "core/text/toml_tree.h"
#include "core/text/utf8.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;

bool is_section(std::string_view name) {
  for (const Section& section : schema_sections())
    if (section.name == name) return true;
  return false;
}

std::vector<std::string_view> keys_of(std::string_view section) {
  std::vector<std::string_view> keys;
  for (const Row& row : schema_rows())
    if (row.section == section) keys.push_back(row.key);
  return keys;
}

// What was probably meant by an unknown key: near names of its own section, then of others.
std::string unknown_key_hint(std::string_view section, std::string_view key) {
  std::vector<std::string_view> near_keys = keys_of(section);
  if (section.empty()) {
    for (const Section& each : schema_sections()) near_keys.push_back(each.name);
    for (const Kind& kind : schema_kinds()) near_keys.push_back(kind.section);
  }
  if (std::string near = nearest(key, near_keys); !near.empty()) {
    const bool is_table = section.empty() && find_row("", near) == nullptr;
    return "did you mean " + (is_table ? "[" + near + "]?" : "'" + near + "'?");
  }
  std::vector<std::string_view> others;
  for (const Row& row : schema_rows()) others.push_back(row.key);
  if (const std::string near = nearest(key, others); !near.empty()) {
    for (const Row& row : schema_rows()) {
      if (row.key != near) continue;
      const std::string home = row.section.empty() ? "the top of the file, before any [section]"
                                                   : "[" + std::string(row.section) + "]";
      return "'" + near + "' belongs to " + home;
    }
  }
  std::string listed;
  for (const std::string_view each : keys_of(section))
    listed += (listed.empty() ? "" : ", ") + std::string(each);
  return "known keys: " + listed;
}

void mark(TomlValue& value, const Place& place) {
  value.place = place;
  for (TomlValue& item : value.items) mark(item, place);
  for (TomlEntry& entry : value.entries) {
    entry.place = place;
    mark(entry.value, place);
  }
}

// Puts a value at its place in the tree; tables are merged.
void merge(TomlEntry into, std::vector<TomlEntry>& entries) {
  for (TomlEntry& entry : entries) {
    if (entry.key != into.key) continue;
    if (entry.value.type == Type::table && into.value.type == Type::table) {
      for (TomlEntry& each : into.value.entries) merge(std::move(each), entry.value.entries);
    } else {
      entry = std::move(into);
    }
    return;
  }
  entries.push_back(std::move(into));
}

// TOML where it is some, else a bare string.
TomlValue value_of(std::string_view text) {
  auto document = parse_toml("value = " + std::string(text), "--set");
  const bool is_toml = document && document->entries.size() == 1 &&
                       document->entries.front().key == "value" &&
                       text.find('\n') == std::string::npos;
  if (!is_toml) return {.type = Type::text, .text = std::string(text)};
  TomlValue value = std::move(document->entries.front().value);
  if (value.type == Type::text) return value;
  value.text = text;
  value.is_bare = true;
  return value;
}

// Reads a whole tree into a spec.
class SpecReader {
 public:
  SpecReader(const TomlValue& root, Problems& problems, std::string_view base_dir)
      : root_(root), problems_(problems), reading_{problems, base_dir} {}

  JobSpec read(std::string_view default_name) {
    spec_.name = default_name;
    const TomlEntry* kind = root_.find("kind");
    if (kind == nullptr)
      problems_.add({}, "kind is missing", "write: kind = \"" + likely_kind() + "\"");
    else if (kind->value.type == Type::text)
      kind_ = find_kind(kind->value.text);
    // Before any section: in a file of dotted keys, one may stand above `kind`.
    if (kind_ != nullptr) spec_.kind = kind_->make();
    read_entries("", root_);
    if (kind != nullptr && kind_ != nullptr) check_required(kind_->section, kind->place);
    check_relations();
    check_texts();
    return std::move(spec_);
  }

 private:
  std::string likely_kind() const {
    for (const Kind& kind : schema_kinds())
      if (root_.find(kind.section)) return std::string(kind.name);
    return "causal-analysis";
  }

  void read_entries(std::string_view section, const TomlValue& table) {
    for (const TomlEntry& entry : table.entries) {
      if (const Row* row = find_row(section, entry.key)) {
        const std::size_t before = problems_.count();
        read_value(reading_, *row, entry.value, spec_);
        written_[qualified(*row)] = {entry.value.place, problems_.count() > before};
      } else if (section.empty() && (is_section(entry.key) || kind_of_section(entry.key))) {
        read_section(entry);
      } else {
        unknown(section, entry);
      }
    }
  }

  void read_section(const TomlEntry& entry) {
    const Kind* kind = kind_of_section(entry.key);
    if (kind != nullptr && kind_ != nullptr && kind != kind_)
      return problems_.add(entry.place, "[" + entry.key + "] does not belong to kind '" +
                                            std::string(kind_->name) + "'");
    if (kind != nullptr && kind_ == nullptr) spec_.kind = kind->make();  // to see its faults
    if (entry.value.type != Type::table)
      return problems_.add(entry.value.place,
                           "[" + entry.key + "] must be a table, got " + describe(entry.value),
                           "write the line [" + entry.key + "] and its keys below it");
    if (entry.key == array_section) return read_array(reading_, entry.value, spec_);
    read_entries(entry.key, entry.value);
  }

  void unknown(std::string_view section, const TomlEntry& entry) {
    const std::string shown =
        describe({.type = Type::text, .text = entry.key}).substr(7);  // without "string "
    const bool is_table = entry.value.type == Type::table;
    std::string what = "unknown ";
    what += section.empty() && is_table ? "section [" + entry.key + "]" : "key " + shown;
    if (!section.empty()) what += " in [" + std::string(section) + "]";
    problems_.add(entry.place, std::move(what),
                  problems_.is_full() ? "" : unknown_key_hint(section, entry.key));
  }

  void check_required(std::string_view section, const Place& kind_place) {
    const TomlEntry* table = root_.find(section);
    for (const Row& row : schema_rows()) {
      if (row.section != section || row.presence != Row::Presence::required) continue;
      if (table != nullptr && (table->value.type != Type::table || table->value.find(row.key)))
        continue;
      problems_.add(table != nullptr ? table->place : kind_place, qualified(row) + " is missing",
                    "write in [" + std::string(section) + "]: " + std::string(row.key) + " = " +
                        std::string(row.example));
    }
    if (section == "command") check_program(table != nullptr ? table->place : kind_place);
  }

  void check_program(const Place& place) {
    const auto argv = written_.find("command.argv");
    const auto script = written_.find("command.script");
    if (argv != written_.end() && script != written_.end())
      problems_.add(std::max(argv->second.place, script->second.place),
                    "command has both argv and script", "one of them is what is run");
    if (argv == written_.end() && script == written_.end())
      problems_.add(place, "command has neither argv nor script",
                    "write in [command]: argv = [\"./simulate\", \"--steps\", \"100\"]");
  }

  // left must be at most right; blamed on the one that was written, the later of both.
  /// Where to point when keys do not go together: at the last of them that is written. None: the
  /// real value of one is not known.
  std::optional<Place> blamed(std::initializer_list<std::string_view> keys) const {
    Place place;
    for (const std::string_view key : keys) {
      const auto found = written_.find(std::string(key));
      if (found == written_.end()) continue;
      if (found->second.is_faulty) return std::nullopt;
      if (place < found->second.place) place = found->second.place;
    }
    return place;
  }
  std::string shown(std::string_view key, std::int64_t value) const {
    return std::to_string(value) + (written_.count(std::string(key)) == 0 ? " (the default)" : "");
  }
  void check_pair(bool is_good, std::string_view left_key, std::int64_t left,
                  std::string_view must_be, std::string_view right_key, std::int64_t right) {
    if (is_good) return;
    if (const auto place = blamed({left_key, right_key}))
      problems_.add(*place, std::string(left_key) + " must " + std::string(must_be) + " " +
                                std::string(right_key) + ", got " + shown(left_key, left) +
                                " and " + shown(right_key, right));
  }
  void check_order(std::string_view left_key, std::optional<std::int64_t> left,
                   std::string_view right_key, std::optional<std::int64_t> right) {
    if (left && right)
      check_pair(*left <= *right, left_key, *left, "be at most", right_key, *right);
  }
  void check_divides(std::string_view left_key, std::int64_t left, std::string_view right_key,
                     std::int64_t right) {
    check_pair(right % left == 0, left_key, left, "divide", right_key, right);
  }

  // Of an array's first element, so that a misspelt ${axis} is found where it stands. Without an
  // array "${" is plain text.
  void check_texts() {
    JobSpec first = spec_;
    const std::vector<std::size_t> index(spec_.array.size(), 0);
    for (const Row& row : schema_rows()) {
      const auto found = written_.find(qualified(row));
      if (found == written_.end() || found->second.is_faulty || !applies(row, first)) continue;
      if (spec_.array.empty()) {
        if (std::string fault = fault_after_expansion(row, spec_); !fault.empty())
          problems_.add(found->second.place, std::move(fault));
      } else if (auto error = replace_axes(row, first, spec_.array, index)) {
        problems_.add(found->second.place, std::move(error->what), std::move(error->hint));
      }
    }
  }

  void check_relations() {
    const Resources& r = spec_.resources;
    check_order("resources.ranks_min", r.ranks_min, "resources.ranks", r.ranks);
    check_order("resources.ranks", r.ranks, "resources.ranks_max", r.ranks_max);
    check_order("resources.nodes", r.nodes, "resources.ranks", r.ranks);
    check_checkpoint(spec_.checkpoint);
    if (const auto* causal = std::get_if<CausalSpec>(&spec_.kind))
      check_order("causal_analysis.min_lag", causal->min_lag, "causal_analysis.max_lag",
                  causal->max_lag);
    if (const auto* training = std::get_if<TrainingSpec>(&spec_.kind)) check_training(*training);
  }

  void check_checkpoint(const CheckpointPolicy& c) {
    if (c.local_dir.empty() && c.local_interval != CheckpointInterval{})
      if (const auto place = blamed({"checkpoint.local_interval"}))
        problems_.add(*place, "checkpoint.local_interval needs checkpoint.local",
                      "local = \"/scratch\" names a folder on each node's own disk");
    if (!c.key_file.empty() && !c.key_env.empty())
      if (const auto place = blamed({"checkpoint.key_file", "checkpoint.key_env"}))
        problems_.add(*place, "checkpoint.key_file and checkpoint.key_env are two keys",
                      "keep one of them");
    if (c.mode == CheckpointPolicy::Writing::sync && c.copy_memory_bytes > 0)
      if (const auto place = blamed({"checkpoint.copy_memory"}))
        problems_.add(*place, "checkpoint.copy_memory has no use with mode = \"sync\"",
                      "a synchronous checkpoint copies nothing");
  }

  void check_training(const TrainingSpec& t) {
    check_divides("model_training.heads", t.heads, "model_training.width", t.width);
    check_divides("model_training.kv_heads", t.kv_heads.value_or(1), "model_training.heads",
                  t.heads);
    check_order("model_training.micro_batch", t.micro_batch, "model_training.batch", t.batch);
    check_divides("model_training.micro_batch", t.micro_batch.value_or(1), "model_training.batch",
                  t.batch);
    const int parts = micro_batches(t);
    const int ranks = std::max(spec_.resources.ranks, spec_.resources.ranks_max.value_or(0));
    if (ranks <= parts || t.batch % parts != 0) return;
    if (const auto place = blamed({"resources.ranks", "resources.ranks_max", "model_training.batch",
                                   "model_training.micro_batch"}))
      problems_.add(*place,
                    "model_training.batch is " + std::to_string(t.batch) + " sequences in " +
                        std::to_string(parts) + (parts == 1 ? " micro-batch" : " micro-batches") +
                        ", which " + std::to_string(ranks) + " ranks cannot split",
                    "use fewer ranks, a larger batch, or a smaller micro_batch");
  }

  const TomlValue& root_;
  Problems& problems_;
  Reading reading_;
  JobSpec spec_;
  const Kind* kind_ = nullptr;
  struct Written {
    Place place;
    bool is_faulty = false;
  };
  std::map<std::string, Written> written_;  // by qualified key
};

}  // namespace

JobSpec read_spec(const TomlValue& root, Problems& problems, std::string_view base_dir,
                  std::string_view default_name) {
  return SpecReader(root, problems, base_dir).read(default_name);
}

void put_key(std::string_view key, std::string_view value, const Place& place, TomlValue& root,
             Problems& problems) {
  std::vector<std::string> path{""};
  for (const char c : key) {
    if (c == '.')
      path.emplace_back();
    else
      path.back() += c;
  }
  for (const std::string& part : path)
    if (part.empty() || path.size() > static_cast<std::size_t>(toml_depth_max))
      return problems.add(place, "a key is missing", "write: --set resources.ranks=4", Code::usage);
  if (utf8_fault(key) != key.npos || utf8_fault(value) != value.npos)
    return problems.add(place, "an override is not UTF-8", "", Code::usage);
  TomlValue written = value_of(value);
  mark(written, place);
  for (std::size_t i = path.size(); i-- > 1;) {
    TomlValue table{.type = Type::table, .place = place};
    table.entries.push_back({path[i], place, std::move(written)});
    written = std::move(table);
  }
  merge({path[0], place, std::move(written)}, root.entries);
}

void apply_overrides(std::span<const Override> overrides, TomlValue& root, Problems& problems) {
  for (std::size_t i = 0; i < overrides.size(); ++i) {
    const Place place{.override_index = static_cast<int>(i), .line = 0, .column = 0};
    put_key(overrides[i].key, overrides[i].value, place, root, problems);
  }
}

void check_size(const JobSpec& spec, Problems& problems) {
  if (problems.empty() && print_job_file(spec).size() > toml_size_bytes_max)
    problems.add({}, "the job has more than 1 MiB of text once its paths are absolute");
}

std::string job_name_of(std::string text) {
  const bool is_good =
      name_fault(text).empty() && text_fault(text).empty() && utf8_fault(text) == std::string::npos;
  return is_good ? std::move(text) : "job";
}

tl::expected<JobSpec, Errors> parse_job_file(const SourceText& source,
                                             std::span<const Override> overrides) {
  auto root = parse_toml(source.text, source.name);
  if (!root) return tl::unexpected<Errors>(Errors{std::move(root).error()});
  Problems problems(source.name, overrides);
  if (utf8_fault(source.base_dir) != std::string::npos)
    problems.add({}, "the name of the folder that the file is in is not UTF-8",
                 "rename the folder");
  apply_overrides(overrides, *root, problems);
  const std::string stem = std::filesystem::path(source.name).stem().string();
  JobSpec spec = read_spec(*root, problems, source.base_dir, job_name_of(stem));
  check_size(spec, problems);
  if (!problems.empty()) return tl::unexpected<Errors>(std::move(problems).in_order());
  return spec;
}

Result<JobSpec> read_stored_job(std::string_view toml) {
  SOVREN_TRY(root, parse_toml(toml, "spec"));
  Problems problems("spec", {});
  JobSpec spec = read_spec(root, problems, "", "");
  const TomlEntry* kind = root.find("kind");
  const Kind* known =
      kind != nullptr && kind->value.type == Type::text ? find_kind(kind->value.text) : nullptr;
  if (known == nullptr) return fail(std::move(problems).in_order().front());
  return spec;
}

std::string print_job_file(const JobSpec& spec) {
  const auto print_rows = [&](std::string_view section) {
    std::string text;
    for (const Row& row : schema_rows())
      if (row.section == section)
        if (const auto value = printed(row, spec))
          text += std::string(row.key) + " = " + *value + "\n";
    return text;
  };
  std::string text = print_rows("");
  for (const Section& section : schema_sections()) {
    const Kind* kind = kind_of_section(section.name);
    if (kind != nullptr && kind->name != kind_name(spec.kind)) continue;
    if (section.name == array_section && spec.array.empty()) continue;
    text += "\n[" + std::string(section.name) + "]\n" + print_rows(section.name);
    if (section.name == array_section)
      for (const ArrayAxis& axis : spec.array) text += print_axis(axis) + "\n";
  }
  return text;
}

SpecFacts spec_facts(const JobSpec& spec) {
  SpecFacts facts{{"kind", kind_name(spec.kind)}};
  const std::string_view section = find_kind(kind_name(spec.kind))->section;
  for (const Row& row : schema_rows()) {
    if (row.section != section || !row.decides_result) continue;
    auto value = printed(row, spec);
    if (!value) continue;
    if (const auto* path = std::get_if<Path>(&row.field))
      value = std::filesystem::path(path->get(spec)).filename().string();
    if (const auto* choice = std::get_if<Choice>(&row.field))
      value = choice->names[static_cast<std::size_t>(*choice->get(spec))];
    facts[qualified(row)] = *value;
  }
  return facts;
}

std::string facts_digest(const SpecFacts& facts) {
  Sha256 hash;
  for (const auto& [key, value] : facts)
    hash.update(toml_quote(key) + "=" + toml_quote(value) + "\n");
  return hash.hex();
}

}  // namespace sovren::text
