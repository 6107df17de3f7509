"""Pictures. matplotlib is imported on use, without a display."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qeopt.escape import line
from qeopt.files import write_atomically
from qeopt.memory import StepUse
from qeopt.network import Tensor
from qeopt.report.counted import Counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROLES = {"input": "#0072B2", "output": "#E69F00", "waiting": "#56B4E9", "scratch": "#999999"}
"""Colours of what is resident, told apart by colour-blind readers too (Okabe and Ito)."""
KIB = 1024
DPI = 130
INCHES_PER_STEP = 0.25
LEAST_INCHES = 8.0
LEAST_SHARE_FOR_DIGITS = 0.025
"""Share of the height of the picture below which a segment is too flat for a number."""


class Box(NamedTuple):
    """A filled rectangle in the units of its axes, and what is written in its middle."""

    x: float
    y: float
    width: float
    height: float
    colour: str | tuple[float, float, float]
    text: str = ""
    ink: str = "black"


def draw_memory(counted: Counted, path: Path) -> None:
    """Draw what is resident in SRAM at each step against the budget, with the bits of every tensor.

    Below the bars, one strip gives the bits of the weights and one those of what each step writes.
    """
    uses = counted.resources.steps
    figure = new_figure(max(LEAST_INCHES, 2.2 + INCHES_PER_STEP * len(uses)), 6.6)
    bars, strips = figure.subplots(2, 1, height_ratios=(9, 1))
    limit = counted.study.limits.sram_bytes
    top = max(limit or 0, counted.resources.sram_bytes) / KIB * 1.08 or 1.0
    draw_boxes(bars, [box for index, use in enumerate(uses) for box in _stack(index, use, counted, top)], edge_width=0.4)
    _outline_peak(bars, counted)
    _decorate(bars, counted, limit, top)
    _strips(strips, uses, counted)
    for axes in (bars, strips):
        axes.set_xlim(-0.7, len(uses) - 0.3)
    save_figure(figure, path)


def _stack(index: int, use: StepUse, counted: Counted, top: float) -> Iterator[Box]:
    """One bar: a segment per tensor, its bits written in it."""
    bottom = 0.0
    for role, size_bytes, bits in _segments(use, counted):
        height = size_bytes / KIB
        said = str(bits) if bits is not None and height / top > LEAST_SHARE_FOR_DIGITS else ""
        yield Box(index - 0.43, bottom, 0.86, height, ROLES[role], said, "white" if role == "input" else "black")
        bottom += height


def _outline_peak(axes: Axes, counted: Counted) -> None:
    uses, peak = counted.resources.steps, counted.resources.peak
    index = next(index for index, use in enumerate(uses) if use is peak)
    axes.bar(index, sum(size for _, size, _ in _segments(peak, counted)) / KIB, 0.86, fill=False, edgecolor="black", linewidth=1.2)


def _segments(use: StepUse, counted: Counted) -> list[tuple[str, float, int | None]]:
    """Role, bytes and bits of everything resident, from the bottom up."""
    found: list[tuple[str, float, int | None]] = [
        (_role(use, tensor), size, counted.bits.activations[tensor.name]) for tensor, size in use.tensor_bytes
    ]
    found.sort(key=lambda segment: list(ROLES).index(segment[0]))
    return [*found, ("scratch", use.scratch_bytes, None)] if use.scratch_bytes else found


def _role(use: StepUse, tensor: Tensor) -> str:
    if tensor.name == use.step.op.output.name:
        return "output"
    return "input" if any(tensor.name == source.name for source in use.step.op.inputs) else "waiting"


def _decorate(axes: Axes, counted: Counted, limit: int | None, top: float) -> None:
    if limit is not None:
        axes.axhline(limit / KIB, color="#D55E00", linewidth=1.4, label=f"budget {limit / KIB:,.1f} KiB")
    for role, colour in ROLES.items():
        axes.bar(0, 0, color=colour, label=role)
    axes.set_ylim(0, top)
    axes.set_xticks([])
    axes.set_ylabel("SRAM, KiB")
    peak = counted.resources.peak
    held = f"peak {peak.total_bytes / KIB:,.1f} KiB at {line(peak.step.name)}"
    told = f"{line(counted.network.name)}: SRAM at each step, numbers are bits; {held}"
    axes.set_title(told, loc="left", fontsize=10, pad=22)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=5, fontsize=8, frameon=False, borderaxespad=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.3)
    axes.set_axisbelow(True)


def _strips(axes: Axes, uses: Sequence[StepUse], counted: Counted) -> None:
    """Two rows of coloured cells: weight bits, and bits written."""
    rows: list[list[int | None]] = [
        [counted.bits.activations[use.step.op.output.name] for use in uses],
        [counted.bits.weights.get(use.step.op.name) for use in uses],
    ]
    cells = [
        Box(index - 0.45, row - 0.45, 0.9, 0.9, _shade(bits), str(bits), "black" if bits < 6 else "white")
        for row, widths in enumerate(rows)
        for index, bits in enumerate(widths)
        if bits is not None
    ]
    draw_boxes(axes, cells)
    axes.set_ylim(-0.5, 1.5)
    axes.set_yticks([0, 1], ["bits written", "weight bits"], fontsize=7.5)
    axes.set_xticks(range(len(uses)), [line(use.step.name) for use in uses], rotation=90, fontsize=7)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _shade(bits: int) -> tuple[float, float, float]:
    """Darker for more bits, up to 8."""
    depth = min(bits, 8) / 8
    return 0.93 - 0.78 * depth, 0.95 - 0.62 * depth, 0.96 - 0.46 * depth


def draw_boxes(axes: Axes, boxes: Sequence[Box], *, edge_width: float = 0.0, font_size: float = 7) -> None:
    """Draw filled rectangles as one artist, which is far cheaper than one each, and what is written in them."""
    from matplotlib.collections import PolyCollection  # noqa: PLC0415  # as in `new_figure`

    corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h, *_ in boxes]
    colours = [box.colour for box in boxes]
    edges = "white" if edge_width else "none"
    axes.add_collection(PolyCollection(corners, facecolors=colours, edgecolors=edges, linewidths=edge_width), autolim=False)
    for box in boxes:
        if box.text:
            x, y = box.x + box.width / 2, box.y + box.height / 2
            axes.text(x, y, box.text, ha="center", va="center", fontsize=font_size, color=box.ink, in_layout=False)


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
