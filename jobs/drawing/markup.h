// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sovren::jobs {

/// Text as it stands in XML and HTML, in elements and in quoted attributes: & < > " ' as entities,
/// control characters left out, bytes that are not UTF-8 as U+FFFD.
std::string escaped(std::string_view text);

/// Text as a terminal may show it: bytes that are not UTF-8 and control characters other than tabs
/// and ends of lines as U+FFFD.
std::string visible(std::string_view text);

/// At most so many characters of a name, with an ellipsis for the rest.
std::string shortened_name(const std::string& name);

/// The shortest text that reads back as the same number; nan, inf and -inf for those.
std::string shortest(double value);

/// One number by a printf pattern; a zero has no sign.
std::string formatted(const char* pattern, double value);

/// A probability for people: three digits, below 0.001 as 2e-07.
std::string probability(double p);

/// "3 links", "1 link".
std::string counted(std::int64_t number, const std::string& one);

}  // namespace sovren::jobs
