// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/trace_device.h"
#include "kernels/trace/wide_bvh.h"

namespace sovren::trace {

/// A scene and its tree in the memory of a device, as its kernels read them.
struct DeviceScene {
  SceneView scene;
  WideView bvh;
};

/// Bytes that copy_scene() takes there.
std::int64_t device_bytes(const CompiledScene& scene, const WideBvh& bvh);

/// Copies all that scene.view() and bvh.view() point at; the memory is the device's own.
/// Errors: refused: the device has not so much memory left.
Result<DeviceScene> copy_scene(TraceDevice& device, const CompiledScene& scene, const WideBvh& bvh);

}  // namespace sovren::trace
