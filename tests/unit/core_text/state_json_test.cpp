// SPDX-License-Identifier: Apache-2.0
#include "core/text/state_json.h"

#include <gtest/gtest.h>

#include "core/text/record_json.h"
#include "tests/unit/core_text/random_spec.h"
#include "tests/unit/core_text/random_state.h"

namespace sovren::text {
namespace {

using testing_text::random_state;

std::string written(const State& state) {
  std::string text;
  const auto done = write_state(state, [&](std::string_view piece) -> Result<void> {
    EXPECT_TRUE(piece.ends_with('\n'));
    text += piece;
    return {};
  });
  EXPECT_TRUE(done);
  return text;
}

Result<State> read(const std::string& text) {
  StateReader reader;
  SOVREN_DO(reader.take(text));
  return std::move(reader).finish();
}

TEST(StateJson, ReadsBackToTheSameState) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const State state = random_state(seed);
    const std::string text = written(state);
    const auto back = read(text);
    ASSERT_TRUE(back) << "seed " << seed << ": " << to_text(back.error());
    EXPECT_EQ(state_hash(*back), state_hash(state)) << "seed " << seed;
    EXPECT_EQ(written(*back), text) << "seed " << seed;
    ASSERT_EQ(back->jobs.size(), state.jobs.size());
    for (const auto& [id, job] : state.jobs) {
      EXPECT_EQ(back->jobs.at(id).spec, job.spec);
      ASSERT_EQ(back->jobs.at(id).error == nullptr, job.error == nullptr);
      if (job.error) {
        EXPECT_EQ(*back->jobs.at(id).error, *job.error);
      }
    }
    EXPECT_EQ(back->request_order, state.request_order);
  }
}

TEST(StateJson, GoesOnAsTheStateThatWasSaved) {
  State state = random_state(3);
  auto back = read(written(state));
  ASSERT_TRUE(back);
  const Event next{.seq = {state.applied.value + 1}, .body = HalfLifeSet{5}};
  apply(state, next);
  apply(*back, next);
  EXPECT_EQ(state_hash(*back), state_hash(state));
}

TEST(StateJson, SharesTheSpecsThatWereShared) {
  const auto back = read(written(random_state(1)));
  ASSERT_TRUE(back);
  int shared = 0;
  for (const auto& [id, job] : back->jobs)
    if (job.spec_id.value != 0) {
      EXPECT_EQ(&*job.spec, &*back->specs.at(job.spec_id).spec);
      ++shared;
    }
  EXPECT_GT(shared, 5);
}

TEST(StateJson, WritesPiecesOfWholeLines) {
  State state;
  state.applied = {1};
  state.last_spec = 1;
  state.specs[{1}] = {testing_text::random_spec(1), 50'000};
  for (std::int64_t n = 1; n <= 50'000; ++n) {
    Job& job = state.jobs[{n}];
    job.id = {n};
    job.dir = "/jobs/" + std::to_string(n);
    job.spec = state.specs.at({1}).spec;
    job.spec_id = {1};
  }
  int pieces = 0;
  StateReader reader;
  const auto done = write_state(state, [&](std::string_view piece) -> Result<void> {
    ++pieces;
    EXPECT_LT(piece.size(), std::size_t{2} << 20);
    return reader.take(piece);
  });
  ASSERT_TRUE(done) << to_text(done.error());
  EXPECT_GT(pieces, 2);
  EXPECT_EQ(state_hash(std::move(reader).finish().value()), state_hash(state));
}

TEST(StateJson, StopsWhenAPieceIsRefused) {
  const auto done = write_state(State{}, [](std::string_view) -> Result<void> {
    return fail({.code = Code::storage_io, .what = "the disk is full"});
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().what, "the disk is full");
}

TEST(StateJson, RefusesWhatIsNotWhole) {
  const std::string text = written(random_state(2));
  std::vector<std::size_t> ends{0};
  for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1))
    ends.push_back(at + 1);
  ASSERT_GT(ends.size(), 10U);
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    std::string missing = text;
    missing.erase(ends[i], ends[i + 1] - ends[i]);
    const auto state = read(missing);
    ASSERT_FALSE(state) << "line " << i;
    EXPECT_EQ(state.error().code, Code::storage_corrupt);
    EXPECT_FALSE(read(text.substr(0, ends[i]))) << "first " << i << " lines";
    EXPECT_FALSE(read(text.substr(0, ends[i] + 3))) << "half of line " << i;
  }
  EXPECT_FALSE(read(text + "J{\"job\":99}\n")) << "behind the end";
}

TEST(StateJson, RefusesAnotherVersion) {
  std::string text = written(State{});
  ASSERT_TRUE(text.starts_with("H{\"v\":1,"));
  text[6] = '2';
  EXPECT_EQ(read(text).error().what, "a saved state: it is of version 2");
}

TEST(RecordJson, ReadsBackToTheSameRecord) {
  int records = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    for (const auto& [id, job] : random_state(seed).jobs) {
      const JobRecord record = job_record(job);
      const auto back = record_from_json(record_to_json(record));
      ASSERT_TRUE(back) << to_text(back.error()) << record_to_json(record);
      EXPECT_EQ(*back, record);
      ++records;
    }
  EXPECT_GT(records, 100);
  EXPECT_EQ(record_from_json("{}").error().code, Code::storage_corrupt);
}

TEST(RecordJson, IsOfTheElementsOwnSpec) {
  JobSpec spec;
  spec.name = "j-${n}";
  spec.array = {{"n", {"5", "6"}}};
  spec.account = "climate";
  spec.resources.cpus_per_rank = 3;
  spec.resources.gpus_per_rank = 1;
  Job job;
  job.id = {8};
  job.array_job = {7};
  job.element = 1;
  job.spec = spec;
  job.ranks = 2;
  job.run_s = 10;
  job.slots = {{"a", 1}, {"b", 1}};
  const JobRecord record = job_record(job);
  EXPECT_EQ(record.name, "j-6");
  EXPECT_EQ(record.account, "climate");
  EXPECT_EQ(record.kind, "causal-analysis");
  EXPECT_EQ(record.cpu_s, 60);
  EXPECT_EQ(record.gpu_s, 20);
  EXPECT_EQ(record.nodes, 2);
}

}  // namespace
}  // namespace sovren::text
