// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <embree3/rtcore.h>

#include "core/base/result.h"

namespace sovren::trace {

/// The functions of libembree3.so.3 that are used.
struct EmbreeLibrary {
  decltype(&::rtcNewDevice) new_device = nullptr;
  decltype(&::rtcReleaseDevice) release_device = nullptr;
  decltype(&::rtcGetDeviceProperty) get_device_property = nullptr;
  decltype(&::rtcGetDeviceError) get_device_error = nullptr;
  decltype(&::rtcSetDeviceErrorFunction) set_device_error_function = nullptr;
  decltype(&::rtcSetDeviceMemoryMonitorFunction) set_device_memory_monitor_function = nullptr;
  decltype(&::rtcNewScene) new_scene = nullptr;
  decltype(&::rtcReleaseScene) release_scene = nullptr;
  decltype(&::rtcSetSceneFlags) set_scene_flags = nullptr;
  decltype(&::rtcSetSceneBuildQuality) set_scene_build_quality = nullptr;
  decltype(&::rtcCommitScene) commit_scene = nullptr;
  decltype(&::rtcAttachGeometryByID) attach_geometry_by_id = nullptr;
  decltype(&::rtcNewGeometry) new_geometry = nullptr;
  decltype(&::rtcReleaseGeometry) release_geometry = nullptr;
  decltype(&::rtcCommitGeometry) commit_geometry = nullptr;
  decltype(&::rtcSetGeometryTimeStepCount) set_geometry_time_step_count = nullptr;
  decltype(&::rtcSetSharedGeometryBuffer) set_shared_geometry_buffer = nullptr;
  decltype(&::rtcSetNewGeometryBuffer) set_new_geometry_buffer = nullptr;
  decltype(&::rtcSetGeometryInstancedScene) set_geometry_instanced_scene = nullptr;
  decltype(&::rtcSetGeometryTransform) set_geometry_transform = nullptr;
  decltype(&::rtcIntersect1) intersect1 = nullptr;
  decltype(&::rtcOccluded1) occluded1 = nullptr;
};

/// Opened at the first call, and kept. Errors: device, the same at each call.
const Result<EmbreeLibrary>& embree_library();

}  // namespace sovren::trace
