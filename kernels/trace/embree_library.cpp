// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/embree_library.h"

#include <dlfcn.h>

#include <string>
#include <type_traits>
#include <utility>

namespace sovren::trace {
namespace {

Error not_here(std::string what) {
  return {.code = Code::device,
          .what = std::move(what),
          .hint =
              "install Embree 3 (Debian: libembree3-3), name its folder in LD_LIBRARY_PATH, or "
              "set tracer = \"bvh\""};
}

Result<EmbreeLibrary> open_library() {
  void* library = ::dlopen("libembree3.so.3", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fail(not_here(std::string("Embree is not here: ") + ::dlerror()));

  EmbreeLibrary embree;
  std::string missing;
  const auto take = [&](const char* name, auto& function) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr && missing.empty()) missing = name;
  };
  take("rtcNewDevice", embree.new_device);
  take("rtcReleaseDevice", embree.release_device);
  take("rtcGetDeviceProperty", embree.get_device_property);
  take("rtcGetDeviceError", embree.get_device_error);
  take("rtcSetDeviceErrorFunction", embree.set_device_error_function);
  take("rtcSetDeviceMemoryMonitorFunction", embree.set_device_memory_monitor_function);
  take("rtcNewScene", embree.new_scene);
  take("rtcReleaseScene", embree.release_scene);
  take("rtcSetSceneFlags", embree.set_scene_flags);
  take("rtcSetSceneBuildQuality", embree.set_scene_build_quality);
  take("rtcCommitScene", embree.commit_scene);
  take("rtcAttachGeometryByID", embree.attach_geometry_by_id);
  take("rtcNewGeometry", embree.new_geometry);
  take("rtcReleaseGeometry", embree.release_geometry);
  take("rtcCommitGeometry", embree.commit_geometry);
  take("rtcSetGeometryTimeStepCount", embree.set_geometry_time_step_count);
  take("rtcSetSharedGeometryBuffer", embree.set_shared_geometry_buffer);
  take("rtcSetNewGeometryBuffer", embree.set_new_geometry_buffer);
  take("rtcSetGeometryInstancedScene", embree.set_geometry_instanced_scene);
  take("rtcSetGeometryTransform", embree.set_geometry_transform);
  take("rtcIntersect1", embree.intersect1);
  take("rtcOccluded1", embree.occluded1);
  if (!missing.empty()) return fail(not_here("libembree3.so.3 has no " + missing));
  return embree;
}

}  // namespace

const Result<EmbreeLibrary>& embree_library() {
  static const Result<EmbreeLibrary> library = open_library();
  return library;
}

}  // namespace sovren::trace
