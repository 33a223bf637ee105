// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/text/job_file.h"

namespace sovren::testing_text {

/// A smallest job file; more keys of [causal_analysis] may follow.
inline const std::string causal_head =
    "kind = \"causal-analysis\"\n[causal_analysis]\ndata = \"d.csv\"\n";

/// All errors as the command line prints them; "" when there are none.
inline std::string errors_of(const std::string& text,
                             const std::vector<text::Override>& overrides = {}) {
  const auto spec = text::parse_job_file({"job.toml", text, "/base/me"}, overrides);
  std::string all;
  if (!spec)
    for (const Error& error : spec.error()) all += to_text(error) + "\n";
  return all;
}

/// The spec of a text that is right; its default where it is not, which fails the test elsewhere.
inline JobSpec spec_of(const std::string& text, const std::vector<text::Override>& overrides = {}) {
  const auto spec = text::parse_job_file({"job.toml", text, "/base/me"}, overrides);
  return spec ? *spec : JobSpec{.name = "does not parse: " + errors_of(text, overrides)};
}

inline CausalSpec causal_of(const std::string& text,
                            const std::vector<text::Override>& overrides = {}) {
  return std::get<CausalSpec>(spec_of(text, overrides).kind);
}

}  // namespace sovren::testing_text
