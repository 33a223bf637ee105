// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/result_folder.h"

#include "core/base/check.h"
#include "storage/file/file.h"

namespace sovren::workers {
namespace {

constexpr const char* unfinished_prefix = "result.tmp-";
constexpr const char* replaced_name = "result.old";

Result<void> write_file(const std::string& path, const std::string& bytes) {
  SOVREN_TRY(file, storage::FileWriter::create(path));
  SOVREN_DO(file.append(std::as_bytes(std::span(bytes.data(), bytes.size()))));
  return file.finish();
}

Result<bool> remove_leftovers(const std::string& dir) {
  bool has_result = false;
  SOVREN_TRY(names, storage::list_directory(dir));
  for (const std::string& name : names) {
    has_result = has_result || name == "result";
    if (name.rfind(unfinished_prefix, 0) == 0 || name == replaced_name)
      SOVREN_DO(storage::remove_tree(dir + "/" + name));
  }
  return has_result;
}

}  // namespace

Result<void> write_result(const std::string& dir, int attempt,
                          std::span<const jobs::ResultFile> files) {
  SOVREN_TRY(has_result, remove_leftovers(dir));
  const std::string unfinished = dir + "/" + unfinished_prefix + std::to_string(attempt);
  SOVREN_DO(storage::make_directories(unfinished));
  for (const jobs::ResultFile& file : files) {
    SOVREN_CHECK(
        !file.name.empty() && file.name[0] != '.' && file.name.find('/') == std::string::npos,
        "a result file has a plain name");
    SOVREN_DO(write_file(unfinished + "/" + file.name, file.bytes));
  }
  SOVREN_DO(storage::sync_directory(unfinished));
  const std::string result = dir + "/result", replaced = dir + "/" + replaced_name;
  if (has_result) SOVREN_DO(storage::rename_durable(result, replaced));
  SOVREN_DO(storage::rename_durable(unfinished, result));
  return storage::remove_tree(replaced);
}

}  // namespace sovren::workers
