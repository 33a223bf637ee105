// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

namespace sovren::workers {

/// `sovren-rank --tokenizer`: what `sovren tokenizer` asks for. request: one JSON object, of
///
///   {"do": "train", "files": [texts], "vocab": N, "output": merges file}
///   {"do": "encode", "files": [texts], "tokenizer": "byte" | path, "output": token shard}
///   {"do": "decode", "files": [texts or shards], "tokenizer": "byte" | path}
///
/// Writes the text that was decoded to `out`. Its answer is one JSON line on `answer`: what was
/// made ({"vocab", "tokens", "bytes"}), or an error {"code":...,"what":...}. Returns 0 or the
/// error's exit code.
int use_tokenizer(std::istream& request, std::ostream& out, std::ostream& answer);

}  // namespace sovren::workers
