// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/model/site.h"
#include "core/text/table_reader.h"

namespace sovren::text {

/// Reads one [pool.NAME] of a site file; what is wrong is reported at its place.
Pool read_pool(const TomlEntry& entry, TableReader& table, std::string_view base_dir);

/// Makes each pool a partition of its name, whose nodes bear the label pool = NAME; where nothing
/// else makes one, also "default", of all nodes.
void add_pool_partitions(Site& site);

}  // namespace sovren::text
