// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "kernels/nn/model.h"

namespace sovren::jobs {

/// Weights files written by hand, with nothing of the product in them.
class PlainFile {
 public:
  /// Writes bytes that are given, under a dtype and a shape that are given.
  void add_bytes(const std::string& name, const std::string& dtype, const std::string& shape,
                 const std::string& bytes) {
    json_ += (json_.empty() ? "{" : ",") + ("\"" + name + "\":{\"dtype\":\"") + dtype +
             "\",\"shape\":" + shape + ",\"data_offsets\":[" + std::to_string(data_.size()) + "," +
             std::to_string(data_.size() + bytes.size()) + "]}";
    data_ += bytes;
  }
  /// F32 numbers first, first + 1, ... : what stands where is plain to see.
  void add_counting(const std::string& name, std::vector<int> shape, float first) {
    std::string text, bytes;
    int size = 1;
    for (const int extent : shape) {
      text += (text.empty() ? "[" : ",") + std::to_string(extent);
      size *= extent;
    }
    for (int i = 0; i < size; ++i) append(bytes, first + static_cast<float>(i));
    add_bytes(name, "F32", text + "]", bytes);
  }
  std::string bytes() const { return with_header(json_ + "}", data_); }

  static std::string with_header(const std::string& json, const std::string& data) {
    std::string file;
    append(file, std::uint64_t{json.size()});
    return file + json + data;
  }
  template <class T>
  static void append(std::string& bytes, T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes.append(raw, sizeof value);
  }

 private:
  std::string json_, data_;
};

/// One layer, width 4, 2 heads, context 3, vocabulary 5.
inline nn::ModelShape tiny_gpt2() {
  nn::ModelShape shape;
  shape.layers = 1;
  shape.heads = shape.kv_heads = 2;
  shape.width = 4;
  shape.hidden = 6;
  shape.context = 3;
  shape.vocab = 5;
  return shape;
}

/// Two layers, width 8, 4 heads that share 2 of keys and values.
inline nn::ModelShape tiny_llama() {
  nn::ModelShape shape;
  shape.layers = 2;
  shape.heads = 4;
  shape.kv_heads = 2;
  shape.width = 8;
  shape.hidden = 10;
  shape.context = 3;
  shape.vocab = 5;
  shape.norm = nn::NormKind::rms;
  shape.positions = nn::ModelShape::Positions::rotary;
  shape.activation = nn::ModelShape::Activation::swiglu;
  shape.has_biases = shape.is_tied = false;
  shape.rope_theta = 5e5;
  shape.norm_epsilon = 1e-6;
  return shape;
}

/// The tensors of tiny_gpt2() as Hugging Face's GPT-2 has them.
inline void add_gpt2_tensors(PlainFile& file, const std::string& prefix) {
  file.add_counting(prefix + "wte.weight", {5, 4}, 0);
  file.add_counting(prefix + "wpe.weight", {3, 4}, 100);
  const std::string h = prefix + "h.0.";
  file.add_counting(h + "ln_1.weight", {4}, 200);
  file.add_counting(h + "ln_1.bias", {4}, 210);
  file.add_counting(h + "attn.c_attn.weight", {4, 12}, 300);
  file.add_counting(h + "attn.c_attn.bias", {12}, 400);
  file.add_counting(h + "attn.c_proj.weight", {4, 4}, 500);
  file.add_counting(h + "attn.c_proj.bias", {4}, 600);
  file.add_counting(h + "ln_2.weight", {4}, 700);
  file.add_counting(h + "ln_2.bias", {4}, 710);
  file.add_counting(h + "mlp.c_fc.weight", {4, 6}, 800);
  file.add_counting(h + "mlp.c_fc.bias", {6}, 900);
  file.add_counting(h + "mlp.c_proj.weight", {6, 4}, 1000);
  file.add_counting(h + "mlp.c_proj.bias", {4}, 1100);
  file.add_counting(prefix + "ln_f.weight", {4}, 1200);
  file.add_counting(prefix + "ln_f.bias", {4}, 1210);
}

}  // namespace sovren::jobs
