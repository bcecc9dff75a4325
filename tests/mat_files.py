"""Benchmarks without public truth, small, in files as MATLAB writes them."""

import h5py
import numpy as np
from scipy.io import savemat

VARIABLE = "BenchmarkNoisyBlocksSrgb"
BOXES = [
    [[1, 1, 32, 32], [9, 3, 40, 34], [17, 25, 48, 56]],
    [[2, 1, 33, 40], [1, 7, 32, 46], [5, 5, 36, 44]],
]
"""Top, left, bottom, right of three boxes in each of two pictures, as MATLAB counts: from 1."""
SIZES = [(48, 56), (40, 47)]


def write_hdf5(path, fill):
    """A file of version 7.3: HDF5 after 512 bytes that say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        fill(file)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path


def write_sidd(folder, blocks, *, version=5):
    """The file of the benchmark, of version 5 or 7.3."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{VARIABLE}.mat"
    if version == 5:
        savemat(path, {VARIABLE: blocks})
    else:
        write_hdf5(path, lambda file: file.create_dataset(VARIABLE, data=blocks.T))
    return path


def write_info(folder, boxes=BOXES):
    """`info`, an array of structs with one field."""

    def fill(file):
        kept = file.create_group("#refs#")
        references = [
            kept.create_dataset(f"b{index}", data=np.array(each, np.float64).T).ref
            for index, each in enumerate(boxes)
        ]
        info = file.create_group("info")
        table = info.create_dataset("boundingboxes", (1, len(boxes)), h5py.ref_dtype)
        table[0, :] = references

    return write_hdf5(folder / "info.mat", fill)


def write_picture(folder, number, picture, name="InoisySRGB"):
    """One noisy picture."""

    def fill(file):
        # chunks of pixels, as MATLAB has them, so that a box is no whole file
        chunks = tuple(min(side, 16) for side in picture.T.shape)
        file.create_dataset(name, data=picture.T, chunks=chunks, compression="gzip")

    return write_hdf5(folder / "images_srgb" / f"{number:04d}.mat", fill)


def write_dnd(folder, dtype=np.float32, copies=1):
    """The whole of it, each picture as often as is asked for; gives the pictures."""
    rng = np.random.default_rng(1)
    pictures = [rng.random((*size, 3)).astype(dtype) for size in SIZES] * copies
    write_info(folder, BOXES * copies)
    for number, picture in enumerate(pictures, 1):
        write_picture(folder, number, picture)
    return pictures
