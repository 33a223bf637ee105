// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/http_types.h"

#include <algorithm>

#include "core/text/utf8.h"

namespace sovren::api {
namespace {

Error target_error(std::string what) {
  return {.code = Code::usage, .what = std::move(what), .hint = "", .where = "target"};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// is_query: there, + stands for a space.
Result<std::string> percent_decode(std::string_view text, char plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? plus : text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(target_error("a % is not followed by two hex digits"));
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fail(target_error("the target holds a control character"));
    decoded += c;
  }
  if (text::utf8_fault(decoded) != std::string_view::npos)
    return fail(target_error("the target is not UTF-8"));
  return decoded;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

const std::string* Target::find(std::string_view name) const {
  const auto at = std::ranges::find(query, name, [](const auto& pair) { return pair.first; });
  return at == query.end() ? nullptr : &at->second;
}

Result<Target> parse_target(std::string_view text) {
  if (text.empty() || text.front() != '/')
    return fail(target_error("the target does not begin with /"));
  text = text.substr(0, text.find('#'));
  Target target;
  const std::size_t question = text.find('?');
  target.path = text.substr(0, question);
  for (const std::string_view part : split(std::string_view(target.path).substr(1), '/')) {
    if (part.empty()) continue;
    SOVREN_TRY(segment, percent_decode(part, '+'));
    target.segments.push_back(std::move(segment));
  }
  if (question == std::string_view::npos) return target;
  for (const std::string_view part : split(text.substr(question + 1), '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    SOVREN_TRY(name, percent_decode(part.substr(0, equals), ' '));
    std::string value;
    if (equals != std::string_view::npos) {
      SOVREN_TRY(decoded, percent_decode(part.substr(equals + 1), ' '));
      value = std::move(decoded);
    }
    target.query.emplace_back(std::move(name), std::move(value));
  }
  return target;
}

std::string_view Request::header(std::string_view name) const {
  const auto at = std::ranges::find(headers, name, [](const auto& pair) { return pair.first; });
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return "Error";
  }
}

}  // namespace sovren::api
