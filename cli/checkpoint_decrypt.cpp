// SPDX-License-Identifier: Apache-2.0
#include "cli/checkpoint_decrypt.h"

#include <filesystem>

#include "cli/checkpoints.h"
#include "cli/terminal.h"

namespace fs = std::filesystem;

namespace sovren::cli {
namespace {

std::string absolute(const std::string& operand) {
  std::error_code ignored;
  fs::path path = fs::absolute(operand, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.string();
}

}  // namespace

Result<int> decrypt_checkpoint(const Arguments& arguments) {
  if (arguments.operands.size() != 3)
    return fail({.code = Code::usage,
                 .what = "sovren checkpoints decrypt takes a set and the new folder for it",
                 .hint = "sovren checkpoints decrypt NAME.sovren/checkpoints/gen-000120 "
                         "plain/gen-000120 --key-file FILE"});
  SOVREN_TRY(key, key_of(arguments));
  if (!key)
    return fail({.code = Code::usage,
                 .what = "sovren checkpoints decrypt needs the key of the set",
                 .hint = "--key-file FILE or --key-env NAME"});
  SOVREN_TRY(set, storage::decrypt_set(absolute(arguments.operands[1]), *key,
                                       absolute(arguments.operands[2])));
  return print_text(set.name + " of step " + std::to_string(set.header.step) +
                    " is now in the clear in " + set.path + "\n");
}

}  // namespace sovren::cli
