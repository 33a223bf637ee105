// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/shape_json.h"

#include <array>
#include <cmath>
#include <span>

#include "core/text/json.h"

namespace sovren::jobs {
namespace {

using nn::ModelShape;
using nn::NormKind;
using text::Json;

constexpr int extent_max = 1 << 24;  // products of two stay far below 2^63

tl::unexpected<Error> impossible(std::string what) {
  return fail({.code = Code::data_invalid,
               .what = "the model's shape (metadata or config.json): " + std::move(what)});
}

Result<Json> read_object(std::string_view text, std::string_view name) {
  SOVREN_TRY(json, text::parse_json(text, name, 16));
  if (!json.is_object()) return impossible("no object");
  return json;
}

Result<int> extent(const Json& json, const char* key) {
  SOVREN_TRY(number, text::get_int(json, key));
  if (number < 1 || number > extent_max)
    return impossible(std::string(key) + " " + std::to_string(number) + " (allowed: 1 to " +
                      std::to_string(extent_max) + ")");
  return static_cast<int>(number);
}

/// Whether the member is the first or the second word.
Result<bool> is_second(const Json& json, const char* key, const char* first, const char* second) {
  SOVREN_TRY(word, text::get_string(json, key));
  if (word != first && word != second)
    return impossible(std::string(key) + " '" + word.substr(0, 40) + "' (allowed: " + first + ", " +
                      second + ")");
  return word == second;
}

Result<ModelShape> check(const ModelShape& shape, std::size_t tensors) {
  if (static_cast<std::size_t>(shape.layers) > tensors)
    return impossible(std::to_string(shape.layers) + " layers in a file of " +
                      std::to_string(tensors) + " tensors");
  if (shape.width % shape.heads != 0 || shape.heads % shape.kv_heads != 0)
    return impossible("width, heads and kv_heads are not multiples of each other");
  if (shape.positions == ModelShape::Positions::rotary && shape.head_width() % 2 != 0)
    return impossible("rotary positions with heads of odd width");
  if (!(shape.norm_epsilon > 0) || !(shape.rope_theta > 0) || !std::isfinite(shape.rope_theta) ||
      !std::isfinite(shape.norm_epsilon))
    return impossible("norm_epsilon and rope_theta must be above 0");
  return shape;
}

/// A member that may be null or not there.
bool is_given(const Json& json, const char* key) {
  return json.contains(key) && !json[key].is_null();
}

struct Extent {
  const char* key;
  int* to;
  int otherwise;  ///< 0: the member must be there
};
Result<void> read_extents(const Json& json, std::span<const Extent> extents) {
  for (const Extent& one : extents) {
    *one.to = one.otherwise;
    if (one.otherwise != 0 && !is_given(json, one.key)) continue;
    SOVREN_TRY(number, extent(json, one.key));
    *one.to = number;
  }
  return {};
}

Result<double> double_or(const Json& json, const char* key, double otherwise) {
  return is_given(json, key) ? text::get_double(json, key) : otherwise;
}
Result<bool> bool_or(const Json& json, const char* key, bool otherwise) {
  return is_given(json, key) ? text::get_bool(json, key) : otherwise;
}

/// The member must be this word, where it is given.
Result<void> must_be(const Json& json, const char* key, const std::string& word) {
  if (!is_given(json, key) || json[key] == word) return {};
  return fail({.code = Code::refused,
               .what = "config.json: " + std::string(key) + " is " +
                       text::dump_json(json[key]).substr(0, 40) + " (allowed: " + word + ")"});
}

Result<ModelShape> gpt2_from(const Json& json) {
  ModelShape shape;
  SOVREN_DO(must_be(json, "activation_function", "gelu_new"));
  SOVREN_DO(read_extents(
      json, std::array{Extent{"n_layer", &shape.layers, 0}, Extent{"n_head", &shape.heads, 0},
                       Extent{"n_embd", &shape.width, 0}, Extent{"n_positions", &shape.context, 0},
                       Extent{"vocab_size", &shape.vocab, 0}}));
  SOVREN_DO(read_extents(json, std::array{Extent{"n_inner", &shape.hidden, 4 * shape.width}}));
  shape.kv_heads = shape.heads;
  SOVREN_TRY(epsilon, double_or(json, "layer_norm_epsilon", 1e-5));
  SOVREN_TRY(is_tied, bool_or(json, "tie_word_embeddings", true));
  shape.norm_epsilon = epsilon;
  shape.is_tied = is_tied;
  return shape;
}

Result<ModelShape> llama_from(const Json& json) {
  ModelShape shape;
  shape.norm = NormKind::rms;
  shape.positions = ModelShape::Positions::rotary;
  shape.activation = ModelShape::Activation::swiglu;
  shape.has_biases = false;
  SOVREN_DO(must_be(json, "hidden_act", "silu"));
  SOVREN_DO(must_be(json, "rope_scaling", "null"));
  SOVREN_DO(read_extents(json, std::array{Extent{"num_hidden_layers", &shape.layers, 0},
                                          Extent{"num_attention_heads", &shape.heads, 0},
                                          Extent{"hidden_size", &shape.width, 0},
                                          Extent{"intermediate_size", &shape.hidden, 0},
                                          Extent{"max_position_embeddings", &shape.context, 0},
                                          Extent{"vocab_size", &shape.vocab, 0}}));
  SOVREN_DO(
      read_extents(json, std::array{Extent{"num_key_value_heads", &shape.kv_heads, shape.heads}}));
  SOVREN_TRY(epsilon, double_or(json, "rms_norm_eps", 1e-6));
  SOVREN_TRY(theta, double_or(json, "rope_theta", 1e4));
  SOVREN_TRY(is_tied, bool_or(json, "tie_word_embeddings", false));
  shape.norm_epsilon = epsilon;
  shape.rope_theta = theta;
  shape.is_tied = is_tied;
  return shape;
}

}  // namespace

std::string shape_json(const ModelShape& shape, const std::string& tokenizer) {
  const bool is_rotary = shape.positions == ModelShape::Positions::rotary;
  const bool is_swiglu = shape.activation == ModelShape::Activation::swiglu;
  return text::dump_json({{"layers", shape.layers},
                          {"heads", shape.heads},
                          {"kv_heads", shape.kv_heads},
                          {"width", shape.width},
                          {"hidden_width", shape.hidden},
                          {"context", shape.context},
                          {"vocab", shape.vocab},
                          {"norm", shape.norm == NormKind::rms ? "rms" : "layer"},
                          {"positions", is_rotary ? "rotary" : "learned"},
                          {"activation", is_swiglu ? "swiglu" : "gelu"},
                          {"biases", shape.has_biases},
                          {"tied", shape.is_tied},
                          {"rope_theta", shape.rope_theta},
                          {"norm_epsilon", shape.norm_epsilon},
                          {"tokenizer", tokenizer}});
}

Result<ModelShape> shape_from_metadata(const WeightsFile& file) {
  const auto metadata = file.metadata.find(metadata_key);
  if (metadata == file.metadata.end()) return impossible("the file has no such metadata");
  SOVREN_TRY(json, read_object(metadata->second, "metadata"));
  ModelShape shape;
  SOVREN_DO(read_extents(
      json, std::array{Extent{"layers", &shape.layers, 0}, Extent{"heads", &shape.heads, 0},
                       Extent{"kv_heads", &shape.kv_heads, 0}, Extent{"width", &shape.width, 0},
                       Extent{"hidden_width", &shape.hidden, 0},
                       Extent{"context", &shape.context, 0}, Extent{"vocab", &shape.vocab, 0}}));
  SOVREN_TRY(is_rms, is_second(json, "norm", "layer", "rms"));
  SOVREN_TRY(is_rotary, is_second(json, "positions", "learned", "rotary"));
  SOVREN_TRY(is_swiglu, is_second(json, "activation", "gelu", "swiglu"));
  SOVREN_TRY(has_biases, text::get_bool(json, "biases"));
  SOVREN_TRY(is_tied, text::get_bool(json, "tied"));
  SOVREN_TRY(rope_theta, text::get_double(json, "rope_theta"));
  SOVREN_TRY(norm_epsilon, text::get_double(json, "norm_epsilon"));
  if (is_rms) shape.norm = NormKind::rms;
  if (is_rotary) shape.positions = ModelShape::Positions::rotary;
  if (is_swiglu) shape.activation = ModelShape::Activation::swiglu;
  shape.has_biases = has_biases;
  shape.is_tied = is_tied;
  shape.rope_theta = rope_theta;
  shape.norm_epsilon = norm_epsilon;
  return check(shape, file.tensors.size());
}

Result<ModelShape> shape_from_config(const WeightsFile& file, std::string_view config) {
  SOVREN_TRY(json, read_object(config, "config.json"));
  SOVREN_TRY(type, text::get_string(json, "model_type"));
  if (type != "gpt2") SOVREN_DO(must_be(json, "model_type", "llama"));
  SOVREN_TRY(shape, type == "gpt2" ? gpt2_from(json) : llama_from(json));
  return check(shape, file.tensors.size());
}

Result<std::string> tokenizer_from_metadata(const WeightsFile& file) {
  const auto metadata = file.metadata.find(metadata_key);
  if (metadata == file.metadata.end()) return std::string("byte");
  SOVREN_TRY(json, read_object(metadata->second, "metadata"));
  if (!json.contains("tokenizer")) return std::string("byte");
  return text::get_string(json, "tokenizer");
}

}  // namespace sovren::jobs
