// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::cli {

/// Prints to standard output; storage_io when it cannot be written (a full disk, a closed pipe).
Result<int> print_text(std::string_view text);

/// "sovren: error: ..." on standard error, red on a terminal; names the code so that docs/errors.md
/// can be searched.
void print_error(const Error& error);
void print_warning(std::string_view text);

/// May colours be used on this stream? Not without a terminal, not with NO_COLOR set.
bool is_colourful(int fd);
/// Columns of the terminal; 80 when there is none.
int terminal_width(int fd);
/// Its lines; 24 when there is none.
int terminal_height(int fd);

/// Columns aligned by the widest cell; the first row is the head. Numbers are not treated
/// specially.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// Without control characters, which could drive the terminal.
std::string printable(std::string_view text);
/// Each line cut to so many columns.
std::string clip_lines(std::string_view text, int columns);

/// "1,234,567".
std::string format_count(double value);
/// "1.2 s", "3 min 20 s".
std::string format_seconds(double seconds);
/// "12.3 MiB", for people.
std::string format_bytes(double bytes);

}  // namespace sovren::cli
