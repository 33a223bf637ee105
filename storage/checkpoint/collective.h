// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/port/communicator.h"

namespace sovren::storage {

// Collectives on texts and results. In each, an error of the communicator itself (peer_lost) is
// returned as it is; any other failure is the same on every rank.

/// Several texts as one, and back. Read only by another rank of the same program.
std::string pack(const std::vector<std::string>& texts);
std::vector<std::string> unpack(std::string_view packed);

/// One text per rank, in rank order, on every rank.
Result<std::vector<std::string>> gather_texts(Communicator& comm, std::string_view mine);

/// Rank 0 decides, every rank gets what it decided.
Result<std::string> decide_on_rank_0(Communicator& comm,
                                     const std::function<Result<std::string>()>& decide);

/// Every rank's text when all succeeded; else the error of the lowest rank that failed, everywhere.
Result<std::vector<std::string>> gather_results(Communicator& comm,
                                                const Result<std::string>& mine);

}  // namespace sovren::storage
