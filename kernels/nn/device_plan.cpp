// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/device_plan.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sovren::nn::device {
namespace {

using Recompute = Transformer::Setting::Recompute;

constexpr std::int64_t alignment = 256;                     // bytes
constexpr std::int64_t logits_max = std::int64_t{1} << 29;  // elements in memory at once: 1 GiB

std::int64_t rows_of(const Transformer::Setting& setting) {
  return static_cast<std::int64_t>(setting.batch) * setting.tokens;
}

/// Gives memory out piece by piece and notes for what.
class Arena {
 public:
  Arena(std::byte* memory, MemoryPlan& plan) : memory_(memory), plan_(plan) {}

  template <class T>
  void take(const char* name, T*& piece, std::int64_t count) {
    const std::int64_t bytes =
        (count * static_cast<std::int64_t>(sizeof(T)) + alignment - 1) / alignment * alignment;
    if (memory_ != nullptr && count > 0) piece = reinterpret_cast<T*>(memory_ + plan_.bytes);
    if (plan_.rows.empty() || plan_.rows.back().name != name) plan_.rows.push_back({name, 0});
    plan_.rows.back().bytes += bytes;
    plan_.bytes += bytes;
  }

 private:
  std::byte* memory_;
  MemoryPlan& plan_;
};

void take_state(const ParameterTable& table, const Share& share, Arena& arena, Arrays& a) {
  const std::int64_t size = table.size(), slice = share.slice;
  arena.take("parameters (bf16)", a.parameters, size);
  arena.take("gradient (fp32)", a.gradient, size);
  const char* optimizer = "master parameters and AdamW (fp32)";
  arena.take(optimizer, a.master, slice);
  arena.take(optimizer, a.m, slice);
  arena.take(optimizer, a.v, slice);
  arena.take(optimizer, a.squares, (slice + norm_block - 1) / norm_block);
  if (share.ranks > 1) {
    arena.take("gradient slices of all ranks (fp32)", a.received, slice);
    arena.take("gradient slices of all ranks (fp32)", a.sum, slice);
  } else {
    a.sum = a.gradient;
  }
}

void take_tokens(const ModelShape& shape, const Share& share, Arena& arena, Arrays& a) {
  const char* name = "tokens and losses";
  const std::int64_t rows = rows_of(share.pass);
  arena.take(name, a.inputs, rows);
  arena.take(name, a.targets, rows);
  arena.take(name, a.buckets, bucket_ints(rows));
  arena.take(name, a.losses, rows);
  arena.take(name, a.dropouts, dropout_count(shape));
  const bool is_rotary = shape.positions == ModelShape::Positions::rotary;
  arena.take(name, a.rotation,
             is_rotary ? static_cast<std::int64_t>(share.pass.tokens) * shape.head_width() : 0);
}

BlockArrays take_block(const ModelShape& shape, std::int64_t rows, Arena& arena) {
  const char* name = "activations of blocks";
  BlockArrays kept;
  arena.take(name, kept.norm_1, rows * shape.width);
  arena.take(name, kept.mean_1, rows);
  arena.take(name, kept.scale_1, rows);
  arena.take(name, kept.qkv, rows * shape.qkv_width());
  arena.take(name, kept.attended, rows * shape.q_width());
  arena.take(name, kept.log_sum, rows * shape.heads);
  arena.take(name, kept.middle, rows * shape.width);
  arena.take(name, kept.norm_2, rows * shape.width);
  arena.take(name, kept.mean_2, rows);
  arena.take(name, kept.scale_2, rows);
  arena.take(name, kept.up, rows * shape.up_width());
  arena.take(name, kept.hidden, rows * shape.hidden);
  return kept;
}

void take_pass(const ModelShape& shape, const Share& share, Arena& arena, Arrays& a) {
  const std::int64_t rows = rows_of(share.pass), width = shape.width;
  a.x.resize(static_cast<std::size_t>(shape.layers) + 1);
  for (Bf16*& x : a.x) arena.take("inputs of blocks", x, rows * width);
  const bool is_shared = share.pass.recompute == Recompute::block;
  for (int layer = 0; layer < shape.layers; ++layer)
    a.blocks.push_back(is_shared && layer > 0 ? a.blocks[0] : take_block(shape, rows, arena));
  arena.take("head and logits", a.final_norm, rows * width);
  arena.take("head and logits", a.final_mean, rows);
  arena.take("head and logits", a.final_scale, rows);
  arena.take("head and logits", a.logits, rows_in_chunk(shape, share.pass) * shape.padded_vocab());
  const char* name = "backward pass";
  arena.take(name, a.branch, rows * width);
  arena.take(name, a.d_x, rows * width);
  arena.take(name, a.d_width, rows * width);
  arena.take(name, a.d_qkv, rows * shape.qkv_width());
  arena.take(name, a.d_up, rows * shape.up_width());
  arena.take(name, a.d_hidden,
             shape.activation == ModelShape::Activation::swiglu ? rows * shape.hidden : 0);
}

/// The largest workspace of an operation, in floats.
std::int64_t workspace_of(const ModelShape& shape, const Transformer::Setting& setting) {
  const std::int64_t rows = rows_of(setting);
  const NormShape norm{shape.norm, rows, shape.width, static_cast<float>(shape.norm_epsilon)};
  std::int64_t most = std::max(attention_workspace(shape.attention(setting.batch, setting.tokens)),
                               norm_workspace(norm));
  for (const int width : {shape.width, shape.qkv_width(), shape.up_width()})
    most = std::max(most, column_sums_workspace(rows, width));
  return most;
}

std::string in_gib(std::int64_t bytes) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.2f GiB", static_cast<double>(bytes) / 0x1p30);
  return text.data();
}

