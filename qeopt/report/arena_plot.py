"""The buffer map: time to the right, addresses upwards; several memories lie above each other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from qeopt.design.arena import Arena, PlacedBuffer
from qeopt.escape import line
from qeopt.report.counted import Counted
from qeopt.report.plots import INCHES_PER_STEP, KIB, LEAST_INCHES, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BY_BITS = {2: "#CC79A7", 3: "#CC79A7", 4: "#E69F00", 5: "#E69F00", 6: "#56B4E9", 7: "#56B4E9", 8: "#0072B2"}
"""Colours of tensors by their bits, told apart by colour-blind readers too (Okabe and Ito)."""
SCRATCH = "#999999"
USED, ALLOWED = "black", "#D55E00"
LEAST_SHARE_FOR_NAME = 0.03
"""Share of the height of the picture below which a buffer is too flat for its name."""
LETTERS_PER_STEP = 3.4


def draw_arena(counted: Counted, arena: Arena, path: Path) -> None:
    """Draw every buffer as a rectangle from its first to its last operator and from its first to its last byte."""
    ops = [op.name for op in counted.network.ops]
    figure = new_figure(max(LEAST_INCHES, 2.2 + INCHES_PER_STEP * len(ops)), 6.0)
    axes = figure.subplots()
    limit = counted.study.limits.sram_bytes
    floors = _floors(arena)
    room = sum(region.size for region in arena.regions) if floors else limit or 0
    top = max(room, arena.bytes + arena.lasting) / KIB * 1.06 or 1.0
    place = {name: index for index, name in enumerate(ops)}
    for name, buffer in arena.buffers.items():
        bits = counted.bits.activations.get(name)
        first, last = place[buffer.first], place[buffer.last]
        offset = buffer.offset + floors.get(buffer.region, 0)
        colour = SCRATCH if bits is None else BY_BITS.get(bits, "#009E73")
        axes.bar(
            first - 0.5,
            buffer.bytes / KIB,
            last - first + 1,
            offset / KIB,
            align="edge",
            color=colour,
            edgecolor="white",
            lw=0.6,
        )
        label = _label(name, bits, buffer, last - first + 1, top)
        if label:
            middle = (offset + buffer.bytes / 2) / KIB
            axes.text((first + last) / 2, middle, label, ha="center", va="center", fontsize=6.5, color=_ink(bits))
    _draw_limits(axes, arena, limit, floors, len(ops))
    for bits in sorted({bits for name, bits in counted.bits.activations.items() if name in arena.buffers}):
        axes.bar(0, 0, color=BY_BITS.get(bits, "#009E73"), label=f"{bits} bits")
    axes.bar(0, 0, color=SCRATCH, label="working memory")
    axes.set_ylim(0, top)
    axes.set_xlim(-0.7, len(ops) - 0.3)
    axes.set_ylabel("KiB, one memory above the other" if floors else "address, KiB")
    axes.set_xticks(range(len(ops)), [line(name) for name in ops], rotation=90, fontsize=7)
    proof = "proven to be the least" if arena.minimal else f"at least {arena.bound / KIB:,.1f} KiB"
    axes.set_title(f"{line(counted.network.name)}: where every buffer lies; {proof}", loc="left", fontsize=10, pad=22)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=7, fontsize=8, frameon=False, borderaxespad=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def _draw_limits(axes: Axes, arena: Arena, limit: int | None, floors: Mapping[str, int], steps: int) -> None:
    """Lines at what is used and at what there is, of the arena or of every memory."""
    if floors:
        for region in arena.regions:
            top, end = floors[region.name] + region.bytes, floors[region.name] + region.size
            axes.axhline(top / KIB, color=USED, linewidth=0.8, linestyle="--")
            axes.axhline(end / KIB, color=ALLOWED, linewidth=1.4)
            said = f"{line(region.name)}: {region.bytes / KIB:,.1f} of {region.size / KIB:,.1f} KiB"
            axes.annotate(said, (steps - 0.4, end / KIB), (0, -2), textcoords="offset points", ha="right", va="top", fontsize=7)
        return
    axes.axhline(arena.bytes / KIB, color=USED, linewidth=1.0, linestyle="--", label=f"arena {arena.bytes / KIB:,.1f} KiB")
    if limit is not None:
        axes.axhline(limit / KIB, color=ALLOWED, linewidth=1.4, label=f"budget {limit / KIB:,.1f} KiB")


def _floors(arena: Arena) -> dict[str, int]:
    """By name of one of several memories: what lies below it in the picture."""
    if len(arena.regions) < 2:
        return {}
    starts = accumulate((region.size for region in arena.regions), initial=0)
    return {region.name: start for region, start in zip(arena.regions, starts, strict=False)}


def _label(name: str, bits: int | None, buffer: PlacedBuffer, steps: int, top: float) -> str:
    """What is written in a rectangle: as much as there is room for."""
    if buffer.bytes / KIB / top < LEAST_SHARE_FOR_NAME:
        return ""
    if bits is not None and len(name) <= LETTERS_PER_STEP * steps:
        return line(name)
    return "" if bits is None else str(bits)


def _ink(bits: int | None) -> str:
    return "white" if bits == 8 else "black"
