"""Images to choose scales by, from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.export.arithmetic.geometry import shape_of
from qeopt.export.arrays import ArraysError, read_arrays
from qeopt.export.errors import ExportError
from qeopt.network import Tensor

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".webp")
MOST_IMAGES = 1024
"""Images that are looked at, the first ones by name."""

Reals = NDArray[np.float64]


def from_pixels(pixels: NDArray[Any], pixel_range: tuple[float, float]) -> Reals:
    """What a network reads for pixels.

    Args:
        pixels: From 0 to 255, of any shape.
        pixel_range: What pixels of 0 and of 255 stand for; see `Tensor`.

    Returns:
        Real values, of the same shape.
    """
    low, high = pixel_range
    shares = pixels / 255.0
    return shares if (low, high) == (0.0, 1.0) else low + (high - low) * shares


def read_images(path: Path, image: Tensor) -> Reals:
    """Read images.

    Args:
        path: A folder of pictures or .npy files, an .npy file, or an .npz file with one array, or one of the image's name.
        image: What the network reads.

    Returns:
        Real values, shape (images, channels, height, width): integers of 8 bits are pixels and become what the image says of
        these, from 0 to 1 unless the network was imported from a file that reads integers; other numbers stay as they are.

    Raises:
        ExportError: nothing can be read there, or images have another shape.
    """
    shape = shape_of(image)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in {*PICTURES, ".npy"})[:MOST_IMAGES]
        if not files:
            raise ExportError(f"--data {path}: no picture and no .npy file is in this folder")
        return np.concatenate([_shaped(file, _one(file, shape), image) for file in files])[:MOST_IMAGES]
    if not path.is_file():
        raise ExportError(f"--data {path}: there is no such file or folder")
    return np.concatenate([_shaped(path, array, image) for array in _arrays(path, image.name)])[:MOST_IMAGES]


def _one(file: Path, shape: tuple[int, int, int]) -> NDArray[Any]:
    if file.suffix.lower() == ".npy":
        return next(_arrays(file, ""))
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - slow to load

    channels, height, width = shape
    try:
        with Image.open(file) as picture:
            mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(channels)
            if mode is None:
                raise ExportError(f"--data {file}: pictures have 1, 3 or 4 channels, the network reads {channels}")
            array = np.asarray(picture.convert(mode).resize((width, height), Image.Resampling.BILINEAR))
    except (OSError, UnidentifiedImageError) as error:
        raise ExportError(f"--data {file}: cannot be read as a picture: {error}") from None
    return array.reshape(1, height, width, channels)


def _arrays(path: Path, name: str) -> Iterator[NDArray[Any]]:
    try:
        found = read_arrays(path)
    except ArraysError as error:
        raise ExportError(f"--data {path}: {error}") from None
    if not isinstance(found, Mapping):
        yield found
        return
    wanted = [key for key in (name, "images", "image", "x", "data") if key in found]
    if not wanted and len(found) != 1:
        raise ExportError(f"--data {path}: holds {', '.join([*found][:8])}; one array, or one called {name!r}, was expected")
    yield found[wanted[0] if wanted else next(iter(found))]


def _shaped(path: Path, array: NDArray[Any], image: Tensor) -> Reals:
    """Images with their channels first."""
    shape = channels, height, width = shape_of(image)
    real = from_pixels(array, image.pixel_range) if array.dtype == np.uint8 else array.astype(np.float64)
    for order, axes in (((channels, height, width), (0, 1, 2, 3)), ((height, width, channels), (0, 3, 1, 2))):
        if real.shape[1:] == order:
            return _finite(path, real.transpose(axes))
        if real.shape == order:
            return _finite(path, real[None].transpose(axes))
    if real.ndim >= 2 and real[0].size == channels * height * width and 1 in shape:
        return _finite(path, real.reshape(len(real), *shape))
    said = f"{channels} channels of {height} x {width}, or the same with channels last, were expected"
    raise ExportError(f"--data {path}: images of the shape {array.shape}; {said}")


def _finite(path: Path, real: Reals) -> Reals:
    if not np.isfinite(real).all():
        raise ExportError(f"--data {path}: holds something that is no finite number")
    return np.asarray(real)
