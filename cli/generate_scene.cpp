// SPDX-License-Identifier: Apache-2.0
#include "cli/generate_scene.h"

#include <charconv>

#include "cli/rank_request.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

Result<double> read_detail(const Arguments& arguments) {
  if (!arguments.has("detail")) return 1.0;
  const std::string value = arguments.text("detail");
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size()) return number;
  return fail(
      {.code = Code::usage, .what = "--detail is a number from 0.01 to 10, not '" + value + "'"});
}

}  // namespace

Result<int> generate_scene(const Arguments& arguments) {
  if (arguments.operands.size() < 2)
    return fail({.code = Code::usage,
                 .what = "the scene's name is missing",
                 .hint = "sovren generate scene cornell --output cornell.glb"});
  const std::string& name = arguments.operands[1];
  const std::string output =
      arguments.has("output") ? arguments.text("output") : name + (name == "sky" ? ".exr" : ".glb");
  SOVREN_TRY(detail, read_detail(arguments));
  SOVREN_TRY(made, ask_rank("--scene", {{"scene", name}, {"output", output}, {"detail", detail}}));
  if (arguments.has("json")) return print_text(text::dump_json(made, 2) + "\n");
  SOVREN_TRY(bytes, text::get_int(made, "bytes"));
  std::string text =
      "file       " + output + ", " + format_count(static_cast<double>(bytes)) + " bytes\n";
  if (made.contains("triangles")) {
    SOVREN_TRY(triangles, text::get_int(made, "triangles"));
    text += "triangles  " + format_count(static_cast<double>(triangles)) + "\n";
  }
  return print_text(text);
}

}  // namespace sovren::cli
