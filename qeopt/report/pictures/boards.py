"""The designs of one study for many devices, from the document of that sweep: score against flash, SRAM and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qeopt.escape import line
from qeopt.report.pictures.picture import SERIES, Picture, Spec, colours, data, field, tips
from qeopt.spec.units import counted

HEIGHT = 220
KIB = 1024
AXES = {"flash_bytes": ("flash, KiB", KIB), "sram_bytes": ("SRAM, KiB", KIB), "ms": ("time of an inference, ms", 1)}


def boards_pictures(document: Mapping[str, Any]) -> tuple[Picture, ...]:
    """One picture an axis that any board has a value on; nothing where no board has a design."""
    designed = [board for board in document["boards"] if board["score"] is not None]
    return tuple(_picture(designed, name, *AXES[name]) for name in AXES if _tells(designed, name))


def _tells(designed: list[dict[str, Any]], name: str) -> bool:
    """Whether there is more to see than one point on which all devices lie."""
    points = {(board["score"], board[name]) for board in designed if board[name] is not None}
    return len(points) > 1 or (len(points) == 1 and (len(designed) == 1 or name == "ms"))


def holders(designed: Sequence[Mapping[str, Any]]) -> str:
    """Who has the best score, with its verb: `stm32f722 has`, `stm32f722 and 3 others have`."""
    best = max(board["score"] for board in designed)
    names = [line(board["device"]) for board in designed if board["score"] == best]
    return f"{names[0]} has" if len(names) == 1 else f"{names[0]} and {counted(len(names) - 1, 'other')} have"


def _picture(designed: list[dict[str, Any]], name: str, label: str, unit: int) -> Picture:
    cores = sorted({board["core"] for board in designed})
    palette = {core: SERIES[place % len(SERIES)] for place, core in enumerate(cores)}
    rows = [
        {
            "device": line(board["device"]), "core": board["core"], "score": board["score"], "x": board[name] / unit,
            "said": f"{'>= ' if name == 'ms' and board['is_floor'] else ''}{board[name] / unit:,.4g}",
        }
        for board in designed
        if board[name] is not None
    ]  # fmt: skip
    what, unit_name = label.split(", ")
    best = max(rows, key=lambda row: row["score"])
    title = (
        f"all {len(rows):,} devices have designs of the same score: {best['score']:.4f}"
        if len(rows) > 1 and len({row["score"] for row in rows}) == 1
        else f"{holders(designed)} the best design: {best['score']:.4f}, {what} {best['said']} {unit_name}"
    )
    spec: Spec = {
        "height": HEIGHT,
        "data": data(rows),
        "mark": {"type": "point", "filled": True, "size": 60},
        "encoding": {
            "x": field("x", label, scale={"zero": False}),
            "y": field("score", "score", scale={"zero": False}),
            "color": colours("core", palette),
            "tooltip": tips(device="device", core="core", score="score", said=label),
        },
    }
    return Picture(f"boards-{name}", title, f"Score of the best design for {counted(len(rows), 'device')} against {label}.", spec)
