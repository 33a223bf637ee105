// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "jobs/training/weights.h"
#include "jobs/training/weights_file.h"
#include "tests/unit/training/plain_file.h"

namespace sovren::jobs {
namespace {

using nn::ParameterTable;
using testing::HasSubstr;

/// What reading such a header before `data_bytes` of data says.
std::string said_of(const std::string& json, int data_bytes) {
  const auto read = read_safetensors(
      PlainFile::with_header(json, std::string(static_cast<std::size_t>(data_bytes), '\0')));
  if (read) return "";
  EXPECT_EQ(read.error().code, Code::data_invalid);
  return read.error().what;
}

std::string tensor(const std::string& name, const std::string& rest) {
  return "\"" + name + "\":{\"dtype\":\"F32\"," + rest + "}";
}

TEST(Safetensors, AreReadAsTheFormatSays) {
  const std::string a = tensor("a", R"("shape":[2],"data_offsets":[0,8])");
  const std::string b = tensor("b", R"("shape":[],"data_offsets":[8,12])");
  const std::string none = tensor("none", R"("shape":[0,3],"data_offsets":[8,8])");
  EXPECT_EQ(said_of("{" + b + "," + a + "," + none + R"(,"__metadata__":{"k":"v"}}   )", 12), "");
  EXPECT_EQ(said_of("{}", 0), "");
}

TEST(Safetensors, AreRefusedWhenDamagedWithWhatIsWrong) {
  const std::string a = tensor("a", R"("shape":[2],"data_offsets":[0,8])");
  const auto with = [&](const std::string& rest) { return "{" + a + "," + rest + "}"; };
  EXPECT_THAT(said_of("{" + a, 8), HasSubstr("no valid JSON"));
  EXPECT_THAT(said_of("[1]", 0), HasSubstr("its header is no object"));
  EXPECT_THAT(said_of(with(a), 8), HasSubstr("stands twice"));
  EXPECT_THAT(said_of(with(R"("b":3)"), 8), HasSubstr("'b' is not described by an object"));
  EXPECT_THAT(said_of(R"({"b":{"shape":[1],"data_offsets":[0,4]}})", 4), HasSubstr("no dtype"));
  EXPECT_THAT(said_of(R"({"b":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", 4),
              HasSubstr("unknown dtype 'F99'"));
  for (const char* const shape : {"3", "[-1]", "[1.5]", "[\"1\"]", "[18446744073709551615]"})
    EXPECT_THAT(
        said_of(
            "{" + tensor("b", std::string("\"shape\":") + shape + R"(,"data_offsets":[0,4])") + "}",
            4),
        HasSubstr("has no shape"))
        << shape;
  for (const char* const offsets : {"[4]", "[4,0]", "[0,4,8]", "[-4,0]", "7"})
    EXPECT_THAT(
        said_of("{" + tensor("b", std::string(R"("shape":[1],"data_offsets":)") + offsets) + "}",
                4),
        HasSubstr("has no data_offsets"))
        << offsets;
  EXPECT_THAT(said_of("{" + tensor("b", R"("shape":[4],"data_offsets":[0,16])") + "}", 12),
              HasSubstr("ends at byte 16 of 12"));
  EXPECT_THAT(said_of("{" + tensor("b", R"("shape":[3],"data_offsets":[0,8])") + "}", 8),
              HasSubstr("of shape (3) and dtype F32 has 8 bytes"));
  // 2^32 x 2^32 elements are 0 modulo 2^64.
  EXPECT_THAT(
      said_of("{" + tensor("b", R"("shape":[4294967296,4294967296],"data_offsets":[0,0])") + "}",
              0),
      HasSubstr("has 0 bytes"));
  EXPECT_THAT(said_of(with(tensor("b", R"("shape":[2],"data_offsets":[4,12])")), 12),
              HasSubstr("'b' overlaps another"));
  EXPECT_THAT(said_of(with(tensor("b", R"("shape":[1],"data_offsets":[12,16])")), 16),
              HasSubstr("nothing describes the 4 bytes before tensor 'b'"));
  EXPECT_THAT(said_of("{" + a + "}", 11), HasSubstr("nothing describes its last 3 bytes"));
  EXPECT_THAT(said_of(R"({"__metadata__":[]})", 0), HasSubstr("its metadata are no object"));
  EXPECT_THAT(said_of(R"({"__metadata__":{"a":1}})", 0), HasSubstr("its metadata 'a' are no text"));
}

TEST(Safetensors, AreRefusedWhenTheirLengthIsWrong) {
  for (const std::uint64_t length : {std::uint64_t{3}, std::uint64_t{1} << 40, UINT64_MAX}) {
    std::string file;
    PlainFile::append(file, length);
    EXPECT_EQ(read_weights_file(file + "{}").error().code, Code::data_invalid) << length;
  }
  EXPECT_EQ(read_weights_file("").error().code, Code::data_invalid);
  EXPECT_EQ(read_weights_file("1234567").error().code, Code::data_invalid);
}

TEST(Safetensors, AreRefusedWhereverTheyAreCutOff) {
  const ParameterTable table(tiny_gpt2());
  const std::string whole = to_safetensors(table, initial_parameters(table, 1), "byte");
  ASSERT_TRUE(parameters_of(whole, table));
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_EQ(parameters_of(std::string_view(whole).substr(0, size), table).error().code,
              Code::data_invalid)
        << size;
}

/// A file with one byte changed is read or refused; the sanitizers see what else it does.
TEST(Weights, SurviveAnyOneDamagedByteOfTheHeader) {
  nn::ModelShape shape = tiny_gpt2();
  shape.hidden = 4 * shape.width;
  const ParameterTable table(shape);
  const auto parameters = initial_parameters(table, 2);
  for (const std::string& whole :
       {to_safetensors(table, parameters, "byte"), to_llmc(table, parameters).value()}) {
    int refused = 0;
    for (std::size_t at = 0; at < 1600; ++at)
      for (const char flip : {'\x01', '\x80', '\x11'}) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        refused += parameters_of(damaged, table) ? 0 : 1;
        (void)shape_of(damaged);
      }
    EXPECT_GT(refused, 50);
  }
}

/// The file of tiny_gpt2() whose metadata say this.
std::string with_metadata(const std::string& from, const std::string& to) {
  const ParameterTable table(tiny_gpt2());
  std::string file = to_safetensors(table, initial_parameters(table, 1), "byte");
  const std::size_t place = file.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  EXPECT_EQ(from.size(), to.size());
  return file.replace(place, from.size(), to);
}

TEST(ReadShape, RefusesMetadataThatCannotBe) {
  const auto said = [](const std::string& from, const std::string& to) {
    const auto read = shape_of(with_metadata(from, to));
    return read ? std::string() : read.error().what;
  };
  EXPECT_EQ(said(R"(\"heads\":2)", R"(\"heads\":1)"),
            "the model's shape (metadata or config.json): width, heads and kv_heads are not "
            "multiples of each other");
  EXPECT_THAT(said(R"(\"heads\":2)", R"(\"heads\":0)"), HasSubstr("heads 0 (allowed"));
  EXPECT_THAT(said(R"(\"layers\":1)", R"(\"layers\":3)"), HasSubstr("h.1.ln_1.weight is missing"));
  EXPECT_THAT(said(R"("layers\":1,\"heads\":2)", R"("layers\":99,\"heads\":)"),
              HasSubstr("no valid JSON"));
  EXPECT_THAT(said(R"("norm\":\"layer\")", R"("norm\":\"lever\")"), HasSubstr("norm 'lever'"));
  EXPECT_THAT(said(R"(\"width\":4)", R"(\"widht\":4)"), HasSubstr("width"));
  EXPECT_THAT(said(R"(\"context\":3)", R"(\"context\":9)"), HasSubstr("wpe.weight is (3, 4)"));
}

/// llm.c's file, by hand: 16 tensors, each of all layers.
std::string plain_llmc(std::int32_t version, bool is_bf16) {
  std::string file;
  for (const std::int32_t word : {20240326, version, 3, 5, 2, 2, 4, 128})
    PlainFile::append(file, word);
  file.resize(1024, '\0');
  const int sizes[]{128 * 4, 3 * 4, 2 * 4,  2 * 4,  2 * 48, 2 * 12, 2 * 16, 2 * 4,
                    2 * 4,   2 * 4, 2 * 64, 2 * 16, 2 * 64, 2 * 4,  4,      4};
  float next = 0;
  for (const int size : sizes)
    for (int i = 0; i < size; ++i) {
      const bool is_padding = next >= 5 * 4 && next < 128 * 4;
      const float value = is_padding ? 0 : next;
      if (is_bf16)
        PlainFile::append(file,
                          static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
      else
        PlainFile::append(file, value);
      ++next;
    }
  return file;
}

nn::ModelShape llmc_shape() {
  nn::ModelShape shape = tiny_gpt2();
  shape.layers = 2;
  shape.hidden = 16;
  return shape;
}

TEST(Llmc, ModelsAreReadAndWritten) {
  const ParameterTable table(llmc_shape());
  const std::string file = plain_llmc(3, false);
  EXPECT_TRUE(shape_of(file).value() == llmc_shape());
  const auto read = parameters_of(file, table);
  ASSERT_TRUE(read) << to_text(read.error());
  // wte 512, wpe 12, ln1w 8, ln1b 8: qkvw begins at 540; layer 1 of it at 588.
  const auto offset = static_cast<std::size_t>(table.find(nn::Role::qkv_weight, 1)->offset);
  EXPECT_EQ((*read)[offset], 588);
  EXPECT_EQ((*read)[offset + 47], 635);
  EXPECT_EQ(to_llmc(table, *read).value(), file);
  const auto rounded = parameters_of(plain_llmc(5, true), table);
  ASSERT_TRUE(rounded) << to_text(rounded.error());
  EXPECT_EQ((*rounded)[offset], 588);       // 8 bits are enough
  EXPECT_EQ((*rounded)[offset + 47], 632);  // and here they are not
}

TEST(Llmc, AreRefusedWhenDamagedOrOfAnotherModel) {
  const ParameterTable table(llmc_shape());
  const std::string file = plain_llmc(3, false);
  EXPECT_THAT(parameters_of(plain_llmc(4, false), table).error().what, HasSubstr("version 4"));
  EXPECT_THAT(parameters_of(file + "x", table).error().what, HasSubstr("a model of its shape"));
  EXPECT_EQ(parameters_of(file.substr(0, 900), table).error().code, Code::data_invalid);
  std::string huge = file;
  huge.replace(16, 4, "\xff\xff\xff\x7f");
  EXPECT_THAT(parameters_of(huge, table).error().what, HasSubstr("cannot be"));
  const ParameterTable llama(tiny_llama());
  EXPECT_EQ(to_llmc(llama, initial_parameters(llama, 1)).error().code, Code::refused);
  const ParameterTable other(tiny_gpt2());
  EXPECT_EQ(to_llmc(other, initial_parameters(other, 1)).error().code, Code::refused);
  EXPECT_EQ(parameters_of(file, llama).error().code, Code::data_invalid);
}

}  // namespace
}  // namespace sovren::jobs
