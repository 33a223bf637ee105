// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

namespace sovren::workers {

/// `sovren-rank --generate`: goes on with a text. request: one JSON object {"model": weights file,
/// "tokenizer": "" as the file says | "byte" | path, "prompt", "tokens", "temperature", "top_k",
/// "seed"}. Writes each token to `out` as soon as it is made, until the end of the text; control
/// characters but tab and line feed are left out when `out` is a terminal. An error is one JSON
/// line {"code":...,"what":...} on `errors`. Returns 0 or the error's exit code.
enum class Sink { terminal, other };
int generate_text(std::istream& request, std::ostream& out, Sink sink, std::ostream& errors);

}  // namespace sovren::workers
