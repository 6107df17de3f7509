"""Where every buffer lies: time to the right, addresses upwards; several memories lie above each other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from qeopt.design.arena import Arena, PlacedBuffer
from qeopt.escape import line
from qeopt.report.counted import Counted
from qeopt.report.pictures.picture import (
    BLUE,
    GREEN,
    GREY,
    KIB,
    LIMIT,
    PINK,
    SKY,
    YELLOW,
    Picture,
    Spec,
    colours,
    data,
    field,
    steps_axis,
    tips,
)
from qeopt.report.words import amount

HEIGHT = 300
BY_BITS = {2: PINK, 3: PINK, 4: YELLOW, 5: YELLOW, 6: SKY, 7: SKY, 8: BLUE}
WORKING = "working memory"
LEAST_SHARE_FOR_NAME = 0.035
"""Share of the height of the picture below which a buffer is too flat for its name."""
LETTERS_PER_WIDTH = 150
"""Letters that have room across the whole picture."""


def arena_picture(counted: Counted, arena: Arena) -> Picture:
    """Draw every buffer as a rectangle from its first to its last operator and from its first to its last byte."""
    names = [op.name for op in counted.network.ops]
    floors, limit = _floors(arena), counted.study.limits.sram_bytes
    room = sum(region.size for region in arena.regions) if floors else limit or 0
    top = max(room, arena.bytes + arena.lasting) / KIB * 1.05 or 1.0
    place = {name: index for index, name in enumerate(names)}
    rows = [_row(name, buffer, counted, place, floors, top) for name, buffer in arena.buffers.items()]
    x = steps_axis(names)
    y = field("y0", "KiB, one memory above the other" if floors else "address, KiB", scale={"domain": [0, top], "nice": False})
    kinds = {kind: _colour(kind) for kind in sorted({str(row["kind"]) for row in rows})}
    boxes: Spec = {
        "mark": {"type": "rect", "stroke": "white", "strokeWidth": 0.5},
        "encoding": {
            "x": {"field": "x0", **x},
            "x2": {"field": "x1"},
            "y": y,
            "y2": {"field": "y1"},
            "color": colours("kind", kinds),
            "tooltip": tips(name="buffer", size="size", kind="holds", at="at", alive="in memory"),
        },
    }
    labels: Spec = {
        "transform": [{"filter": "datum.label != ''"}],
        "mark": {"type": "text", "fontSize": 9, "color": {"expr": "datum.kind == '8 bits' ? 'white' : 'black'"}, "tooltip": None},
        "encoding": {"x": {"field": "x", **x}, "y": {**y, "field": "y"}, "text": {"field": "label"}},
    }
    proof = "proven to be the least" if arena.minimal else f"the least is {arena.bound / KIB:,.1f} KiB or more"
    said = f"{arena.bytes / KIB:,.1f} KiB hold every buffer, {proof}"
    return Picture(
        "arena",
        said,
        f"A map of {len(rows):,} buffers: operators to the right, addresses upwards. {said}.",
        {
            "height": HEIGHT,
            "data": data(rows),
            "layer": [boxes, *([labels] if any(row["label"] for row in rows) else []), *_lines(arena, limit, floors, y)],
        },
    )


def _row(
    name: str, buffer: PlacedBuffer, counted: Counted, place: Mapping[str, int], floors: Mapping[str, int], top: float
) -> dict[str, object]:
    bits = counted.bits.activations.get(name)
    first, last = place[buffer.first], place[buffer.last]
    offset = (buffer.offset + floors.get(buffer.region, 0)) / KIB
    height = buffer.bytes / KIB
    fits = height / top > LEAST_SHARE_FOR_NAME and len(name) <= LETTERS_PER_WIDTH * (last - first + 1) / len(place)
    return {
        "x0": first - 0.5, "x1": last + 0.5, "x": (first + last) / 2, "y0": offset, "y1": offset + height, "y": offset + height / 2,
        "kind": WORKING if bits is None else f"{bits} bits", "name": line(name),
        "label": line(name) if fits and bits is not None else "",
        "size": amount(buffer.bytes, "B"), "at": f"{buffer.offset:,} {line(buffer.region)}".rstrip(),
        "alive": f"from {line(buffer.first)} to {line(buffer.last)}",
    }  # fmt: skip


def _colour(kind: str) -> str:
    return GREY if kind == WORKING else BY_BITS.get(int(kind.split(maxsplit=1)[0]), GREEN)


def _lines(arena: Arena, limit: int | None, floors: Mapping[str, int], y: Spec) -> list[Spec]:
    """Lines at what is used and at what there is, of the arena or of every memory."""
    used, allowed = [], []
    if floors:
        for region in arena.regions:
            floor = floors[region.name]
            used.append((floor + region.bytes, f"{line(region.name)}: {region.bytes / KIB:,.1f} KiB used"))
            allowed.append((floor + region.size, f"{line(region.name)}: {region.size / KIB:,.1f} KiB"))
    else:
        used.append((arena.bytes, f"arena {arena.bytes / KIB:,.1f} KiB"))
        if limit is not None:
            allowed.append((limit, f"budget {limit / KIB:,.1f} KiB"))
    styles = (
        (used, {"style": "line", "strokeDash": [2, 2]}),
        (allowed, {"color": LIMIT, "strokeWidth": 1.6, "strokeDash": [6, 3]}),
    )
    return [
        {
            "data": data([{"y": size / KIB, "said": said} for size, said in places]),
            "mark": {"type": "rule", **style},
            "encoding": {"y": {**y, "field": "y"}, "tooltip": tips(said="")},
        }
        for places, style in styles
        if places
    ]


def _floors(arena: Arena) -> dict[str, int]:
    """By name of one of several memories: what lies below it in the picture."""
    if len(arena.regions) < 2:
        return {}
    starts = accumulate((region.size for region in arena.regions), initial=0)
    return {region.name: start for region, start in zip(arena.regions, starts, strict=False)}
