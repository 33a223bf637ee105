// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/weights.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "jobs/kind/input_file.h"
#include "jobs/training/shape_json.h"
#include "jobs/training/weight_names.h"
#include "jobs/training/weights_file.h"

namespace sovren::jobs {
namespace {

using nn::ModelShape;
using nn::ParameterTable;
using Named = std::map<std::string_view, const FileTensor*>;  // by short name

constexpr std::string_view head_name = "lm_head.weight";

/// The tensors by short name. Errors: data_invalid, when two have the same.
Result<Named> by_short_name(const WeightsFile& weights) {
  Named named;
  for (const FileTensor& tensor : weights.tensors)
    if (const std::string_view name = short_name(tensor.name); !is_buffer(name))
      if (!named.emplace(name, &tensor).second)
        return fail({.code = Code::data_invalid,
                     .what = "tensor '" + std::string(name) +
                             "' stands twice, with and without "
                             "a prefix"});
  return named;
}

Naming naming_found(const Named& named) {
  if (named.contains("h.0.attn.c_attn.weight")) return Naming::gpt2;
  return named.contains("embed_tokens.weight") ? Naming::llama : Naming::own;
}

/// What keeps a tensor from being read as a part; empty: nothing.
std::string problem_of(const FileTensor& tensor, const Part& part) {
  std::vector<std::int64_t> with_padding = part.shape();
  with_padding[0] += part.padding;
  if (tensor.shape != part.shape() && (part.padding == 0 || tensor.shape != with_padding))
    return tensor.name + " is " + shape_text(tensor.shape) + ", the job asks for " +
           shape_text(part.shape());
  if (tensor.dtype == Dtype::other)
    return tensor.name + " is " + tensor.dtype_name + " (allowed: F32, F16, BF16)";
  return "";
}

struct Match {
  Part part;
  const FileTensor* tensor;
};

/// Each part with its tensor. Errors: data_invalid, with all that does not fit.
Result<std::vector<Match>> match(Named named, const ParameterTable& table) {
  const Naming asked = naming_of(table.shape());
  const Naming found = naming_found(named);
  if (found != asked && found != Naming::own)
    return fail({.code = Code::data_invalid,
                 .what = "the file holds a " + std::string(naming_text(found)) +
                         ", the job asks for a " + std::string(naming_text(asked)) + " model",
                 .hint = "norm, positions, activation, biases and kv_heads make the difference"});
  std::vector<Match> matches;
  std::string problems;
  const auto add_problem = [&](const std::string& problem) { problems += "\n    " + problem; };
  for (Part& part : parts_of(table, found)) {
    const auto at = named.find(part.name);
    if (at == named.end()) {
      add_problem(full_name(part.name, found) + " is missing, the job asks for " +
                  shape_text(part.shape()));
      continue;
    }
    if (const std::string problem = problem_of(*at->second, part); !problem.empty())
      add_problem(problem);
    matches.push_back({std::move(part), at->second});
    named.erase(at);
  }
  if (table.shape().is_tied) named.erase(head_name);
  for (const auto& [name, tensor] : named)
    add_problem(tensor->name + " " + shape_text(tensor->shape) + " is not one of the job's");
  if (!problems.empty())
    return fail({.code = Code::data_invalid,
                 .what = "the weights do not fit the model:" + problems,
                 .hint = "layers, heads, width, hidden_width, context, vocab, biases and tied of "
                         "the job must be those of the file"});
  return matches;
}

/// Calls take(first row, rows as fp32) for blocks of a tensor's first `rows` rows.
template <class Take>
void by_rows(std::string_view file, const FileTensor& tensor, std::int64_t rows,
             std::int64_t columns, Take take) {
  const std::int64_t block = std::clamp<std::int64_t>((1 << 18) / columns, 1, rows);
  std::vector<float> buffer(static_cast<std::size_t>(block * columns));
  for (std::int64_t first = 0; first < rows; first += block) {
    const std::int64_t count = std::min(block, rows - first);
    const std::span<float> values(buffer.data(), static_cast<std::size_t>(count * columns));
    read_elements(file, tensor, first * columns, values);
    take(first, values);
  }
}

Result<void> read_part(std::string_view file, const Match& match, std::span<float> parameters) {
  const Part& part = match.part;
  float* to = parameters.data() + part.offset;
  bool is_finite = true;
  const auto check = [&](std::span<const float> values) {
    is_finite = is_finite && std::all_of(values.begin(), values.end(),
                                         [](float value) { return std::isfinite(value); });
  };
  if (part.is_transposed) {
    by_rows(file, *match.tensor, part.columns, part.rows,
            [&](std::int64_t first, std::span<const float> values) {
              check(values);
              for (std::size_t i = 0; i < values.size(); ++i) {
                const auto at = static_cast<std::int64_t>(i);
                to[at % part.rows * part.columns + first + at / part.rows] = values[i];
              }
            });
  } else {
    by_rows(file, *match.tensor, part.rows, part.columns,
            [&](std::int64_t first, std::span<const float> values) {
              check(values);
              std::copy(values.begin(), values.end(), to + first * part.columns);
            });
  }
  if (is_finite) return {};
  return fail({.code = Code::data_invalid,
               .what = "tensor '" + match.tensor->name + "' holds infinity or no number"});
}

/// A tied model's file may hold the head again; it must be the token table then.
Result<void> check_tied_head(std::string_view file, const Named& named, const ParameterTable& table,
                             std::span<const float> parameters) {
  const auto head = named.find(head_name);
  if (!table.shape().is_tied || head == named.end()) return {};
  const Part part = parts_of(table, Naming::own).front();
  bool is_table = problem_of(*head->second, part).empty();
  if (is_table)
    by_rows(file, *head->second, part.rows, part.columns,
            [&](std::int64_t first, std::span<const float> values) {
              const float* row = parameters.data() + part.offset + first * part.columns;
              is_table = is_table && std::equal(values.begin(), values.end(), row);
            });
  if (is_table) return {};
  return fail({.code = Code::data_invalid,
               .what = "the file's head (" + head->second->name +
                       ") is not its token table, the job asks for a tied one",
               .hint = "write: tied = false"});
}

/// A file of the same folder.
std::string beside(const std::string& path, const char* name) {
  return (std::filesystem::path(path).parent_path() / name).string();
}

/// What read makes of the bytes of the file; its errors name the file.
template <class Read>
auto from_file(const std::string& path, Read read) -> decltype(read(std::string_view())) {
  SOVREN_TRY(file, MappedFile::open(path));
  auto made = read(file.text());
  if (!made) {
    Error& error = made.error();
    error.where = error.where.empty() ? path : path + " " + error.where;
  }
  return made;
}

}  // namespace

Result<std::vector<float>> parameters_of(std::string_view file, const ParameterTable& table) {
  SOVREN_TRY(weights, read_weights_file(file));
  SOVREN_TRY(named, by_short_name(weights));
  SOVREN_TRY(matches, match(named, table));
  std::vector<float> parameters(static_cast<std::size_t>(table.size()));
  for (const Match& one : matches) SOVREN_DO(read_part(file, one, parameters));
  SOVREN_DO(check_tied_head(file, named, table, parameters));
  return parameters;
}

Result<ModelShape> shape_of(std::string_view file, std::string_view config) {
  SOVREN_TRY(weights, read_weights_file(file));
  if (weights.shape) return *weights.shape;
  const bool has_metadata = weights.metadata.contains(metadata_key);
  if (!has_metadata && config.empty())
    return fail({.code = Code::refused,
                 .what = "the file does not say how many heads its model has",
                 .hint = "put the model's config.json beside it; files of training jobs and of "
                         "llm.c need none"});
  SOVREN_TRY(shape,
             has_metadata ? shape_from_metadata(weights) : shape_from_config(weights, config));
  SOVREN_TRY(named, by_short_name(weights));
  SOVREN_DO(match(std::move(named), ParameterTable(shape)));
  return shape;
}

Result<std::vector<float>> read_parameters(const std::string& path, const ParameterTable& table) {
  return from_file(path, [&](std::string_view file) { return parameters_of(file, table); });
}

Result<ModelShape> read_shape(const std::string& path) {
  const auto config = MappedFile::open(beside(path, "config.json"));
  return from_file(path, [&](std::string_view file) {
    return shape_of(file, config ? config->text() : std::string_view());
  });
}

Result<std::string> read_tokenizer_name(const std::string& path) {
  return from_file(path, [&](std::string_view file) -> Result<std::string> {
    SOVREN_TRY(weights, read_weights_file(file));
    std::error_code unknown;
    const std::string merges = beside(path, "merges.txt");
    if (!weights.metadata.contains(metadata_key) && std::filesystem::exists(merges, unknown))
      return merges;
    return tokenizer_from_metadata(weights);
  });
}

std::string to_safetensors(const ParameterTable& table, std::span<const float> parameters,
                           const std::string& tokenizer) {
  const Naming naming = naming_of(table.shape());
  const std::vector<Part> parts = parts_of(table, naming);
  std::vector<NamedShape> names;
  for (const Part& part : parts) names.push_back({full_name(part.name, naming), part.shape()});
  const std::pair<std::string, std::string> metadata[]{
      {"format", "pt"}, {metadata_key, shape_json(table.shape(), tokenizer)}};
  std::string file = safetensors_header(names, metadata);
  file.reserve(file.size() + static_cast<std::size_t>(table.count()) * sizeof(float));
  std::vector<float> turned;
  for (const Part& part : parts) {
    auto values = parameters.subspan(static_cast<std::size_t>(part.offset),
                                     static_cast<std::size_t>(part.rows * part.columns));
    if (part.is_transposed) {
      turned.resize(values.size());
      for (std::int64_t row = 0; row < part.rows; ++row)
        for (std::int64_t column = 0; column < part.columns; ++column)
          turned[static_cast<std::size_t>(column * part.rows + row)] =
              values[static_cast<std::size_t>(row * part.columns + column)];
      values = turned;
    }
    file.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  return file;
}

}  // namespace sovren::jobs
