# SPDX-License-Identifier: Apache-2.0
"""Safetensors files from and to NumPy arrays, by the format's description alone."""
import json
import struct

import numpy as np

DTYPES = {"F32": "<f4", "F16": "<f2"}


def write(path, arrays, metadata):
    """arrays: name -> float32 or float16."""
    header, data = {"__metadata__": metadata}, b""
    for name, array in arrays.items():
        dtype = next(key for key, value in DTYPES.items() if np.dtype(value) == array.dtype)
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    """(name -> array, metadata)."""
    with open(path, "rb") as file:
        content = file.read()
    begin = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:begin])
    metadata = header.pop("__metadata__", {})
    arrays = {}
    for name, entry in header.items():
        first, end = entry["data_offsets"]
        flat = np.frombuffer(content[begin + first:begin + end], DTYPES[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"])
    return arrays, metadata
