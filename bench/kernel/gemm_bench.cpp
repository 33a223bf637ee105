// SPDX-License-Identifier: Apache-2.0
// How fast is our matrix product on one core, at the shapes that training has, against OpenBLAS and
// against what the processor's registers can do? Prints a table, then one line of JSON a shape.
//   gemm_bench [M N K FORM]      FORM: nt (forward: A B^T), nn (gradient of the input), tn
//   (gradient
//                                of the weights). Without arguments: the standard shapes.
// CPU time, the least of several repetitions. Start it with OPENBLAS_CORETYPE as it advises.
#include <cblas.h>

#include <cstdio>
#include <string>
#include <vector>

#include "bench/kernel/peak.h"
#include "core/base/rng.h"
#include "kernels/linalg/blas.h"
#include "kernels/nn/gemm.h"
#include "kernels/nn/level.h"

namespace {

using namespace sovren;
using namespace sovren::nn;
using sovren::bench::least_s;

struct Case {
  GemmShape shape;
  const char* form;
  const char* what;
};

constexpr Case standard_cases[] = {
    {{1024, 384, 128}, "nt", "qkv, width 128"},
    {{1024, 128, 128}, "nt", "projection"},
    {{1024, 512, 128}, "nt", "up"},
    {{1024, 128, 512}, "nt", "down"},
    {{1024, 256, 128}, "nt", "head, vocab 256"},
    {{1024, 128, 384}, "nn", "d input of qkv"},
    {{1024, 512, 128}, "nn", "d input of down"},
    {{1024, 128, 512}, "nn", "d input of up"},
    {{384, 128, 1024}, "tn", "d weight of qkv"},
    {{128, 512, 1024}, "tn", "d weight of down"},
    {{512, 128, 1024}, "tn", "d weight of up"},
    {{1024, 768, 256}, "nt", "qkv, width 256"},
    {{256, 3072, 768}, "nt", "up, GPT-2 124M"},
    {{256, 768, 3072}, "nt", "down, GPT-2 124M"},
    {{1024, 8192, 768}, "nt", "head, part"},
    {{2048, 2048, 2048}, "nt", "square"},
    {{4096, 4096, 4096}, "nt", "square"},
    {{1, 512, 128}, "nt", "one row"},
};

std::vector<float> numbers(std::int64_t count, std::uint64_t seed) {
  const Philox philox(seed, 0);
  std::vector<float> made(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<float>(philox.uniform(i) - 0.5);
  return made;
}

/// Row-major, or the transposed of such.
MatrixView view_of(const std::vector<float>& data, std::int64_t rows, std::int64_t columns,
                   bool is_transposed) {
  if (is_transposed) return {data.data(), 1, rows};
  return {data.data(), columns, 1};
}

void measure(const Case& wanted, double peak) {
  const GemmShape& s = wanted.shape;
  const bool a_turned = wanted.form[0] == 't', b_turned = wanted.form[1] == 't';
  const std::vector<float> a = numbers(s.m * s.k, 1), b = numbers(s.k * s.n, 2);
  std::vector<float> c(static_cast<std::size_t>(s.m * s.n));
  const MatrixView a_view = view_of(a, s.m, s.k, a_turned), b_view = view_of(b, s.k, s.n, b_turned);
  const auto write = a_turned ? GemmOutput::Write::add : GemmOutput::Write::set;
  const GemmOutput out{.data = c.data(), .row_stride = s.n, .write = write};
  Team team(1);
  const double flop = 2e-9 * static_cast<double>(s.m) * static_cast<double>(s.n * s.k);
  const double seconds = 0.3;
  const auto ours = [&](Precision precision) {
    return flop / least_s(seconds, [&] { gemm(team, precision, s, a_view, b_view, out); });
  };
  const double fp32 = ours(Precision::fp32), bf16 = ours(Precision::bf16);
  const auto blas_view = [](bool is_turned) { return is_turned ? CblasTrans : CblasNoTrans; };
  const auto as_int = [](std::int64_t size) { return static_cast<blasint>(size); };
  const double blas =
      flop / least_s(seconds, [&] {
        cblas_sgemm(CblasRowMajor, blas_view(a_turned), blas_view(b_turned), as_int(s.m),
                    as_int(s.n), as_int(s.k), 1, a.data(), as_int(a_turned ? s.m : s.k), b.data(),
                    as_int(b_turned ? s.k : s.n), a_turned ? 1 : 0, c.data(), as_int(s.n));
      });
  std::printf("%5d %5d %5d %3s %8.1f %8.1f %6.2fx %5.0f%% %8.0f %6.2fx  %s\n", as_int(s.m),
              as_int(s.n), as_int(s.k), wanted.form, fp32, blas, fp32 / blas, 100 * fp32 / peak,
              bf16, bf16 / blas, wanted.what);
  std::printf(
      "{\"question\":\"gemm\",\"m\":%d,\"n\":%d,\"k\":%d,\"form\":\"%s\",\"fp32_gflops\":%.2f,"
      "\"openblas_gflops\":%.2f,\"fp32_to_openblas\":%.3f,\"fp32_to_peak\":%.3f,"
      "\"bf16_gflops\":%.1f,\"level\":\"%s\"}\n",
      as_int(s.m), as_int(s.n), as_int(s.k), wanted.form, fp32, blas, fp32 / blas, fp32 / peak,
      bf16, std::string(level_name(cpu_level())).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  openblas_set_num_threads(1);
  if (const std::string core = kernels::better_blas_core(); !core.empty())
    std::fprintf(stderr, "OpenBLAS chose slow kernels: start with OPENBLAS_CORETYPE=%s\n",
                 core.c_str());
  const double peak = bench::register_peak();
  std::printf("%s, %s; registers alone: %.1f GFLOP/s\n", kernels::blas_name().c_str(),
              std::string(level_name(cpu_level())).c_str(), peak);
  std::printf("%5s %5s %5s %3s %8s %8s %7s %6s %8s %7s\n", "M", "N", "K", "", "fp32", "OpenBLAS",
              "ratio", "peak", "bf16", "ratio");
  if (argc == 5) {
    measure({{std::stoll(argv[1]), std::stoll(argv[2]), std::stoll(argv[3])}, argv[4], "asked for"},
            peak);
    return 0;
  }
  for (const Case& standard : standard_cases) measure(standard, peak);
}
