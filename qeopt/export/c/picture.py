"""A picture from a file as the input of a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from qeopt.export.arithmetic.quantised import Reals
from qeopt.export.errors import ExportError

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Colours of a picture by number of channels."""


def picture_of(path: Path, shape: tuple[int, int, int]) -> Reals:
    """Read a picture, fit it to a size, and return values between 0 and 1.

    Args:
        path: Any file that Pillow reads.
        shape: Channels, height and width.

    Returns:
        Shape (1, channels, height, width).

    Raises:
        ExportError: when it cannot be read, or the input is no picture.
    """
    channels, height, width = shape
    if channels not in MODES:
        raise ExportError(
            f"the input has {channels} channels, and pictures have {', '.join(map(str, MODES))}; use an .npz of images"
        )
    try:
        with Image.open(path) as opened:
            fitted = opened.convert(MODES[channels]).resize((width, height))
    except (OSError, UnidentifiedImageError) as error:
        raise ExportError(f"{path}: cannot be read as a picture: {error}") from None
    values = np.asarray(fitted, np.float64).reshape(height, width, channels) / 255
    return values.transpose(2, 0, 1)[None]
