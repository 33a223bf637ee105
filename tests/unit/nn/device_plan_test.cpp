// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/device_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

namespace sovren::nn::device {
namespace {

ModelShape gpt2_124m() {
  return {.layers = 12,
          .heads = 12,
          .kv_heads = 12,
          .width = 768,
          .hidden = 3072,
          .context = 1024,
          .vocab = 50257};
}

ModelShape small_llama() {
  return {.layers = 3,
          .heads = 4,
          .kv_heads = 2,
          .width = 64,
          .hidden = 96,
          .context = 32,
          .vocab = 300,
          .norm = NormKind::rms,
          .positions = ModelShape::Positions::rotary,
          .activation = ModelShape::Activation::swiglu,
          .has_biases = false,
          .is_tied = false};
}

std::int64_t bytes_of(const MemoryPlan& plan, const std::string& name) {
  for (const MemoryPlan::Row& row : plan.rows)
    if (row.name == name) return row.bytes;
  return -1;
}

TEST(DevicePlan, CountsWhatTheModelTakes) {
  const ParameterTable table(gpt2_124m());
  const Share share{.pass = {.batch = 64, .tokens = 1024}, .slice = table.size()};
  const MemoryPlan plan = plan_memory(table, share);
  EXPECT_NEAR(static_cast<double>(bytes_of(plan, "parameters (bf16)")), 2.0 * 124.5e6, 1e6);
  EXPECT_NEAR(static_cast<double>(bytes_of(plan, "gradient (fp32)")), 4.0 * 124.5e6, 2e6);
  EXPECT_NEAR(static_cast<double>(bytes_of(plan, "master parameters and AdamW (fp32)")),
              12.0 * 124.5e6, 6e6);
  // 15 widths of bf16 for each token and layer, and a few numbers of fp32.
  const double tokens = 64.0 * 1024, activations = tokens * 12 * (2 * 15 * 768 + 4 * (4 + 12));
  EXPECT_NEAR(static_cast<double>(bytes_of(plan, "activations of blocks")), activations,
              activations / 1e4);
  std::int64_t sum = 0;
  for (const MemoryPlan::Row& row : plan.rows) sum += row.bytes;
  EXPECT_EQ(sum, plan.bytes);
}

TEST(DevicePlan, RecomputeKeepsOneBlock) {
  const ParameterTable table(gpt2_124m());
  Share share{.pass = {.batch = 8, .tokens = 1024}, .slice = table.size()};
  const auto all = bytes_of(plan_memory(table, share), "activations of blocks");
  share.pass.recompute = Transformer::Setting::Recompute::block;
  EXPECT_EQ(bytes_of(plan_memory(table, share), "activations of blocks") * 12, all);
}

TEST(DevicePlan, RanksShareTheOptimizer) {
  const ParameterTable table(gpt2_124m());
  const Share alone{.pass = {.batch = 1, .tokens = 64}, .slice = table.size()};
  const Share four{.pass = alone.pass, .slice = table.size() / 4, .ranks = 4};
  const char* name = "master parameters and AdamW (fp32)";
  EXPECT_NEAR(static_cast<double>(bytes_of(plan_memory(table, four), name)),
              static_cast<double>(bytes_of(plan_memory(table, alone), name)) / 4, 2048);
}

/// All pieces of the layout: first byte and name.
std::vector<const void*> pieces(const Arrays& a) {
  std::vector<const void*> all{a.parameters, a.gradient,   a.master,        a.m,       a.v,
                               a.squares,    a.inputs,     a.targets,       a.buckets, a.dropouts,
                               a.losses,     a.final_norm, a.final_scale,   a.logits,  a.branch,
                               a.d_x,        a.d_width,    a.d_qkv,         a.d_up,    a.d_hidden,
                               a.workspace,  a.rotation,   a.gemm_workspace};
  all.insert(all.end(), a.x.begin(), a.x.end());
  for (const BlockArrays& kept : a.blocks)
    for (const void* piece : std::initializer_list<const void*>{
             kept.norm_1, kept.mean_1, kept.scale_1, kept.qkv, kept.attended, kept.log_sum,
             kept.middle, kept.norm_2, kept.mean_2, kept.scale_2, kept.up, kept.hidden})
      all.push_back(piece);
  return all;
}

TEST(DevicePlan, PiecesAreAlignedApartAndInside) {
  const ParameterTable table(small_llama());
  const Share share{.pass = {.batch = 3, .tokens = 17}, .slice = table.size()};
  MemoryPlan plan;
  auto* memory = reinterpret_cast<std::byte*>(std::uintptr_t{1} << 40);  // nothing is touched
  const Arrays arrays = lay_out(table, share, memory, plan);
  const auto all = pieces(arrays);
  EXPECT_EQ(std::set<const void*>(all.begin(), all.end()).size(), all.size());
  for (const void* piece : all) {
    const auto at = static_cast<const std::byte*>(piece) - memory;
    EXPECT_EQ(at % 256, 0);
    EXPECT_GE(at, 0);
    EXPECT_LT(at, plan.bytes);
  }
  EXPECT_EQ(arrays.sum, arrays.gradient) << "one rank's gradient is the sum";
  EXPECT_EQ(arrays.received, nullptr);
}

TEST(DevicePlan, LogitsOfManyTokensAreNeverWhole) {
  const ModelShape shape = gpt2_124m();
  const auto chunk = rows_in_chunk(shape, {.batch = 64, .tokens = 1024});
  EXPECT_EQ(chunk, 8192);
  EXPECT_EQ(rows_in_chunk(shape, {.batch = 1, .tokens = 33}), 33);
}

TEST(DevicePlan, LargestBatchIsTheLastThatFits) {
  const ParameterTable table(gpt2_124m());
  Share share{.pass = {.batch = 1, .tokens = 1024}, .slice = table.size()};
  const std::int64_t free_bytes = std::int64_t{40} << 30;
  const int batch = largest_batch(table, share, free_bytes);
  share.pass.batch = batch;
  EXPECT_TRUE(check_memory(table, share, free_bytes));
  share.pass.batch = batch + 1;
  const auto refused = check_memory(table, share, free_bytes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refused);
  EXPECT_NE(refused.error().what.find("activations of blocks"), std::string::npos);
  EXPECT_NE(refused.error().what.find("of which 40.00 GiB are free"), std::string::npos);
  EXPECT_NE(refused.error().hint.find("micro_batch = " + std::to_string(batch) + " fits"),
            std::string::npos)
      << refused.error().hint;
  EXPECT_NE(refused.error().hint.find("recompute"), std::string::npos);
}

TEST(DevicePlan, SaysThatNothingFits) {
  const ParameterTable table(gpt2_124m());
  const Share share{.pass = {.batch = 1, .tokens = 1024}, .slice = table.size()};
  const auto refused = check_memory(table, share, 1 << 30);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("not even micro_batch = 1"), std::string::npos);
}

TEST(DevicePlan, TableHasARowForEachThing) {
  const ParameterTable table(gpt2_124m());
  const MemoryPlan plan =
      plan_memory(table, {.pass = {.batch = 4, .tokens = 64}, .slice = table.size()});
  const std::string text = to_text(plan);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
            static_cast<std::ptrdiff_t>(plan.rows.size()) + 1);
  EXPECT_NE(text.find("\nin all "), std::string::npos);
}

TEST(DevicePlan, RefusesSidesThatTensorCoresDoNotTake) {
  EXPECT_TRUE(check_shape(gpt2_124m()));
  EXPECT_TRUE(check_shape(small_llama()));
  ModelShape odd = small_llama();
  odd.hidden = 100;
  const auto refused = check_shape(odd);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::refused);
  EXPECT_NE(refused.error().what.find("hidden_width"), std::string::npos);
  odd = gpt2_124m();
  odd.heads = odd.kv_heads = 2;
  EXPECT_FALSE(check_shape(odd)) << "a head of 384";
  odd = gpt2_124m();
  odd.width = 16384;
  odd.heads = odd.kv_heads = 128;
  EXPECT_FALSE(check_shape(odd)) << "a norm of 16384";
}

}  // namespace
}  // namespace sovren::nn::device
