# SPDX-License-Identifier: Apache-2.0
"""Reads a set by the code that docs/formats.md gives to others, and compares it with what our reader gave.

read_set.py FORMATS.md SET RAW: RAW has the bytes of each array in a file of its number, and list.json."""
import json
import pathlib
import sys

import h5py
import numpy


def documented(formats):
    """The names that the example defines."""
    text = pathlib.Path(formats).read_text(encoding="utf-8")
    before, rest = text.split("Reading a set with Python:\n```python\n", 1)
    names = {}
    # Empty lines first, so that a traceback names the document's lines.
    lines = "\n" * (before.count("\n") + 2) + rest.split("```", 1)[0]
    exec(compile(lines, formats, "exec"), names)  # pylint: disable=exec-used
    return names


def check_datasets(folder):
    """Every shard opens, and its attributes and places are as the manifest says."""
    manifest = json.loads((folder / "MANIFEST.json").read_bytes())
    assert manifest["arrays"] and manifest["shards"]
    for number, shard in enumerate(manifest["shards"]):
        with h5py.File(folder / shard["file"], "r") as file:
            for name in ("job", "attempt", "step"):
                assert file.attrs[name] == manifest[name], (shard, name)
            slabs = [(a, s) for a in manifest["arrays"] for s in a["slabs"] if s["shard"] == number]
            assert slabs, shard
            for array, slab in slabs:
                dataset = file[slab["path"]]
                assert list(numpy.atleast_1d(dataset.attrs["global_shape"])) == array["shape"], slab
                assert dataset.attrs["first_row"] == slab["first"], slab
                assert dataset.shape == (slab["count"], *array["shape"][1:]), slab
                assert dataset.dtype.byteorder in "<=|" and sys.byteorder == "little", slab
                if slab["bytes"]:
                    assert dataset.id.get_offset() == slab["offset"], slab


def main():
    formats, folder, raw = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    arrays = documented(formats)["read_set"](folder)
    check_datasets(folder)
    wanted = json.loads((raw / "list.json").read_bytes())
    assert list(arrays) == [each["name"] for each in wanted], (list(arrays), wanted)
    for number, each in enumerate(wanted):
        array = arrays[each["name"]]
        assert array.dtype == numpy.dtype(each["dtype"]), (each, array.dtype)
        assert list(array.shape) == each["shape"], (each, array.shape)
        assert array.tobytes() == (raw / str(number)).read_bytes(), each
    print(f"{len(arrays)} arrays")


if __name__ == "__main__":
    main()
