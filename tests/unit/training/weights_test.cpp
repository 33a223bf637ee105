// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/weights.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "jobs/training/weights_file.h"
#include "tests/unit/training/plain_file.h"

namespace sovren::jobs {
namespace {

using nn::ModelShape;
using nn::ParameterTable;
using nn::Role;
using testing::ElementsAre;
using testing::HasSubstr;

/// Random parameters whose padding is 0, as training keeps them.
std::vector<float> numbers_of(const ParameterTable& table, std::uint64_t seed) {
  return initial_parameters(table, seed);
}

float at(const ParameterTable& table, std::span<const float> parameters, Role role,
         std::int64_t row, std::int64_t column = 0) {
  const nn::Tensor* tensor = table.find(
      role,
      role == Role::head || role < Role::norm_1_weight || role == Role::final_norm_weight ? -1 : 0);
  return parameters[static_cast<std::size_t>(tensor->offset + row * tensor->columns + column)];
}

std::vector<ModelShape> all_kinds() {
  ModelShape gpt2 = tiny_gpt2();
  gpt2.layers = 3;
  gpt2.hidden = 16;
  ModelShape untied = gpt2;
  untied.is_tied = false;
  ModelShape rotary = gpt2;
  rotary.positions = ModelShape::Positions::rotary;
  ModelShape bare = gpt2;
  bare.has_biases = false;
  ModelShape tied_llama = tiny_llama();
  tied_llama.is_tied = true;
  ModelShape full = gpt2;
  full.vocab = 128;  // no padding
  return {gpt2, untied, rotary, bare, full, tiny_llama(), tied_llama};
}

TEST(Safetensors, GivesBackWhatItWasGivenForEveryKindOfModel) {
  for (const ModelShape& shape : all_kinds()) {
    const ParameterTable table(shape);
    const auto parameters = numbers_of(table, 3);
    const std::string file = to_safetensors(table, parameters, "merges.txt");
    const auto shape_read = shape_of(file);
    ASSERT_TRUE(shape_read) << to_text(shape_read.error());
    EXPECT_TRUE(*shape_read == shape);
    const auto read = parameters_of(file, table);
    ASSERT_TRUE(read) << to_text(read.error());
    EXPECT_EQ(*read, parameters);
  }
}

TEST(Weights, MapGpt2TransposedAndByName) {
  for (const std::string prefix : {"", "transformer."}) {
    PlainFile file;
    add_gpt2_tensors(file, prefix);
    file.add_bytes(prefix + "h.0.attn.bias", "BOOL", "[1,1,3,3]", std::string(9, '\1'));
    file.add_bytes(prefix + "h.0.attn.masked_bias", "F32", "[]", std::string(4, '\0'));
    file.add_counting("lm_head.weight", {5, 4}, 0);  // tied: the token table again
    const ParameterTable table(tiny_gpt2());
    const auto read = parameters_of(file.bytes(), table);
    ASSERT_TRUE(read) << to_text(read.error());
    EXPECT_EQ(at(table, *read, Role::token_table, 4, 3), 19);
    EXPECT_EQ(at(table, *read, Role::token_table, 5, 0), 0);  // padding
    EXPECT_EQ(at(table, *read, Role::position_table, 1, 2), 106);
    EXPECT_EQ(at(table, *read, Role::norm_1_bias, 3), 213);
    // (in, out) in the file: row 2, column 7 of c_attn is output 7 of input 2.
    EXPECT_EQ(at(table, *read, Role::qkv_weight, 7, 2), 300 + 2 * 12 + 7);
    EXPECT_EQ(at(table, *read, Role::qkv_bias, 11), 411);
    EXPECT_EQ(at(table, *read, Role::projection_weight, 3, 1), 500 + 1 * 4 + 3);
    EXPECT_EQ(at(table, *read, Role::projection_bias, 2), 602);
    EXPECT_EQ(at(table, *read, Role::norm_2_weight, 0), 700);
    EXPECT_EQ(at(table, *read, Role::up_weight, 5, 3), 800 + 3 * 6 + 5);
    EXPECT_EQ(at(table, *read, Role::up_bias, 5), 905);
    EXPECT_EQ(at(table, *read, Role::down_weight, 1, 5), 1000 + 5 * 4 + 1);
    EXPECT_EQ(at(table, *read, Role::down_bias, 0), 1100);
    EXPECT_EQ(at(table, *read, Role::final_norm_weight, 3), 1203);
  }
}

TEST(Weights, MapLlamaByRows) {
  ModelShape shape = tiny_llama();
  shape.layers = 1;
  PlainFile file;
  const std::string layer = "model.layers.0.";
  file.add_counting("lm_head.weight", {5, 8}, 10);
  file.add_counting(layer + "self_attn.v_proj.weight", {4, 8}, 300);
  file.add_counting(layer + "self_attn.k_proj.weight", {4, 8}, 200);
  file.add_counting(layer + "self_attn.q_proj.weight", {8, 8}, 100);
  file.add_counting(layer + "self_attn.o_proj.weight", {8, 8}, 400);
  file.add_counting(layer + "mlp.up_proj.weight", {10, 8}, 600);
  file.add_counting(layer + "mlp.gate_proj.weight", {10, 8}, 500);
  file.add_counting(layer + "mlp.down_proj.weight", {8, 10}, 700);
  file.add_counting(layer + "input_layernorm.weight", {8}, 800);
  file.add_counting(layer + "post_attention_layernorm.weight", {8}, 810);
  file.add_counting(layer + "self_attn.rotary_emb.inv_freq", {1}, 1);
  file.add_counting("model.norm.weight", {8}, 820);
  file.add_counting("model.embed_tokens.weight", {5, 8}, 900);
  const ParameterTable table(shape);
  const auto read = parameters_of(file.bytes(), table);
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_EQ(at(table, *read, Role::token_table, 2, 1), 917);
  EXPECT_EQ(at(table, *read, Role::qkv_weight, 7, 7), 163);
  EXPECT_EQ(at(table, *read, Role::qkv_weight, 8, 0), 200);
  EXPECT_EQ(at(table, *read, Role::qkv_weight, 15, 7), 331);
  EXPECT_EQ(at(table, *read, Role::projection_weight, 1, 0), 408);
  EXPECT_EQ(at(table, *read, Role::up_weight, 9, 7), 579);
  EXPECT_EQ(at(table, *read, Role::up_weight, 10, 0), 600);
  EXPECT_EQ(at(table, *read, Role::down_weight, 7, 9), 779);
  EXPECT_EQ(at(table, *read, Role::norm_1_weight, 1), 801);
  EXPECT_EQ(at(table, *read, Role::norm_2_weight, 1), 811);
  EXPECT_EQ(at(table, *read, Role::final_norm_weight, 7), 827);
  EXPECT_EQ(at(table, *read, Role::head, 4, 7), 49);
  EXPECT_EQ(at(table, *read, Role::head, 5, 0), 0);
}

TEST(Weights, ReadHalfAndBrainFloats) {
  // IEEE 754: one, -2, the least normal, the least subnormal, the largest, 1/3.
  const std::vector<std::uint16_t> halves{0x3C00, 0xC000, 0x0400, 0x0001, 0x7BFF, 0x3555};
  const std::vector<float> values{1, -2, 0x1p-14F, 0x1p-24F, 65504, 0.333251953125F};
  std::string raw;
  for (const std::uint16_t half : halves) PlainFile::append(raw, half);
  std::vector<float> read(6);
  read_elements(raw, {"x", "F16", Dtype::f16, {6}, 0}, 0, read);
  EXPECT_EQ(read, values);
  raw.clear();
  for (const float value : values)
    PlainFile::append(raw, static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
  read_elements(raw, {"x", "BF16", Dtype::bf16, {6}, 0}, 0, read);
  EXPECT_THAT(read, ElementsAre(1, -2, 0x1p-14F, 0x1p-24F, 65280, 0.33203125F));
}

TEST(Weights, ListAllThatDoesNotFit) {
  ModelShape shape = tiny_gpt2();
  shape.context = 2;  // fewer than the file has
  shape.hidden = 7;
  shape.layers = 2;
  PlainFile file;
  add_gpt2_tensors(file, "transformer.");
  file.add_counting("transformer.h.7.extra", {2}, 0);
  const auto read = parameters_of(file.bytes(), ParameterTable(shape));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::data_invalid);
  for (const char* const line :
       {"transformer.wpe.weight is (3, 4), the job asks for (2, 4)",
        "transformer.h.0.mlp.c_fc.weight is (4, 6), the job asks for (4, 7)",
        "transformer.h.0.mlp.c_fc.bias is (6), the job asks for (7)",
        "transformer.h.0.mlp.c_proj.weight is (6, 4), the job asks for (7, 4)",
        "transformer.h.1.ln_1.weight is missing, the job asks for (4)",
        "transformer.h.1.mlp.c_proj.bias is missing, the job asks for (4)",
        "transformer.h.7.extra (2) is not one of the job's"})
    EXPECT_THAT(read.error().what, HasSubstr(line));
  const auto llama = parameters_of(file.bytes(), ParameterTable(tiny_llama()));
  EXPECT_EQ(llama.error().what, "the file holds a GPT-2, the job asks for a Llama model");
}

TEST(Weights, TakeAPaddedVocabularyAndNoOther) {
  ModelShape shape = tiny_llama();
  const ParameterTable table(shape);
  auto parameters = numbers_of(table, 4);
  shape.vocab = 128;  // as if all rows counted
  const ParameterTable padded(shape);
  ASSERT_EQ(padded.size(), table.size());
  const auto read = parameters_of(to_safetensors(padded, parameters, "byte"), table);
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_EQ(*read, parameters);
  shape.vocab = 6;
  const auto other =
      parameters_of(to_safetensors(table, parameters, "byte"), ParameterTable(shape));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().what, HasSubstr("lm_head.weight is (5, 8), the job asks for (6, 8)"));
}

TEST(Weights, RefuseAHeadOfItsOwnForATiedModel) {
  PlainFile file;
  add_gpt2_tensors(file, "");
  file.add_counting("lm_head.weight", {5, 4}, 1);
  const auto read = parameters_of(file.bytes(), ParameterTable(tiny_gpt2()));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::data_invalid);
  EXPECT_THAT(read.error().what, HasSubstr("is not its token table"));
}

