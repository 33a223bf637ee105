// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sovren::cli {
namespace {

void print_labelled(std::string_view label, std::string_view colour, std::string_view text) {
  std::string line = "sovren: ";
  if (is_colourful(STDERR_FILENO))
    line += std::string(colour) + std::string(label) + "\x1b[0m";
  else
    line += label;
  line += ": " + printable(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

// Characters that take a column: UTF-8 continuation bytes do not.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

Result<int> print_text(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return fail(
        {.code = Code::storage_io,
         .what = std::string("standard output cannot be written: ") + std::strerror(errno)});
  return exit_done;
}

void print_error(const Error& error) {
  print_labelled(
      "error", "\x1b[1;31m",
      to_text(error) + (error.hint.empty() ? " [" : "\n  [") + std::string(name(error.code)) + "]");
}

void print_warning(std::string_view text) {
  print_labelled("warning", "\x1b[1;33m", text);
}

bool is_colourful(int fd) {
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  return isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         (term == nullptr || std::strcmp(term, "dumb") != 0);
}

int terminal_width(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int terminal_height(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c)
      widths[c] = std::max(widths[c], columns_of(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      line += row[c];
      if (c + 1 < row.size()) line.append(widths[c] - columns_of(row[c]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

// A damaged file may be quoted in an error; another user chose a job's name.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) c = '?';
  return out;
}

std::string clip_lines(std::string_view text, int columns) {
  std::string out;
  int column = 0;
  for (const char c : text) {
    if (c == '\n')
      column = 0;
    else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80)
      ++column;
    if (column <= columns) out += c;
  }
  return out;
}

std::string format_count(double value) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.0f", value);
  std::string digits = buffer.data();
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string format_seconds(double seconds) {
  std::array<char, 64> buffer{};
  if (seconds < 60) {
    std::snprintf(buffer.data(), buffer.size(), seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  } else if (seconds < 3600) {
    const double whole = std::round(seconds);
    std::snprintf(buffer.data(), buffer.size(), "%.0f min %02.0f s", std::floor(whole / 60),
                  std::fmod(whole, 60));
  } else {
    const double minutes = std::round(seconds / 60);
    std::snprintf(buffer.data(), buffer.size(), "%.0f h %02.0f min", std::floor(minutes / 60),
                  std::fmod(minutes, 60));
  }
  return buffer.data();
}

std::string format_bytes(double bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes,
                units.at(unit));
  return buffer.data();
}

}  // namespace sovren::cli
