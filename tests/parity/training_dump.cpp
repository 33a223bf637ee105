// SPDX-License-Identifier: Apache-2.0
// Trains a model a few steps and writes what training_parity.py compares.
//   training_dump FOLDER BATCH TOKENS fp32|bf16 DROPOUT none|block THREADS
// Reads from FOLDER model.safetensors and tokens.i32: (steps, BATCH, TOKENS + 1) int32. The first
// sequence has number 5, dropout has seed 99, none or all blocks are computed again. Writes
// logits.f32 of the first sequence, gradient.safetensors of the first step's micro-batch and
// after.safetensors, the parameters after all steps. Prints the loss of each step.
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "jobs/training/weights.h"
#include "kernels/nn/optimizer.h"
#include "kernels/nn/transformer.h"

namespace {

using namespace sovren;

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void write_file(const std::string& path, std::span<const char> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// The inputs and targets of each step.
struct Tokens {
  std::vector<std::int32_t> inputs, targets;
};
std::vector<Tokens> read_tokens(const std::string& path, int tokens, int batch) {
  const std::string bytes = read_file(path);
  const auto* word = reinterpret_cast<const std::int32_t*>(bytes.data());
  const auto width = static_cast<std::size_t>(tokens) + 1;
  std::vector<Tokens> steps(bytes.size() / sizeof *word / width / static_cast<std::size_t>(batch));
  for (Tokens& step : steps)
    for (int sequence = 0; sequence < batch; ++sequence, word += width) {
      step.inputs.insert(step.inputs.end(), word, word + tokens);
      step.targets.insert(step.targets.end(), word + 1, word + width);
    }
  return steps;
}

/// Matrices decay, vectors do not. The constants are training_parity.py's.
void update(nn::Team& team, const nn::ParameterTable& table, std::int64_t step,
            std::span<const float> gradient, std::span<float> parameters, std::span<float> m,
            std::span<float> v) {
  for (const nn::Tensor& tensor : table.tensors()) {
    const auto first = static_cast<std::size_t>(tensor.offset);
    const auto size = static_cast<std::size_t>(tensor.size());
    const nn::AdamW adamw{1e-3, 0.9, 0.95, 1e-8, tensor.is_matrix ? 0.1 : 0.0, step};
    nn::adamw_update(team, adamw, 1, parameters.subspan(first, size), gradient.subspan(first, size),
                     m.subspan(first, size), v.subspan(first, size));
  }
}

Result<void> dump(const std::string& folder, const nn::Transformer::Setting& setting, int threads) {
  const std::string model_file = folder + "/model.safetensors";
  SOVREN_TRY(shape, jobs::read_shape(model_file));
  const nn::ParameterTable table(shape);
  SOVREN_TRY(parameters, jobs::read_parameters(model_file, table));
  nn::Team team(threads);
  nn::Transformer transformer(shape, setting, team);
  std::vector<float> gradient(parameters.size()), m(parameters.size()), v(parameters.size());
  std::int64_t step = 0;
  for (const Tokens& tokens : read_tokens(folder + "/tokens.i32", setting.tokens, setting.batch)) {
    if (step == 0) {
      const std::span first(tokens.inputs.data(), static_cast<std::size_t>(setting.tokens));
      const auto logits = transformer.logits(parameters, first);
      write_file(folder + "/logits.f32",
                 {reinterpret_cast<const char*>(logits.data()), logits.size() * sizeof(float)});
    }
    std::fill(gradient.begin(), gradient.end(), 0.0F);
    const nn::MicroBatch batch{tokens.inputs, tokens.targets, 5 + step * setting.batch};
    std::printf("%.17g\n", transformer.backward(parameters, batch, 1, gradient));
    if (++step == 1)
      write_file(folder + "/gradient.safetensors", jobs::to_safetensors(table, gradient, "byte"));
    update(team, table, step, gradient, parameters, m, v);
  }
  write_file(folder + "/after.safetensors", jobs::to_safetensors(table, parameters, "byte"));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return exit_job_failed;
  nn::Transformer::Setting setting;
  setting.batch = std::stoi(argv[2]);
  setting.tokens = std::stoi(argv[3]);
  if (std::string(argv[4]) == "bf16") setting.precision = nn::Precision::bf16;
  setting.dropout = std::stof(argv[5]);
  setting.seed = 99;
  if (std::string(argv[6]) == "block")
    setting.recompute = nn::Transformer::Setting::Recompute::block;
  const auto done = dump(argv[1], setting, std::stoi(argv[7]));
  if (done) return exit_done;
  std::fprintf(stderr, "%s\n", to_text(done.error()).c_str());
  return exit_job_failed;
}
