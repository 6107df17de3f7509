"""Pictures. matplotlib is imported on use, without a display."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from qeopt.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROLES = {"input": "#0072B2", "output": "#E69F00", "waiting": "#56B4E9", "scratch": "#999999"}
"""Colours of what is resident, told apart by colour-blind readers too (Okabe and Ito)."""
KIB = 1024
DPI = 130
INCHES_PER_STEP = 0.25
LEAST_INCHES = 8.0
LEAST_SHARE_FOR_DIGITS = 0.025
"""Share of the height of the picture below which a segment is too flat for a number."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # half a second that most verbs need not spend
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Make room for all labels, and write the picture whole or not at all, without a date in it."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415  # as in `new_figure`
    from matplotlib.text import Text  # noqa: PLC0415

    for text in figure.findobj(Text):
        text.set_parse_math(False)  # names are data: a dollar sign is one
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # drawn as a box, and in full in the report
        ConstrainedLayoutEngine().execute(figure)  # a figure that has such an engine for itself is drawn twice
        picture = io.BytesIO()
        figure.savefig(picture, format="png", metadata={"Software": None})
    write_atomically(path, picture.getvalue())
