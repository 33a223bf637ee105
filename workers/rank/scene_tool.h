// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

namespace sovren::workers {

/// `sovren-rank --scene`: what `sovren generate scene` asks for. request: one JSON object,
/// {"scene": name (jobs/rendering/generate/scenes.h), "output": file, "detail": number}.
///
/// Its answer is one JSON line on `answer`: {"schema", "scene", "output", "triangles", "bytes"}, or
/// an error {"code":...,"what":...}. Returns 0 or the error's exit code.
int make_scene(std::istream& request, std::ostream& answer);

}  // namespace sovren::workers
