// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/shape_json.h"

#include <cmath>

#include "core/text/json.h"

namespace sovren::jobs {
namespace {

using nn::ModelShape;
using nn::NormKind;
using text::Json;

constexpr int extent_max = 1 << 24;  // products of two stay far below 2^63

tl::unexpected<Error> impossible(std::string what) {
  return fail({.code = Code::data_invalid,
               .what = "the metadata '" + std::string(metadata_key) + "': " + std::move(what)});
}

Result<Json> read_metadata(const std::string& value) {
  SOVREN_TRY(json, text::parse_json(value, "metadata", 4));
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
  if (metadata == file.metadata.end())
    return fail({.code = Code::refused,
                 .what = "the file does not say how many heads its model has",
                 .hint = "files that a training job writes do, and so do llm.c's"});
  SOVREN_TRY(json, read_metadata(metadata->second));
  ModelShape shape;
  for (const auto& [key, to] : {std::pair("layers", &shape.layers),
                                {"heads", &shape.heads},
                                {"kv_heads", &shape.kv_heads},
                                {"width", &shape.width},
                                {"hidden_width", &shape.hidden},
                                {"context", &shape.context},
                                {"vocab", &shape.vocab}}) {
    SOVREN_TRY(number, extent(json, key));
    *to = number;
  }
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

Result<std::string> tokenizer_from_metadata(const WeightsFile& file) {
  const auto metadata = file.metadata.find(metadata_key);
  if (metadata == file.metadata.end()) return std::string("byte");
  SOVREN_TRY(json, read_metadata(metadata->second));
  if (!json.contains("tokenizer")) return std::string("byte");
  return text::get_string(json, "tokenizer");
}

}  // namespace sovren::jobs
