"""A picture from a file as the input of a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from qeopt.export.arithmetic.geometry import shape_of
from qeopt.export.arithmetic.quantised import Reals
from qeopt.export.errors import ExportError
from qeopt.export.images import from_pixels
from qeopt.network import Tensor

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Colours of a picture by number of channels."""


def picture_of(path: Path, image: Tensor) -> Reals:
    """Read a picture, fit it to what a network reads, and return what its pixels stand for there.

    Args:
        path: Any file that Pillow reads.
        image: What the network reads.

    Returns:
        Shape (1, channels, height, width).

    Raises:
        ExportError: when it cannot be read, or the input is no picture.
    """
    channels, height, width = shape_of(image)
    if channels not in MODES:
        raise ExportError(
            f"the input has {channels} channels, and pictures have {', '.join(map(str, MODES))}; use an .npz of images"
        )
    try:
        with Image.open(path) as opened:
            fitted = opened.convert(MODES[channels]).resize((width, height))
    except (OSError, UnidentifiedImageError) as error:
        raise ExportError(f"{path}: cannot be read as a picture: {error}") from None
    values = from_pixels(np.asarray(fitted).reshape(height, width, channels), image.pixel_range)
    return values.transpose(2, 0, 1)[None]
