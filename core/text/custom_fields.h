// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/text/schema.h"

namespace sovren::text {

// Rows whose values have a form of their own.
Custom schema_field();
Custom kind_field();
Custom labels_field();
Custom pc_alpha_field();
Custom variables_field();
Custom effects_field();
Custom interventions_field();
enum class Knowledge { required, forbidden };
Custom known_links_field(Knowledge which);
Custom data_field();
Custom validation_field();
Custom tokenizer_field();
Custom sample_prompt_field();
Custom frame_field();
Custom aovs_field();
Custom denoise_field();
Custom argv_field();
Custom arguments_field();
Custom environment_field();
Custom signal_field();

/// [array]: every key is an axis.
void read_array(Reading& reading, const TomlValue& table, JobSpec& spec);
std::string print_axis(const ArrayAxis& axis);  ///< "frame = \"1-240\""
/// Replaces ${axis} in the row's texts by the values that index names. The error that says why it
/// cannot, or none. The row must apply.
std::optional<Error> replace_axes(const Row& row, JobSpec& spec, const std::vector<ArrayAxis>& axes,
                                  const std::vector<std::size_t>& index);
inline constexpr std::size_t array_elements_max = 100'000;

inline constexpr std::size_t variables_max = 1000;        ///< of command.environment
bool is_variable_name(std::string_view name);             ///< "PATH", "BASH_FUNC_module%%"
std::string variable_value_fault(std::string_view text);  ///< of a variable's value

std::string name_fault(std::string_view text);   ///< of a job's name
std::string word_fault(std::string_view text);   ///< of a partition, QOS, account
std::string after_fault(std::string_view text);  ///< of "ok:12,any:13"
std::string begin_fault(std::string_view text);  ///< of "2026-11-23T15:00:00Z"

}  // namespace sovren::text
