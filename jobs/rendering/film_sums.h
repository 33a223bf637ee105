// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/port/communicator.h"
#include "core/port/state_io.h"
#include "kernels/trace/film.h"

namespace sovren::jobs {

/// The rows of a picture that a rank looks after: whole rows of tiles.
Rows band_of(int height, int tile, int rank, int ranks);

/// Sums the ranks' films; each rank gets its band, a film of those rows. Collective.
Result<trace::Film> sum_bands(Communicator& comm, const trace::Film& film, int tile);

/// Puts the sums of the ranks' films, each rank its band, in pieces: without memory for a whole
/// one. Collective.
Result<void> put_bands(StateWriter& writer, const std::string& name, Communicator& comm,
                       const trace::Film& film, int tile);

/// Sums the ranks' films; rank 0 gets the whole, the others an empty film. Collective.
Result<trace::Film> sum_films(Communicator& comm, const trace::Film& film, int tile);

}  // namespace sovren::jobs
