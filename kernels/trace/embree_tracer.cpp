// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kernels/trace/embree_library.h"
#include "kernels/trace/flush_denormals.h"
#include "kernels/trace/instancing.h"
#include "kernels/trace/tracer.h"

namespace sovren::trace {
namespace {

/// What a device tells by its callbacks, from any of its threads.
struct Told {
  std::atomic<std::int64_t> bytes{0};  ///< in use
  std::mutex lock;
  RTCError code = RTC_ERROR_NONE;  ///< the first error
  std::string text;
};

void hear_error(void* told_pointer, RTCError code, const char* text) {
  Told& told = *static_cast<Told*>(told_pointer);
  const std::lock_guard hold(told.lock);
  if (told.code != RTC_ERROR_NONE) return;
  told.code = code;
  told.text = text == nullptr ? "" : text;
}

bool hear_memory(void* told_pointer, ssize_t bytes, bool /*post*/) {
  static_cast<Told*>(told_pointer)->bytes += bytes;
  return true;
}

Error to_error(RTCError code, const std::string& text) {
  if (code == RTC_ERROR_OUT_OF_MEMORY)
    return {.code = Code::out_of_memory,
            .what = "no memory for Embree's tree of the scene",
            .hint = "ask for more memory a rank, or simplify the scene"};
  return {
      .code = Code::device,
      .what = "Embree failed with error " + std::to_string(static_cast<int>(code)) + ": " + text,
      .hint = "set tracer = \"bvh\" to do without it"};
}

bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

/// Instance i is geometry i of the world's scene: its triangles themselves, in world space, where
/// nothing else uses its mesh, else a reference to the mesh's own scene.
class EmbreeTracer final : public Tracer {
 public:
  EmbreeTracer(const EmbreeLibrary& embree, std::shared_ptr<const CompiledScene> scene)
      : embree_(embree), scene_(std::move(scene)) {}
  ~EmbreeTracer() override {
    if (world_ != nullptr) embree_.release_scene(world_);
    if (device_ != nullptr) embree_.release_device(device_);
  }
  EmbreeTracer(const EmbreeTracer&) = delete;
  EmbreeTracer& operator=(const EmbreeTracer&) = delete;

  Result<void> build(int threads);
  void closest(std::span<const Ray> rays, std::span<Hit> hits) const override;
  void occluded(std::span<const Ray> rays, std::span<std::uint8_t> is_occluded) const override;
  std::string name() const override { return name_; }
  std::int64_t size_bytes() const override { return told_.bytes; }

 private:
  Result<void> open_device(int threads);
  RTCScene new_scene();
  void add_instance(std::uint32_t index, std::uint32_t uses, RTCScene& shared);
  RTCGeometry new_triangles(const MeshView& mesh, const Affine& begin, const Affine& end);
  void set_vertices(RTCGeometry geometry, unsigned step, const std::vector<Vec3>& positions,
                    std::int64_t first, std::uint32_t count, const Affine& transform);
  void attach(RTCScene scene, RTCGeometry geometry, std::uint32_t id);
  Result<void> check();

