// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/preview.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "storage/file/file.h"

namespace sovren::workers {
namespace {

constexpr const char* folder = "preview";

Result<void> write_plain(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return {};
  return fail({.code = Code::storage_io,
               .what = std::string("cannot write the preview: ") + std::strerror(errno),
               .where = path});
}

}  // namespace

void PreviewSchedule::made(double now_s, double cost_s) {
  due_s_ = now_s + std::max(preview_interval_s, cost_s / preview_share_max);
}

Result<void> write_preview(const std::string& dir, std::span<const jobs::ResultFile> files) {
  if (!storage::path_exists(dir + "/" + folder))
    SOVREN_DO(storage::make_directories(dir + "/" + folder));
  for (const jobs::ResultFile& file : files) {
    const std::string path = dir + "/" + preview_path(file.name), part = path + ".part";
    SOVREN_DO(write_plain(part, file.bytes));
    if (std::rename(part.c_str(), path.c_str()) != 0)
      return fail({.code = Code::storage_io,
                   .what = std::string("cannot name the preview: ") + std::strerror(errno),
                   .where = path});
  }
  return {};
}

Result<void> remove_preview(const std::string& dir) {
  return storage::remove_tree(dir + "/" + folder);
}

std::string preview_path(const std::string& name) {
  return std::string(folder) + "/" + name;
}

}  // namespace sovren::workers
