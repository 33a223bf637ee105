// SPDX-License-Identifier: Apache-2.0
#include <span>
#include <vector>

#include "core/text/digest.h"
#include "jobs/rendering/rendering_inputs.h"

namespace sovren::jobs {

namespace {

/// All that a material is, without the gaps between its members.
std::vector<float> numbers_of(const trace::Material& m) {
  std::vector<float> numbers{m.alpha,
                             static_cast<float>(m.alpha_mode),
                             m.alpha_cutoff,
                             m.metallic,
                             m.roughness,
                             m.normal_scale,
                             m.ior,
                             m.specular,
                             m.emits_backwards ? 1.0F : 0.0F,
                             m.transmission,
                             m.is_solid ? 1.0F : 0.0F,
                             m.attenuation_distance,
                             m.clearcoat,
                             m.clearcoat_roughness,
                             m.clearcoat_normal_scale,
                             m.sheen_roughness,
                             m.subsurface,
                             m.subsurface_anisotropy,
                             m.is_unlit ? 1.0F : 0.0F};
  for (const trace::Vec3& color : {m.base_color, m.specular_color, m.emission, m.attenuation_color,
                                   m.sheen_color, m.subsurface_radius})
    numbers.insert(numbers.end(), {color.x, color.y, color.z});
  for (const trace::TextureRef& ref :
       {m.base_color_texture, m.metallic_roughness_texture, m.normal_texture, m.specular_texture,
        m.specular_color_texture, m.emission_texture, m.transmission_texture, m.clearcoat_texture,
        m.clearcoat_roughness_texture, m.clearcoat_normal_texture, m.sheen_color_texture,
        m.sheen_roughness_texture}) {
    numbers.push_back(static_cast<float>(ref.texture));
    numbers.push_back(static_cast<float>(ref.uv_set));
    numbers.insert(numbers.end(), std::begin(ref.m), std::end(ref.m));
  }
  return numbers;
}

}  // namespace

std::string digest_of(const RenderingInputs& inputs) {
  const trace::CompiledScene& scene = *inputs.scene;
  text::Sha256 hash;
  const auto add = [&hash](const auto& values) { hash.update(std::as_bytes(std::span(values))); };
  add(scene.positions);
  add(scene.positions_end);
  add(scene.normals);
  add(scene.tangents);
  add(scene.uv);
  add(scene.colors);
  add(scene.triangles);
  for (const trace::MeshView& mesh : scene.meshes)
    add(std::vector<std::int64_t>{mesh.first_vertex, mesh.first_position_end, mesh.first_normal,
                                  mesh.first_tangent, mesh.first_uv[0], mesh.first_uv[1],
                                  mesh.first_color, mesh.first_triangle, mesh.triangle_count,
                                  mesh.material});
  for (const trace::InstanceView& instance : scene.instances) {
    add(std::vector<trace::Affine>{instance.world_from_object, instance.world_from_object_end});
    add(std::vector<std::int32_t>{instance.mesh, instance.object_id});
  }
  for (const trace::Texture& texture : scene.textures) {
    add(std::vector<std::int32_t>{texture.width, texture.height, static_cast<int>(texture.format),
                                  static_cast<int>(texture.wrap_u),
                                  static_cast<int>(texture.wrap_v),
                                  static_cast<int>(texture.filter)});
    add(texture.texels);
  }
  for (const trace::Material& material : scene.materials) add(numbers_of(material));
  for (const trace::LightView& light : scene.lights) {
    add(std::vector<trace::Vec3>{light.position, light.direction, light.radiance});
    add(std::vector<float>{light.power, light.cos_inner, light.cos_outer});
  }
  const trace::EnvironmentView& environment = scene.environment;
  add(std::vector<float>{environment.tint.x, environment.tint.y, environment.tint.z,
                         environment.rotation});
  const trace::CameraView& camera = inputs.settings.camera;
  add(std::vector<trace::Affine>{camera.world_from_camera, camera.world_from_camera_end});
  add(std::vector<float>{camera.y_fov, camera.y_extent, camera.lens_radius, camera.focus_distance});
  if (inputs.reference) add(inputs.reference->values);
  if (inputs.denoiser)
    for (const denoise::Convolution& layer : inputs.denoiser->layers()) {
      add(layer.weights);
      add(layer.bias);
    }
  return hash.hex();
}

}  // namespace sovren::jobs