  const EmbreeLibrary& embree_;
  std::shared_ptr<const CompiledScene> scene_;  // whose vertices Embree may read
  Told told_;
  RTCDevice device_ = nullptr;
  RTCScene world_ = nullptr;
  std::string name_;
};

Result<void> EmbreeTracer::open_device(int threads) {
  // One kind of instructions wherever there is AVX2: Embree's kernels for AVX-512 round otherwise,
  // and ranks on two kinds of machines must find the same bits. They would be 5 % faster
  // (trace_bench, Sapphire Rapids).
  std::string config = "threads=" + std::to_string(std::max(1, threads));
  if (has_avx2()) config += ",isa=avx2";
  device_ = embree_.new_device(config.c_str());
  if (device_ == nullptr)
    return fail(to_error(embree_.get_device_error(nullptr), "it opens no device"));
  embree_.set_device_error_function(device_, hear_error, &told_);
  embree_.set_device_memory_monitor_function(device_, hear_memory, &told_);
  const auto property = [&](RTCDeviceProperty which) {
    return std::to_string(embree_.get_device_property(device_, which));
  };
  name_ = "embree " + property(RTC_DEVICE_PROPERTY_VERSION_MAJOR) + "." +
          property(RTC_DEVICE_PROPERTY_VERSION_MINOR) + "." +
          property(RTC_DEVICE_PROPERTY_VERSION_PATCH) + (has_avx2() ? " (avx2)" : "");
  return {};
}

Result<void> EmbreeTracer::check() {
  const std::lock_guard hold(told_.lock);
  if (told_.code != RTC_ERROR_NONE) return fail(to_error(told_.code, told_.text));
  return {};
}

RTCScene EmbreeTracer::new_scene() {
  RTCScene scene = embree_.new_scene(device_);
  embree_.set_scene_flags(scene, RTC_SCENE_FLAG_ROBUST);
  embree_.set_scene_build_quality(scene, RTC_BUILD_QUALITY_HIGH);
  return scene;
}

void EmbreeTracer::set_vertices(RTCGeometry geometry, unsigned step,
                                const std::vector<Vec3>& positions, std::int64_t first,
                                std::uint32_t count, const Affine& transform) {
  const Vec3* from = positions.data() + first;
  // Embree reads 16 bytes of a vertex: the very last one cannot be read where it lies.
  const bool is_last = static_cast<std::size_t>(first) + count == positions.size();
  if (transform == Affine{} && !is_last) {
    embree_.set_shared_geometry_buffer(geometry, RTC_BUFFER_TYPE_VERTEX, step, RTC_FORMAT_FLOAT3,
                                       from, 0, sizeof(Vec3), count);
    return;
  }
  auto* to = static_cast<Vec3*>(embree_.set_new_geometry_buffer(
      geometry, RTC_BUFFER_TYPE_VERTEX, step, RTC_FORMAT_FLOAT3, sizeof(Vec3), count));
  if (to == nullptr) return;  // told to hear_error
  for (std::uint32_t i = 0; i < count; ++i) to[i] = transform_point(transform, from[i]);
}

/// The mesh, moved by `begin` when the shutter opens and by `end` when it closes.
RTCGeometry EmbreeTracer::new_triangles(const MeshView& mesh, const Affine& begin,
                                        const Affine& end) {
  RTCGeometry geometry = embree_.new_geometry(device_, RTC_GEOMETRY_TYPE_TRIANGLE);
  const bool changes = mesh.first_position_end >= 0;
  const bool is_moving = changes || !(begin == end);
  embree_.set_geometry_time_step_count(geometry, is_moving ? 2 : 1);
  embree_.set_shared_geometry_buffer(geometry, RTC_BUFFER_TYPE_INDEX, 0, RTC_FORMAT_UINT3,
                                     scene_->triangles.data() + mesh.first_triangle, 0,
                                     sizeof(Triangle), mesh.triangle_count);
  set_vertices(geometry, 0, scene_->positions, mesh.first_vertex, mesh.vertex_count, begin);
  if (is_moving)
    set_vertices(geometry, 1, changes ? scene_->positions_end : scene_->positions,
                 changes ? mesh.first_position_end : mesh.first_vertex, mesh.vertex_count, end);
  return geometry;
}

void EmbreeTracer::attach(RTCScene scene, RTCGeometry geometry, std::uint32_t id) {
  embree_.commit_geometry(geometry);
  embree_.attach_geometry_by_id(scene, geometry, id);
  embree_.release_geometry(geometry);
}

/// shared: the scene of the instance's mesh, made when an instance first needs it.
void EmbreeTracer::add_instance(std::uint32_t index, std::uint32_t uses, RTCScene& shared) {
  const InstanceView& instance = scene_->instances[index];
  const MeshView& mesh = scene_->meshes[static_cast<std::size_t>(instance.mesh)];
  if (mesh.triangle_count == 0) return;
  if (is_in_world(mesh, instance, uses)) {
    attach(world_, new_triangles(mesh, instance.world_from_object, instance.world_from_object_end),
           index);
    return;
  }
  if (shared == nullptr) {
    shared = new_scene();
    attach(shared, new_triangles(mesh, Affine{}, Affine{}), 0);
    embree_.commit_scene(shared);
  }
  RTCGeometry geometry = embree_.new_geometry(device_, RTC_GEOMETRY_TYPE_INSTANCE);
  embree_.set_geometry_instanced_scene(geometry, shared);
  embree_.set_geometry_time_step_count(geometry, instance.is_moving ? 2 : 1);
  static_assert(sizeof(Affine) == 12 * sizeof(float));
  embree_.set_geometry_transform(geometry, 0, RTC_FORMAT_FLOAT3X4_COLUMN_MAJOR,
                                 &instance.world_from_object);
  if (instance.is_moving)
    embree_.set_geometry_transform(geometry, 1, RTC_FORMAT_FLOAT3X4_COLUMN_MAJOR,
                                   &instance.world_from_object_end);
  attach(world_, geometry, index);
}

Result<void> EmbreeTracer::build(int threads) {
  SOVREN_DO(open_device(threads));
  const FlushDenormals flush;
  const std::vector<std::uint32_t> uses = mesh_uses(*scene_);
  std::vector<RTCScene> shared(uses.size(), nullptr);
  world_ = new_scene();
  for (std::uint32_t i = 0; i < scene_->instances.size(); ++i) {
    const auto mesh = static_cast<std::size_t>(scene_->instances[i].mesh);
    add_instance(i, uses[mesh], shared[mesh]);
  }
  for (const RTCScene scene : shared)
    if (scene != nullptr) embree_.release_scene(scene);  // its instances hold it
  embree_.commit_scene(world_);
  return check();
}

// Embree takes its near end as a part of the ray. From a point that lies in another triangle's
// plane on, that would be hit at 0; this is far below any length, and above 0 times a small
// triangle.
constexpr float least_near = 1e-18F;

RTCRay to_embree(const Ray& ray) {
  return {.org_x = ray.origin.x,
          .org_y = ray.origin.y,
          .org_z = ray.origin.z,
          .tnear = maximum(ray.t_min, least_near),
          .dir_x = ray.direction.x,
          .dir_y = ray.direction.y,
          .dir_z = ray.direction.z,
          .time = ray.time,
          .tfar = ray.t_max,
          .mask = 0xFFFFFFFF,
          .id = 0,
          .flags = 0};
}

/// Is there a number in each that Embree can take? (Of others it dies: Debian's has its checks on.)
bool is_in_range(Vec3 v) {
  constexpr float largest_of_embree = 1.8e18F;
  return magnitude(v.x) < largest_of_embree && magnitude(v.y) < largest_of_embree &&
         magnitude(v.z) < largest_of_embree;
}

bool can_meet(const Ray& ray) {
  return ray.t_min >= 0 && ray.t_max > ray.t_min && is_in_range(ray.origin) &&
         is_in_range(ray.direction);
}

void EmbreeTracer::closest(std::span<const Ray> rays, std::span<Hit> hits) const {
  const FlushDenormals flush;
  RTCIntersectContext context;
  for (std::size_t i = 0; i < rays.size(); ++i) {
    hits[i] = {};
    if (!can_meet(rays[i])) continue;
    RTCRayHit found;
    found.ray = to_embree(rays[i]);
    found.hit.geomID = RTC_INVALID_GEOMETRY_ID;
    found.hit.instID[0] = RTC_INVALID_GEOMETRY_ID;
    rtcInitIntersectContext(&context);
    embree_.intersect1(world_, &context, &found);
    if (found.hit.geomID == RTC_INVALID_GEOMETRY_ID) continue;
    const bool is_shared = found.hit.instID[0] != RTC_INVALID_GEOMETRY_ID;
    hits[i] = {.instance = is_shared ? found.hit.instID[0] : found.hit.geomID,
               .primitive = found.hit.primID,
               .t = found.ray.tfar,
               // Beside an edge its weights may be a little below 0.
               .u = maximum(found.hit.u, 0),
               .v = maximum(found.hit.v, 0)};
  }
}

void EmbreeTracer::occluded(std::span<const Ray> rays, std::span<std::uint8_t> is_occluded) const {
  const FlushDenormals flush;
  RTCIntersectContext context;
  for (std::size_t i = 0; i < rays.size(); ++i) {
    is_occluded[i] = 0;
    if (!can_meet(rays[i])) continue;
    RTCRay ray = to_embree(rays[i]);
    rtcInitIntersectContext(&context);
    embree_.occluded1(world_, &context, &ray);
    is_occluded[i] = ray.tfar == -std::numeric_limits<float>::infinity() ? 1 : 0;
  }
}

}  // namespace

Result<std::unique_ptr<Tracer>> make_embree_tracer(std::shared_ptr<const CompiledScene> scene,
                                                   int threads) {
  const Result<EmbreeLibrary>& embree = embree_library();
  if (!embree) return fail(embree.error());
  auto tracer = std::make_unique<EmbreeTracer>(*embree, std::move(scene));
  SOVREN_DO(tracer->build(threads));
  return tracer;
}

}  // namespace sovren::trace
