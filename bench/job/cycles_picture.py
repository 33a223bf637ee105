# SPDX-License-Identifier: Apache-2.0
"""A picture of a glTF scene by Blender's Cycles, one thread, settings as ours: for rendering_bench.py.

    blender -b --python cycles_picture.py -- SCENE.glb OUT.exr SIZE SAMPLES DEPTH
"""
import sys

import numpy

numpy.bool = bool  # Blender 3.4's importer of glTF wants the old name
import bpy  # noqa: E402  pylint: disable=wrong-import-position


def make_plain(material):
    """Lambert where the file says so: the importer of Blender 3.4 does not know KHR_materials_specular."""
    tree = material.node_tree
    principled = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    group = next((node for node in tree.nodes if node.type == "GROUP" and "Specular" in node.inputs), None)
    if principled is None or group is None or group.inputs["Specular"].default_value > 0:
        return
    diffuse, light, both = (tree.nodes.new(f"Shader{kind}") for kind in ("NodeBsdfDiffuse", "NodeEmission", "NodeAddShader"))
    diffuse.inputs["Color"].default_value = principled.inputs["Base Color"].default_value
    light.inputs["Color"].default_value = principled.inputs["Emission"].default_value
    light.inputs["Strength"].default_value = principled.inputs["Emission Strength"].default_value
    tree.links.new(diffuse.outputs[0], both.inputs[0])
    tree.links.new(light.outputs[0], both.inputs[1])
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    tree.links.new(both.outputs[0], output.inputs["Surface"])


def main():
    source, target, size, samples, depth = sys.argv[sys.argv.index("--") + 1:]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=source)
    for material in bpy.data.materials:
        if material.node_tree:
            make_plain(material)
    scene = bpy.context.scene
    scene.camera = next(item for item in bpy.data.objects if item.type == "CAMERA")
    scene.render.engine = "CYCLES"
    settings = scene.cycles
    settings.samples = int(samples)
    settings.use_adaptive_sampling = settings.use_denoising = False
    for name in ("max_bounces", "diffuse_bounces", "glossy_bounces", "transmission_bounces"):
        setattr(settings, name, int(depth))
    settings.pixel_filter_type, settings.filter_width, settings.light_sampling_threshold = "BOX", 1.0, 0.0
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.resolution_x = scene.render.resolution_y = int(size)
    scene.render.image_settings.file_format, scene.render.image_settings.color_depth = "OPEN_EXR", "32"
    scene.render.filepath = target
    bpy.ops.render.render(write_still=True)


main()
