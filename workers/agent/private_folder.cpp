// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/private_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace sovren::workers {
namespace {

// Room for "/123456789-1234.sock" below the folder; sockaddr_un holds 107 bytes.
constexpr std::size_t folder_bytes_max = 107 - 32;

}  // namespace

Result<PrivateFolder> PrivateFolder::make(const std::string& parent) {
  const char* variable = std::getenv("TMPDIR");
  std::string why;
  for (const std::string& place :
       {parent, std::string(variable == nullptr ? "" : variable), std::string("/tmp")}) {
    if (place.empty()) continue;
    std::string path = place + "/sovren-XXXXXX";
    if (path.size() > folder_bytes_max) {
      why += " " + place + ": too long a path for a socket;";
      continue;
    }
    if (::mkdtemp(path.data()) != nullptr) return PrivateFolder(std::move(path));
    why += " " + place + ": " + std::strerror(errno) + ";";
  }
  why.pop_back();
  return fail({.code = Code::storage_io,
               .what = "cannot make a private folder:" + why,
               .hint = "let TMPDIR name a folder that you may write to"});
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;  // a file that stays in a temporary folder harms nobody
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace sovren::workers
