// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/base/rng.h"
#include "jobs/training/training_kind.h"
#include "tests/law/cases.h"

namespace sovren::jobs {
namespace {

/// Words in an order that is drawn, so that there is something to learn.
std::string text_file() {
  const std::string path = testing::TempDir() + "training_law_" + std::to_string(getpid()) + ".txt";
  constexpr const char* words[] = {"light", "water", "king", "the", "and", "of", "earth"};
  const Philox philox(3);
  std::ofstream file(path);
  for (std::uint64_t i = 0; i < 900; ++i) file << words[philox.below(i, 7)] << ' ';
  return path;
}

LawSubject with(const std::string& name, const std::function<void(TrainingSpec&)>& change) {
  TrainingSpec spec;
  spec.data = {text_file()};
  spec.layers = 2;
  spec.heads = 2;
  spec.width = 16;
  spec.context = 17;
  spec.vocab = 130;  // padded, and most blocks of the norm in one rank's slice
  spec.batch = 8;
  spec.steps = 5;
  spec.learning_rate = 1e-2;
  spec.warmup_steps = 2;
  change(spec);
  LawSubject subject{name, {}};
  subject.spec.name = name;
  subject.spec.kind = spec;
  return subject;
}

LawCase law_case(const std::string& name, const std::function<void(TrainingSpec&)>& change) {
  return {"Training" + name, [=] { return with(name, change); }};
}

/// Four micro-batches a job step: 11 of them are three steps, the last one short, and so is a
/// validation.
LawSubject in_pieces() {
  LawSubject subject = with("pieces", [](TrainingSpec& spec) {
    spec.batch = 11;
    spec.micro_batch = 1;
    spec.steps = 3;
    spec.eval_every = 1;
    spec.eval_batches = 7;
    spec.validation_share = 0.5;
    spec.sample_every = 2;
    spec.sample_tokens = 5;
  });
  subject.make = [](const JobSpec& job, const Setting& setting) {
    return make_training_kind(job, std::get<TrainingSpec>(job.kind), setting,
                              {.flops = 1, .micro_batches_min = 4});
  };
  return subject;
}

}  // namespace

std::vector<LawCase> training_cases() {
  return {
      law_case("Plain", [](TrainingSpec&) {}),
      {"TrainingInPieces", in_pieces},
      law_case("EvaluatedAndSampled",
               [](TrainingSpec& spec) {
                 spec.eval_every = 2;
                 spec.eval_batches = 5;
                 spec.sample_every = 2;
                 spec.sample_tokens = 30;
                 spec.micro_batch = 2;
               }),
      law_case("Dropout", [](TrainingSpec& spec) { spec.dropout = 0.2; }),
      law_case("LlamaRecomputed",
               [](TrainingSpec& spec) {
                 spec.model = TrainingSpec::Model::llama;
                 spec.heads = 4;
                 spec.kv_heads = 2;
                 spec.recompute = TrainingSpec::Recompute::block;
                 spec.order = TrainingSpec::Order::sequential;
               }),
      law_case("LowPrecision",
               [](TrainingSpec& spec) { spec.precision = TrainingSpec::Precision::bf16; }),
      law_case("ThreeMicroBatches",
               [](TrainingSpec& spec) {
                 spec.batch = 3;
                 spec.micro_batch = 1;
               }),
      // Wide enough that each of four ranks has a slice of the optimizer.
      law_case("SharedOptimizer",
               [](TrainingSpec& spec) {
                 spec.width = 64;
                 spec.steps = 4;
                 spec.batch = 12;
                 spec.micro_batch = 2;
               }),
  };
}

}  // namespace sovren::jobs
