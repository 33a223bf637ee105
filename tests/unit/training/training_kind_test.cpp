// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/training_kind.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/text/json.h"
#include "jobs/kind/memory_state.h"
#include "jobs/training/training_inputs.h"
#include "jobs/training/weights.h"
#include "kernels/device/device.h"
#include "tests/unit/jobs/scratch_files.h"
#include "workers/comm/comm.h"

namespace sovren::jobs {
namespace {

class TrainingKindTest : public ScratchFiles {
 protected:
  TrainingSpec small() const {
    TrainingSpec spec;
    std::string text;
    for (int i = 0; i < 300; ++i) text += "the quick brown fox " + std::to_string(i % 7);
    spec.data = {file("t.txt", text)};
    spec.layers = 2;
    spec.heads = 2;
    spec.width = 16;
    spec.context = 16;
    spec.steps = 12;
    spec.learning_rate = 1e-2;
    return spec;
  }

  /// At a pace of which a step of the optimizer is many job steps.
  static Result<Outcome> run_in_pieces(const TrainingSpec& training) {
    const auto comm = workers::make_self_communicator();
    SOVREN_TRY(
        kind, make_training_kind(JobSpec{.name = "test"}, training, Setting{*comm, 1, Backend::cpu},
                                 {.flops = 1, .micro_batches_min = 2}));
    return finished(*kind);
  }

  static Result<Outcome> finished(JobKind& kind) {
    SOVREN_DO(kind.load());
    SOVREN_DO(kind.init());
    while (!kind.done()) SOVREN_DO(kind.step());
    return kind.finish();
  }

  static Result<Outcome> run(const TrainingSpec& training, std::int64_t memory_bytes = 0) {
    JobSpec spec;
    spec.name = "test";
    spec.kind = training;
    spec.resources.memory_per_rank_bytes = memory_bytes;
    const auto comm = workers::make_self_communicator();
    SOVREN_TRY(kind, make_job_kind(spec, Setting{*comm, 1, Backend::cpu}));
    return finished(*kind);
  }

  static std::string bytes_of(const Outcome& outcome, const std::string& name) {
    for (const ResultFile& result : outcome.files)
      if (result.name == name) return result.bytes;
    return "";
  }

