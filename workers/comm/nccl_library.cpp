// SPDX-License-Identifier: Apache-2.0
#include "workers/comm/nccl_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

namespace sovren::workers {
namespace {

constexpr int oldest_version = 21800;  // 2.18: whose communicators need never block

Error refused(std::string what) {
  return {.code = Code::refused,
          .what = std::move(what),
          .hint = "install NCCL 2.18 or later, or name its folder in LD_LIBRARY_PATH"};
}

Result<NcclLibrary> open_library() {
  // NCCL reads this when it starts. A ring adds in the order of its ranks; a switch that adds
  // (NVLS) or a choice by size need not give the same bits again. A person's own setting stays.
  ::setenv("NCCL_ALGO", "Ring", 0);
  void* library = ::dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fail(refused(std::string("NCCL is not here: ") + ::dlerror()));

  NcclLibrary nccl;
  std::string missing;
  const auto take = [&](const char* name, auto& function) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr && missing.empty()) missing = name;
  };
  take("ncclGetVersion", nccl.get_version);
  take("ncclGetErrorString", nccl.get_error_string);
  take("ncclGetLastError", nccl.get_last_error);
  take("ncclGetUniqueId", nccl.get_unique_id);
  take("ncclCommInitRankConfig", nccl.comm_init);
  take("ncclCommGetAsyncError", nccl.comm_get_async_error);
  take("ncclCommAbort", nccl.comm_abort);
  take("ncclCommFinalize", nccl.comm_finalize);
  take("ncclCommDestroy", nccl.comm_destroy);
  take("ncclGroupStart", nccl.group_start);
  take("ncclGroupEnd", nccl.group_end);
  take("ncclReduceScatter", nccl.reduce_scatter);
  take("ncclReduce", nccl.reduce);
  take("ncclAllGather", nccl.all_gather);
  take("ncclBroadcast", nccl.broadcast);
  int version = 0;
  if (missing.empty()) nccl.get_version(&version);
  if (!missing.empty()) return fail(refused("libnccl.so.2 has no " + missing));
  if (version < oldest_version)
    return fail(refused("libnccl.so.2 is version " + std::to_string(version) + ", before " +
                        std::to_string(oldest_version)));
  return nccl;
}

}  // namespace

const Result<NcclLibrary>& nccl_library() {
  static const Result<NcclLibrary> library = open_library();
  return library;
}

}  // namespace sovren::workers