std::string fitting(const ParameterTable& table, Share share, std::int64_t free_bytes) {
  const int plain = largest_batch(table, share, free_bytes);
  std::string text = plain > 0 ? "micro_batch = " + std::to_string(plain) + " fits" : "";
  if (share.pass.recompute == Recompute::block)
    return plain > 0 ? text : "not even micro_batch = 1 fits: more ranks share the optimizer";
  share.pass.recompute = Recompute::block;
  const int again = largest_batch(table, share, free_bytes);
  if (again > plain)
    text += (text.empty() ? "" : "; ") + std::string("with recompute = \"block\", micro_batch = ") +
            std::to_string(again) + " does";
  return text.empty() ? "not even micro_batch = 1 fits: more ranks share the optimizer" : text;
}

}  // namespace

std::int64_t rows_in_chunk(const ModelShape& shape, const Transformer::Setting& setting) {
  std::int64_t chunk = 1;
  while (2 * chunk * shape.padded_vocab() <= logits_max) chunk *= 2;
  return std::min(chunk, rows_of(setting));
}

std::int64_t dropout_count(const ModelShape& shape) {
  return 1 + 3 * static_cast<std::int64_t>(shape.layers);
}

Arrays lay_out(const ParameterTable& table, const Share& share, std::byte* memory,
               MemoryPlan& plan) {
  const ModelShape& shape = table.shape();
  Arena arena(memory, plan);
  Arrays arrays;
  take_state(table, share, arena, arrays);
  take_tokens(shape, share, arena, arrays);
  take_pass(shape, share, arena, arrays);
  arena.take("workspace", arrays.workspace, workspace_of(shape, share.pass));
  arena.take("workspace", arrays.gemm_workspace, static_cast<std::int64_t>(gemm_workspace_bytes));
  return arrays;
}

MemoryPlan plan_memory(const ParameterTable& table, const Share& share) {
  MemoryPlan plan;
  lay_out(table, share, nullptr, plan);
  return plan;
}

std::string to_text(const MemoryPlan& plan) {
  std::string text;
  const auto add = [&](const std::string& name, std::int64_t bytes) {
    std::string line = name;
    line.resize(std::max<std::size_t>(line.size() + 1, 38), ' ');
    text += line + in_gib(bytes) + "\n";
  };
  for (const MemoryPlan::Row& row : plan.rows) add(row.name, row.bytes);
  add("in all", plan.bytes);
  return text;
}

int largest_batch(const ParameterTable& table, Share share, std::int64_t free_bytes) {
  // What a sequence takes grows with their number, so halving finds the last that fits.
  const auto fits = [&](int batch) {
    share.pass.batch = batch;
    return plan_memory(table, share).bytes + reserved_bytes <= free_bytes;
  };
  int good = 0, bad = 1;
  constexpr int most = 1 << 20;
  while (bad < most && fits(bad)) {
    good = bad;
    bad *= 2;
  }
  while (bad - good > 1) {
    const int middle = (good + bad) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return good;
}

Result<void> check_memory(const ParameterTable& table, const Share& share,
                          std::int64_t free_bytes) {
  const MemoryPlan plan = plan_memory(table, share);
  if (plan.bytes + reserved_bytes <= free_bytes) return {};
  std::string what = "training takes " + in_gib(plan.bytes + reserved_bytes) +
                     " of the device's memory, of which " + in_gib(free_bytes) + " are free:";
  for (const MemoryPlan::Row& row : plan.rows)
    what += " " + row.name + " " + in_gib(row.bytes) + ",";
  what += " libraries " + in_gib(reserved_bytes);
  return fail(
      {.code = Code::refused, .what = std::move(what), .hint = fitting(table, share, free_bytes)});
}

Result<void> check_shape(const ModelShape& shape) {
  const auto refuse = [](const std::string& what) {
    return fail({.code = Code::refused,
                 .what = what,
                 .hint = "change the model, or use backend = \"cpu\", which takes any"});
  };
  const std::pair<const char*, int> sides[] = {
      {"width", shape.width},
      {"hidden_width", shape.hidden},
      {"width of queries, keys and values", shape.qkv_width()},
      {"width of a head", shape.head_width()}};
  for (const auto& [name, side] : sides)
    if (side % gemm_alignment != 0)
      return refuse(std::string("on a device, ") + name + " is a multiple of " +
                    std::to_string(gemm_alignment) + ", but it is " + std::to_string(side));
  if (shape.head_width() > most_head_width)
    return refuse("on a device, a head is at most " + std::to_string(most_head_width) +
                  " wide, but it is " + std::to_string(shape.head_width()));
  if (shape.width > most_norm_width)
    return refuse("on a device, width is at most " + std::to_string(most_norm_width) +
                  ", but it is " + std::to_string(shape.width));
  return {};
}

}  // namespace sovren::nn::device
