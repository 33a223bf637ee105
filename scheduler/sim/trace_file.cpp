// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "scheduler/sim/trace.h"

namespace sovren::sim {

// zlib reads plain files as they are.
Result<std::string> read_trace_file(const std::string& path) {
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  errno = 0;
  const std::unique_ptr<gzFile_s, Close> file(gzopen(path.c_str(), "rb"));
  if (file == nullptr)
    return fail({.code = Code::input_missing,
                 .what = std::string("cannot open the trace: ") + std::strerror(errno),
                 .where = path});
  gzbuffer(file.get(), 1 << 18);
  std::string text;
  for (;;) {
    const std::size_t before = text.size();
    constexpr std::size_t piece = std::size_t{1} << 20;
    text.resize(before + piece);
    const int got = gzread(file.get(), text.data() + before, piece);
    if (got < 0) {
      int code = 0;
      return fail({.code = Code::data_invalid,
                   .what = std::string("cannot read the trace: ") + gzerror(file.get(), &code),
                   .where = path});
    }
    text.resize(before + static_cast<std::size_t>(got));
    if (got == 0) return text;
  }
}

}  // namespace sovren::sim
