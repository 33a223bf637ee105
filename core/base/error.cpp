// SPDX-License-Identifier: Apache-2.0
#include "core/base/error.h"

#include <array>

namespace sovren {
namespace {

struct Row {
  Code code;
  std::string_view name;
  int cli_exit;
  int rank_exit;
};

// One row per code; the exit codes are the contract of docs/errors.md.
constexpr std::array rows{
    Row{Code::usage, "usage", 2, 78},
    Row{Code::spec_invalid, "spec_invalid", 2, 78},
    Row{Code::data_invalid, "data_invalid", 2, 65},
    Row{Code::input_missing, "input_missing", 2, 66},
    Row{Code::refused, "refused", 3, 78},
    Row{Code::not_found, "not_found", 4, 66},
    Row{Code::unreachable, "unreachable", 5, 75},
    Row{Code::storage_io, "storage_io", 74, 74},
    Row{Code::storage_corrupt, "storage_corrupt", 74, 74},
    Row{Code::storage_busy, "storage_busy", 3, 74},
    Row{Code::fenced, "fenced", 3, 78},
    Row{Code::peer_lost, "peer_lost", 1, 75},
    Row{Code::device, "device", 1, 75},
    Row{Code::mismatch, "mismatch", 3, 78},
    Row{Code::timed_out, "timed_out", 124, 124},
    Row{Code::interrupted, "interrupted", 130, 75},
    Row{Code::command_failed, "command_failed", 1, 1},
    Row{Code::out_of_memory, "out_of_memory", 1, 137},
    Row{Code::bug, "bug", 70, 70},
};

const Row& row_of(Code code) {
  for (const Row& row : rows)
    if (row.code == code) return row;
  return rows.back();
}

}  // namespace

std::string_view name(Code code) {
  return row_of(code).name;
}

int cli_exit_code(Code code) {
  return row_of(code).cli_exit;
}

int rank_exit_code(Code code) {
  return row_of(code).rank_exit;
}

Code code_of_rank_exit(int exit_code) {
  switch (exit_code) {
    case 65:
      return Code::data_invalid;
    case 66:
      return Code::input_missing;
    case 74:
      return Code::storage_io;
    case 75:
      return Code::peer_lost;
    case 78:
      return Code::mismatch;
    case 124:
      return Code::timed_out;
    default:
      return Code::bug;
  }
}

std::string to_text(const Error& error) {
  std::string text;
  if (!error.where.empty()) text += error.where + ": ";
  text += error.what;
  for (const std::string& activity : error.context) text += " (while " + activity + ")";
  if (!error.hint.empty()) text += "\n  hint: " + error.hint;
  return text;
}

}  // namespace sovren
