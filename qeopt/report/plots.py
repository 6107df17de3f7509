"""Pictures. matplotlib is imported on use, without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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


def draw_memory(counted: Counted, path: Path) -> None:
    """Draw what is resident in SRAM at each step against the budget, with the bits of every tensor.

    Below the bars, one strip gives the bits of the weights and one those of what each step writes.
    """
    uses = counted.resources.steps
    figure = new_figure(max(LEAST_INCHES, 2.2 + INCHES_PER_STEP * len(uses)), 6.6)
    bars, strips = figure.subplots(2, 1, sharex=True, height_ratios=(9, 1))
    limit = counted.study.limits.sram_bytes
    top = max(limit or 0, counted.resources.sram_bytes) / KIB * 1.08 or 1.0
    for index, use in enumerate(uses):
        _stack(bars, index, use, counted, top)
    _decorate(bars, counted, limit, top, len(uses))
    _strips(strips, uses, counted)
    save_figure(figure, path)


def _stack(axes: Axes, index: int, use: StepUse, counted: Counted, top: float) -> None:
    """One bar: a segment per tensor, its bits written in it."""
    bottom = 0.0
    for role, size_bytes, bits in _segments(use, counted):
        height = size_bytes / KIB
        axes.bar(index, height, 0.86, bottom, color=ROLES[role], edgecolor="white", linewidth=0.4)
        if bits is not None and height / top > LEAST_SHARE_FOR_DIGITS:
            axes.text(index, bottom + height / 2, str(bits), ha="center", va="center", fontsize=7, color=_ink(role))
        bottom += height
    if use is counted.resources.peak:
        axes.bar(index, bottom, 0.86, fill=False, edgecolor="black", linewidth=1.2)


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


def _ink(role: str) -> str:
    return "white" if role == "input" else "black"


def _decorate(axes: Axes, counted: Counted, limit: int | None, top: float, steps: int) -> None:
    if limit is not None:
        axes.axhline(limit / KIB, color="#D55E00", linewidth=1.4, label=f"budget {limit / KIB:,.1f} KiB")
    for role, colour in ROLES.items():
        axes.bar(0, 0, color=colour, label=role)
    axes.set_ylim(0, top)
    axes.set_xlim(-0.7, steps - 0.3)
    axes.set_ylabel("SRAM, KiB")
    peak = counted.resources.peak
    axes.set_title(
        f"{counted.network.name}: SRAM at each step, numbers are bits; peak {peak.total_bytes / KIB:,.1f} KiB at {peak.step.name}",
        loc="left",
        fontsize=10,
        pad=22,
    )
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=5, fontsize=8, frameon=False, borderaxespad=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.3)
    axes.set_axisbelow(True)


def _strips(axes: Axes, uses: Sequence[StepUse], counted: Counted) -> None:
    """Two rows of coloured cells: weight bits, and bits written."""
    rows: list[list[int | None]] = [
        [counted.bits.weights.get(use.step.op.name) for use in uses],
        [counted.bits.activations[use.step.op.output.name] for use in uses],
    ]
    for row, widths in enumerate(rows):
        for index, bits in enumerate(widths):
            if bits is not None:
                axes.bar(index, 0.9, 0.9, 1 - row - 0.45, color=_shade(bits))
                axes.text(index, 1 - row, str(bits), ha="center", va="center", fontsize=7, color="black" if bits < 6 else "white")
    axes.set_ylim(-0.5, 1.5)
    axes.set_yticks([1, 0], ["weight bits", "bits written"], fontsize=7.5)
    axes.set_xticks(range(len(uses)), [use.step.name for use in uses], rotation=90, fontsize=7)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _shade(bits: int) -> tuple[float, float, float]:
    """Darker for more bits, up to 8."""
    depth = min(bits, 8) / 8
    return 0.93 - 0.78 * depth, 0.95 - 0.62 * depth, 0.96 - 0.46 * depth


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches."""
    import matplotlib as mpl  # noqa: PLC0415  # half a second that most verbs need not spend

    mpl.use("Agg")
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path) -> None:
    """Write the picture whole or not at all, without a date in it."""
    temporary = path.with_name(f".{path.name}.part")
    figure.savefig(temporary, dpi=DPI, format="png", metadata={"Software": None})
    temporary.replace(path)
