// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/port/communicator.h"

namespace sovren::workers {

/// One rank that talks to itself: every call copies what it should, none is an empty shell.
std::unique_ptr<Communicator> make_self_communicator();

/// Runs body(comm) as `ranks` ranks, one thread each, and returns when all have returned. For
/// tests.
///
/// Errors   A rank that returns, throws or aborts while others still call gives them peer_lost; so
///          does one that does not call within deadline_s. Ranks that make different calls get bug.
/// Throws   What the lowest failing rank's body threw, once all are back.
void run_on_threads(int ranks, double deadline_s, const std::function<void(Communicator&)>& body);

/// Most bytes that one MPI call moves: counts are int there, so larger data go in rounds.
inline constexpr std::size_t mpi_round_bytes = std::size_t{1} << 30;

/// All ranks of MPI_COMM_WORLD, one process each. Calls MPI_Init; the destructor calls
/// MPI_Finalize. At most one per process.
///
/// Model    Collectives do not block: each polls its request until the deadline, first spinning,
///          then yielding, then sleeping, so that ranks which share a core do not starve each
///          other.
/// Order    all_reduce combines in rank order by the tree of reduce.h, never by MPI's own
/// reduction.
/// Counter  ranks on rank 0's node reach it in memory; the others ask, and a thread of rank 0
///          answers within about half a millisecond.
/// Errors   peer_lost, sticky: MPI cannot be finalized after it; end the process by abort().
/// ranks_per_node   more ranks of one machine are taken for several nodes, for tests.
Result<std::unique_ptr<Communicator>> make_mpi_communicator(
    double deadline_s, std::size_t round_bytes = mpi_round_bytes, int ranks_per_node = 1 << 30);

/// "Open MPI v4.1.4, package: ...". Does not start MPI.
std::string mpi_library_version();

}  // namespace sovren::workers
