// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/base/units.h"
#include "core/text/json.h"

// Only .cpp files include this, as core/text/json.h.

namespace sovren::cli {

/// Which jobs of a site: as HistoryQuery.
struct SiteHistoryQuery {
  std::optional<Instant> since, until;  ///< of their end
  std::string user;                     ///< empty: any
  std::int64_t limit = 0;               ///< the newest; 0: all
};

/// Records of the site jobs that have ended (docs/formats.md), newest end first. Looks once how the
/// open ones are; a site that does not answer is no error. None: nothing was ever handed to a site
/// from here. Errors: storage_io.
Result<std::optional<text::Json>> site_history(const SiteHistoryQuery& query);

/// The newest `limit` (0: all) of two lists of records, each newest end first.
text::Json merged_history(text::Json local, text::Json site, std::int64_t limit);

}  // namespace sovren::cli