  /// Its matrices grow a hundred thousandfold with each step.
  TrainingSpec diverging() const {
    TrainingSpec spec = small();
    spec.learning_rate = 99;
    spec.schedule = TrainingSpec::Schedule::constant;
    spec.weight_decay = 1000;
    spec.grad_clip = 0;
    return spec;
  }
};

TEST_F(TrainingKindTest, LearnsAndWritesItsResult) {
  TrainingSpec spec = small();
  spec.steps = 80;
  spec.eval_every = 30;
  spec.sample_every = 80;
  spec.sample_tokens = 20;
  spec.sample_prompt = "the ";
  const auto outcome = run(spec);
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  const std::string csv = bytes_of(*outcome, "loss.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 81);
  EXPECT_LT(outcome->metrics.at("training_loss"), 3);  // of log 256 = 5.5
  EXPECT_LT(outcome->metrics.at("training_validation_loss"), 3.2);
  EXPECT_EQ(outcome->metrics.at("training_tokens"), 80 * 8 * 16);
  EXPECT_EQ(outcome->metrics.at("training_skipped_steps"), 0);
  EXPECT_NE(bytes_of(*outcome, "samples.txt").find("=== after 80 steps ===\nthe "),
            std::string::npos);
  EXPECT_FALSE(bytes_of(*outcome, "loss.svg").empty());
  const std::string again = file("again.safetensors", bytes_of(*outcome, "model.safetensors"));
  const auto shape = read_shape(again);
  ASSERT_TRUE(shape) << to_text(shape.error());
  EXPECT_EQ(*shape, model_shape(spec, 256));
}

TEST_F(TrainingKindTest, EvaluatesAtTheEndAndEveryFewSteps) {
  TrainingSpec spec = small();
  spec.eval_every = 5;
  const auto outcome = run(spec);
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  const std::string csv = bytes_of(*outcome, "loss.csv");
  std::vector<int> evaluated;
  int step = -1;
  std::size_t at = 0;
  while (at < csv.size()) {
    const std::size_t end = csv.find('\n', at);
    std::string line = csv.substr(at, end - at);
    for (int column = 0; column < 3; ++column) line = line.substr(line.find(',') + 1);
    if (step >= 0 && line[0] != ',') evaluated.push_back(step);
    ++step;
    at = end + 1;
  }
  EXPECT_EQ(evaluated, (std::vector<int>{4, 9, 11}));
}

TEST_F(TrainingKindTest, ManyJobStepsGiveWhatOneGives) {
  TrainingSpec spec = small();
  spec.batch = 14;
  spec.micro_batch = 2;
  spec.steps = 4;
  spec.eval_every = 2;
  spec.eval_batches = 5;
  spec.sample_every = 2;
  spec.sample_tokens = 10;
  spec.dropout = 0.1;
  const auto whole = run(spec), pieces = run_in_pieces(spec);
  ASSERT_TRUE(whole && pieces);
  EXPECT_EQ(pieces->digest, whole->digest);
  EXPECT_EQ(bytes_of(*pieces, "samples.txt"), bytes_of(*whole, "samples.txt"));
}

TEST_F(TrainingKindTest, KeepsTheEndOfTheDataForValidation) {
  TrainingSpec spec = small();
  std::string text(1000, 'a');
  text += std::string(1000, 'b');
  spec.data = {file("halves.txt", text)};
  spec.eval_every = 1;
  spec.validation_share = 0.5;
  const auto inputs = read_training_inputs(spec);
  ASSERT_TRUE(inputs) << to_text(inputs.error());
  ASSERT_EQ(inputs->train->size(), 1000);
  ASSERT_EQ(inputs->validation->size(), 1000);
  std::vector<std::int32_t> tokens(1000);
  inputs->train->read(0, tokens);
  EXPECT_EQ(tokens, std::vector<std::int32_t>(1000, 'a'));
  inputs->validation->read(0, tokens);
  EXPECT_EQ(tokens, std::vector<std::int32_t>(1000, 'b'));
  spec.eval_every = 0;  // nothing is evaluated, so all is for training
  EXPECT_EQ(read_training_inputs(spec)->train->size(), 2000);
}

TEST_F(TrainingKindTest, StopsAtWhatIsNotFiniteAndNamesIt) {
  const auto outcome = run(diverging());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::data_invalid);
  const std::string text = to_text(outcome.error());
  EXPECT_NE(text.find(" of the optimizer is not finite: the "), std::string::npos) << text;
  EXPECT_NE(text.find("the first gradient that is not is that of "), std::string::npos) << text;
}

TEST_F(TrainingKindTest, SkipsWhatIsNotFiniteIfAsked) {
  TrainingSpec spec = diverging();
  spec.on_nan = TrainingSpec::OnNan::skip;
  spec.exported = TrainingSpec::Export::none;
  const auto outcome = run(spec);
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  EXPECT_GE(outcome->metrics.at("training_skipped_steps"), 1);
  EXPECT_LE(outcome->metrics.at("training_skipped_steps"), 11);
  EXPECT_EQ(bytes_of(*outcome, "model.safetensors"), "");
}

TEST_F(TrainingKindTest, GoesOnFromItsOwnWeights) {
  TrainingSpec spec = small();
  const auto first = run(spec);
  ASSERT_TRUE(first);
  spec.init_from = file("first.safetensors", bytes_of(*first, "model.safetensors"));
  spec.steps = 1;
  const auto second = run(spec);
  ASSERT_TRUE(second) << to_text(second.error());
  EXPECT_LT(second->metrics.at("training_loss"), 5);  // the first began at 5.5
}

TEST_F(TrainingKindTest, RefusesMoreMemoryThanThereIs) {
  const TrainingSpec spec = small();
  const auto outcome = run(spec, 100'000);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::refused);
  EXPECT_NE(outcome.error().what.find("MiB per rank, but memory_per_rank is 100000B"),
            std::string::npos)
      << outcome.error().what;
  TrainingSpec huge = spec;
  huge.layers = 1000;
  huge.width = 1 << 16;
  const auto too_large = run(huge);
  ASSERT_FALSE(too_large);
  EXPECT_NE(too_large.error().what.find("but this machine has"), std::string::npos);
}

TEST_F(TrainingKindTest, SaysWhatADeviceComputesIn) {
  const auto comm = workers::make_self_communicator();
  JobSpec spec;
  TrainingSpec training = small();
  spec.kind = training;
  const auto wide = make_job_kind(spec, Setting{*comm, 1, Backend::cuda}).value();
  ASSERT_TRUE(wide->load());
  ASSERT_EQ(wide->warnings().size(), 1U);
  EXPECT_NE(wide->warnings()[0].find("bf16"), std::string::npos);
  training.precision = TrainingSpec::Precision::bf16;
  spec.kind = training;
  const auto narrow = make_job_kind(spec, Setting{*comm, 1, Backend::cuda}).value();
  ASSERT_TRUE(narrow->load());
  EXPECT_TRUE(narrow->warnings().empty());
  if (!kernels::list_devices().devices.empty()) return;
  const auto started = narrow->init();
  ASSERT_FALSE(started) << "there is no device";
  EXPECT_TRUE(started.error().code == Code::device || started.error().code == Code::refused);
}

TEST_F(TrainingKindTest, NamesDataThatAreTooShort) {
  TrainingSpec spec = small();
  spec.context = 1 << 14;
  const auto outcome = run(spec);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::data_invalid);
  spec = small();
  spec.eval_every = 1;
  spec.validation_share = 0.001;
  const auto too_little = run(spec);
  ASSERT_FALSE(too_little);
  EXPECT_NE(to_text(too_little.error()).find("for validation"), std::string::npos);
}

TEST_F(TrainingKindTest, FactsTellTheDataButNotWhereTheyLie) {
  const auto comm = workers::make_self_communicator();
  const auto facts_of = [&](const TrainingSpec& training) {
    JobSpec spec;
    spec.kind = training;
    auto kind = make_job_kind(spec, Setting{*comm, 1, Backend::cpu}).value();
    EXPECT_TRUE(kind->load());
    return kind->facts();
  };
  TrainingSpec spec = small();
  const SpecFacts facts = facts_of(spec);
  TrainingSpec moved = spec;
  moved.data = {file("elsewhere.txt", "")};
  std::filesystem::copy_file(spec.data[0], moved.data[0],
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(facts_of(moved), facts);
  moved.recompute = TrainingSpec::Recompute::block;
  EXPECT_EQ(facts_of(moved), facts);
  std::ofstream(moved.data[0], std::ios::app) << "x";
  EXPECT_NE(facts_of(moved), facts);
  moved = spec;
  moved.steps = 13;
  EXPECT_NE(facts_of(moved), facts);
}

}  // namespace
}  // namespace sovren::jobs