TEST(Weights, RefuseNoNumbersAndNamesThatStandTwice) {
  const ParameterTable table(tiny_gpt2());
  auto parameters = numbers_of(table, 5);
  parameters[static_cast<std::size_t>(table.find(Role::qkv_weight, 0)->offset) + 3] = NAN;
  const auto read = parameters_of(to_safetensors(table, parameters, "byte"), table);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::data_invalid);
  EXPECT_THAT(read.error().what, HasSubstr("transformer.h.0.attn.c_attn.weight"));
  PlainFile file;
  add_gpt2_tensors(file, "");
  add_gpt2_tensors(file, "transformer.");
  EXPECT_EQ(parameters_of(file.bytes(), table).error().code, Code::data_invalid);
}

class WeightsOnDisk : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::string path =
        testing::TempDir() + "weights_" + std::to_string(::getpid()) + "_" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
};

TEST(ShapeOf, TakesHuggingFacesConfigWhereTheFileSaysNothing) {
  PlainFile file;
  add_gpt2_tensors(file, "");
  const std::string config = R"({"model_type":"gpt2","n_layer":1,"n_head":2,"n_embd":4,"n_inner":6,
    "n_positions":3,"vocab_size":5,"activation_function":"gelu_new","layer_norm_epsilon":1e-5})";
  const auto shape = shape_of(file.bytes(), config);
  ASSERT_TRUE(shape) << to_text(shape.error());
  EXPECT_TRUE(*shape == tiny_gpt2());
  const auto said = [&](const std::string& from, const std::string& to) {
    std::string other = config;
    other.replace(other.find(from), from.size(), to);
    const auto read = shape_of(file.bytes(), other);
    return read ? std::string() : read.error().what;
  };
  EXPECT_THAT(said("gelu_new", "relu"), HasSubstr("activation_function is \"relu\""));
  EXPECT_THAT(said("\"gpt2\"", "\"mamba\""), HasSubstr("model_type is \"mamba\""));
  EXPECT_THAT(said("\"n_head\":2", "\"n_head\":3"), HasSubstr("multiples"));
  EXPECT_THAT(said("\"n_inner\":6", "\"n_inner\":null"), HasSubstr("mlp.c_fc.weight is (4, 6)"));
  EXPECT_THAT(said("\"n_layer\":1", "\"layers\":1"), HasSubstr("n_layer"));
}

