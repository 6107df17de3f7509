"""Where the time of an inference goes, as far as the runtime estimates it."""

from __future__ import annotations

from qeopt.escape import line
from qeopt.hardware.costs import cycles
from qeopt.report.counted import Counted
from qeopt.report.pictures.picture import SERIES, Picture, colours, data, field, steps_axis, tips

HEIGHT = 180


def time_picture(counted: Counted) -> Picture | None:
    """Draw the estimated time of every operator; None where the runtime estimates none."""
    runtime, device = counted.study.runtime, counted.study.device
    if runtime.timing is None:
        return None
    names = [op.name for op in counted.network.ops]
    spent = [int(cycles(runtime, op, *counted.bits.of(op))) for op in counted.network.ops]
    per_unit, unit = (1.0, "cycles") if device is None else (device.cycles_per_ms, "ms")
    total = sum(spent)
    kinds = list(dict.fromkeys(op.kind.value for op, number in zip(counted.network.ops, spent, strict=True) if number))
    if not total:
        return None
    rows = [
        {
            "x": index, "x0": index - 0.43, "x1": index + 0.43, "y": number / per_unit, "zero": 0,
            "name": line(op.name), "kind": op.kind.value,
            "said": f"{number / per_unit:,.4g} {unit}", "cycles": f"{number:,}", "share": f"{100 * number / total:.1f} %",
        }
        for index, (op, number) in enumerate(zip(counted.network.ops, spent, strict=True))
    ]  # fmt: skip
    slowest = max(range(len(spent)), key=spent.__getitem__)
    most, of = rows[slowest], f"{total / per_unit:,.4g} {unit}"
    least = runtime.timing.is_floor
    said = f"{line(names[slowest])} takes the most time: {most['said']}, {most['share']} of {of}"
    title = f"{said}, a floor: nothing was measured" if least else said
    bars = {
        "height": HEIGHT,
        "data": data(rows),
        "mark": {"type": "rect"},
        "encoding": {
            "x": {"field": "x0", **steps_axis(names)},
            "x2": {"field": "x1"},
            "y": field("y", f"at least, {unit}" if least else f"estimated, {unit}"),
            "y2": {"field": "zero"},
            "color": colours("kind", dict(zip(kinds, SERIES * 4, strict=False))),
            "tooltip": tips(name="operator", kind="kind", said="time", cycles="cycles", share="share"),
        },
    }
    return Picture(
        "time", title, f"Bars of the {'least' if least else 'estimated'} time of {len(names):,} operators. {title}.", bars
    )
