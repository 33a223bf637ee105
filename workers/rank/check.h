// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>

namespace sovren::workers {

/// `sovren-rank --check FILE` ("-": standard input): reads the job and its inputs as a rank would,
/// changes nothing. Prints {"ok":true,"kind":...,"warnings":[...],"facts":{...}}, or one line
/// {"ok":false,"code":...,"what":...} per error. Of an array the first element's inputs are read.
/// Returns 0 or the exit code of the first error.
int check_job(const std::string& file, std::ostream& out);

/// `sovren-rank --about`: one JSON object: version, hdf5, mpi, cuda, blas.
int print_about(std::ostream& out);

}  // namespace sovren::workers
