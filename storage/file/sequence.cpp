// SPDX-License-Identifier: Apache-2.0
#include "storage/file/sequence.h"

#include <cerrno>

#include "storage/file/file.h"
#include "storage/file/system.h"

namespace sovren::storage {
namespace {

constexpr const char* prefix = "image.";

Result<void> copy_file(const std::string& from, const std::string& to) {
  SOVREN_TRY(bytes, read_file(from));
  return write_file_atomic(to, bytes);
}

/// A link is made beside the name and then takes it, so that the name always has a whole picture.
Result<void> link_file(const std::string& from, const std::string& to) {
  const std::string part = to + ".part";
  system_calls().unlink(part.c_str());  // of one that died here
  if (system_calls().link(from.c_str(), part.c_str()) != 0) return copy_file(from, to);
  SOVREN_DO(rename_durable(part, to));
  system_calls().unlink(part.c_str());  // stays where both were the same file already
  return {};
}

}  // namespace

Result<void> add_to_sequence(const std::string& result, const std::string& stem) {
  SOVREN_DO(make_directories(parent_directory(stem)));
  SOVREN_TRY(names, list_directory(result));
  for (const std::string& name : names)
    if (name.starts_with(prefix))
      SOVREN_DO(
          link_file(result + "/" + name, stem + "." + name.substr(std::string(prefix).size())));
  return {};
}

}  // namespace sovren::storage