TEST(ShapeOf, TakesTheConfigOfALlama) {
  const ParameterTable table(tiny_llama());
  std::string file = to_safetensors(table, numbers_of(table, 7), "byte");
  file.replace(file.find("\"sovren\""), 8, "\"nobody\"");
  const std::string config = R"({"model_type":"llama","num_hidden_layers":2,"hidden_size":8,
    "num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":10,"rope_scaling":null,
    "max_position_embeddings":3,"vocab_size":5,"rms_norm_eps":1e-6,"rope_theta":500000.0,
    "hidden_act":"silu","tie_word_embeddings":false,"bos_token_id":[1,2]})";
  const auto shape = shape_of(file, config);
  ASSERT_TRUE(shape) << to_text(shape.error());
  EXPECT_TRUE(*shape == tiny_llama());
  std::string scaled = config;
  scaled.replace(scaled.find("null"), 4, R"({"factor":8})");
  EXPECT_EQ(shape_of(file, scaled).error().code, Code::refused);
}

TEST_F(WeightsOnDisk, SayWhereAnErrorIs) {
  const ParameterTable table(tiny_gpt2());
  const auto parameters = numbers_of(table, 6);
  const std::string path = write("m.safetensors", to_safetensors(table, parameters, "my.bpe"));
  EXPECT_EQ(read_parameters(path, table).value(), parameters);
  EXPECT_TRUE(read_shape(path).value() == tiny_gpt2());
  EXPECT_EQ(read_tokenizer_name(path).value(), "my.bpe");
  ::unlink(path.c_str());
  EXPECT_EQ(read_shape(path).error().code, Code::input_missing);
  const std::string text = write("m.txt", "hello, I am no model at all");
  EXPECT_EQ(read_parameters(text, table).error().code, Code::data_invalid);
  EXPECT_EQ(read_parameters(text, table).error().where, text);
  PlainFile file;
  add_gpt2_tensors(file, "");
  const std::string foreign = write("foreign", file.bytes());
  EXPECT_EQ(read_shape(foreign).error().code, Code::refused);  // it does not say how many heads
  EXPECT_EQ(read_tokenizer_name(foreign).value(), "byte");
  for (const std::string& made : {text, foreign}) ::unlink(made.c_str());
}

}  // namespace
}  // namespace sovren::jobs
