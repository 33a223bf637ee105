// SPDX-License-Identifier: Apache-2.0
#include "core/text/job_file.h"
#include "core/text/schema.h"

namespace sovren::text {
namespace {

constexpr std::string_view head = R"(# The job file

This page is written by `sovren lint --schema`; a test compares the two.

A job file is TOML 1.0, at most 1 MiB. Unknown keys are errors. `sovren run job.toml --set
resources.ranks=4` sets one key for one run: its value is TOML or else a bare text. `sovren run
job.toml --dry-run` prints the file with all defaults filled in.

- durations: `"90s"`, `"5min"`, `"1h30m"`, `"2d"`, `"250ms"`; units ms, s, m, min, h, d
- sizes: `"512MiB"`, `"2GiB"`, `"1.5GB"`; units B, KiB MiB GiB TiB (of 1024), KB MB GB TB (of 1000)
- ranges: `"1-240"`, `"1-10:2"`, `"1,3,5-7"`
- relative paths resolve against the folder of the file

```toml
name = "enso-drivers"
kind = "causal-analysis"

[resources]
ranks = 4

[causal_analysis]
data = "climate.csv"
max_lag = 5
```
```toml
kind = "command"
labels = { region = "eu-west-1" }

[resources]
memory_per_rank = "2GiB"
time_limit = "1h"

[command]
argv = ["./simulate", "--steps", "100"]
checkpoint_signal = "USR1"
```
)";

std::string default_text(const Row& row) {
  if (row.presence == Row::Presence::required) return "required";
  if (!row.default_note.empty()) return "default: " + std::string(row.default_note);
  const auto value = printed(row, default_spec(row));
  return "default: " + (value ? "`" + *value + "`" : "none");
}

std::string row_help(const Row& row) {
  return "- `" + std::string(row.key) + "`: " + allowed(row) + "; " + default_text(row) + ".\n  " +
         std::string(row.help) + " Example: `" + std::string(row.key) + " = " +
         std::string(row.example) + "`\n";
}

std::string rows_help(std::string_view section) {
  std::string text;
  for (const Row& row : schema_rows())
    if (row.section == section) text += row_help(row);
  return text;
}

}  // namespace

std::string schema_help() {
  std::string text(head);
  text += "\n## Top of the file\n\n" + rows_help("");
  for (const Section& section : schema_sections()) {
    text += "\n## [" + std::string(section.name) + "]\n\n" + std::string(section.help) + "\n";
    if (section.name == array_section)
      text +=
          "\n- any name: a range such as `\"1-240\"`, `\"1-10:2\"` or `\"1,3,5-7\"`, or a list of "
          "texts or numbers;\n  at most 100000 elements in all. Example: `frame = \"1-240\"`\n";
    else
      text += "\n" + rows_help(section.name);
  }
  return text;
}

}  // namespace sovren::text
