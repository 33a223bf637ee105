// SPDX-License-Identifier: Apache-2.0
#include "cli/checkpoint_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "cli/terminal.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/file/file.h"

namespace fs = std::filesystem;

namespace sovren::cli {
namespace {

using Found = std::map<std::string, std::set<std::string>>;

bool is_plain_folder(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool is_passed_over(const std::string& name) {
  return name == "quarantine" || storage::is_unfinished_name(name) ||
         name.starts_with("sovren-checkpoints-");  // levels: storage/checkpoint/level_folder.h
}

void walk(const std::string& top, Found& found) {
  std::vector<std::string> todo{top};
  while (!todo.empty()) {
    const std::string folder = std::move(todo.back());
    todo.pop_back();
    const auto names = storage::list_directory(folder);
    if (!names) {
      print_warning(to_text(names.error()));
      continue;
    }
    for (const std::string& name : *names) {
      const std::string path = (folder == "/" ? "" : folder) + "/" + name;
      if (is_passed_over(name) || !is_plain_folder(path)) continue;
      if (storage::is_sealed_name(name))
        found[folder].insert(name);
      else
        todo.push_back(path);
    }
  }
}

Result<void> look(const std::string& operand, Found& found) {
  std::error_code ignored;
  fs::path path = fs::absolute(operand, ignored).lexically_normal();
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  const std::string name = path.filename().string();
  if (!fs::is_directory(path, ignored))
    return fail({.code = Code::not_found, .what = "there is no folder '" + operand + "'"});
  if (storage::is_sealed_name(name)) {
    found[path.parent_path().string()].insert(name);
    return {};
  }
  const std::size_t before = found.size();
  if (name == "checkpoints") found[path.string()];
  if (fs::is_directory(path / "checkpoints", ignored)) found[(path / "checkpoints").string()];
  walk(path.string(), found);
  if (found.size() > before) return {};
  return fail({.code = Code::not_found,
               .what = "'" + operand + "' holds no checkpoints folder, nor does a folder below it",
               .hint = "give a job directory (NAME.sovren), a folder above it, its checkpoints "
                       "folder, or one set (gen-...)"});
}

}  // namespace

Result<std::vector<CheckpointFolder>> find_checkpoints(std::span<const std::string> operands) {
  Found all;
  for (const std::string& operand : operands) {
    Found found;  // of its own, so that what another operand found does not hide a mistake
    SOVREN_DO(look(operand, found));
    for (auto& [path, names] : found) all[path].merge(names);
  }
  std::vector<CheckpointFolder> folders;
  for (auto& [path, names] : all) folders.push_back({path, {names.rbegin(), names.rend()}});
  return folders;
}

}  // namespace sovren::cli
