"""What is resident in SRAM while each operator runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qeopt.escape import line
from qeopt.memory import StepUse
from qeopt.network import Tensor
from qeopt.report.counted import Counted
from qeopt.report.pictures.picture import (
    BLUE,
    GREY,
    KIB,
    LIMIT,
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
ROLES = {"read now": BLUE, "written now": YELLOW, "waiting": SKY, "scratch": GREY, "held for good": "#CC79A7"}
LEAST_SHARE_FOR_DIGITS = 0.03
"""Share of the height of the picture below which a tensor is too flat for a number."""
MOST_STEPS_FOR_DIGITS = 120


def memory_picture(counted: Counted) -> Picture:
    """Draw what is resident at each step against the budget, with the bits of every tensor."""
    resources, limit = counted.resources, counted.study.limits.sram_bytes
    names = [use.step.name for use in resources.steps]
    top = max(limit or 0, resources.sram_bytes) / KIB * 1.05 or 1.0
    rows = _rows(counted, top if len(names) <= MOST_STEPS_FOR_DIGITS else None)
    x, peak = steps_axis(names), names.index(resources.peak.step.name)
    y = field("y0", "SRAM, KiB", scale={"domain": [0, top], "nice": False})
    told = tips(name="tensor", role="role", size="size", bits="bits", step="while", why="")
    bars = {
        "mark": {"type": "rect", "stroke": None},
        "encoding": {
            "x": {"field": "x0", **x},
            "x2": {"field": "x1"},
            "y": y,
            "y2": {"field": "y1"},
            "color": colours("role", {role: colour for role, colour in ROLES.items() if any(row["role"] == role for row in rows)}),
            "tooltip": told,
        },
    }
    digits = {
        "transform": [{"filter": "datum.label != ''"}],
        "mark": {"type": "text", "fontSize": 8, "color": {"expr": "datum.role == 'read now' ? 'white' : 'black'"}, "tooltip": None},
        "encoding": {"x": {"field": "x", **x}, "y": {**y, "field": "y"}, "text": {"field": "label"}},
    }
    outline = {
        "data": data([{"x0": peak - 0.45, "x1": peak + 0.45, "y0": 0, "y1": resources.peak.total_bytes / KIB}]),
        "mark": {"type": "rect", "filled": False, "style": "outline", "tooltip": None},
        "encoding": {"x": {"field": "x0", **x}, "x2": {"field": "x1"}, "y": y, "y2": {"field": "y1"}},
    }
    said = (
        f"{amount(resources.peak.total_bytes)} B"
        if resources.peak.total_bytes < KIB
        else f"{resources.peak.total_bytes / KIB:,.1f} KiB"
    )
    of = "" if limit is None else f" of the {limit / KIB:,.1f} KiB there are"
    return Picture(
        "memory",
        f"{line(resources.peak.step.name)} needs the most memory: {said}{of}",
        f"Stacked bars of the tensors in SRAM at each of {len(names):,} steps; the highest is {said}, at {line(names[peak])}.",
        {
            "height": HEIGHT,
            "data": data(rows),
            "layer": [
                bars,
                *([digits] if any(row["label"] for row in rows) else []),
                outline,
                *([] if limit is None else [_limit(limit / KIB, y)]),
            ],
        },
    )


def _limit(kib: float, y: Spec) -> Spec:
    """A line at the budget."""
    return {
        "data": data([{"y": kib, "said": f"budget {kib:,.1f} KiB"}]),
        "mark": {"type": "rule", "color": LIMIT, "strokeWidth": 1.6, "strokeDash": [6, 3]},
        "encoding": {"y": {**y, "field": "y"}, "tooltip": tips(said="")},
    }


def _rows(counted: Counted, top: float | None) -> list[dict[str, object]]:
    """A row for everything resident at every step, from the bottom up; digits only where `top` is given."""
    last = _last_reads(counted)
    found: list[dict[str, object]] = []
    for index, use in enumerate(counted.resources.steps):
        bottom = 0.0
        for role, name, size, bits in _resident(use, counted):
            height = size / KIB
            digits = str(bits) if top is not None and bits is not None and height / top > LEAST_SHARE_FOR_DIGITS else ""
            found.append(
                {
                    "x": index, "x0": index - 0.45, "x1": index + 0.45,
                    "y": bottom + height / 2, "y0": bottom, "y1": bottom + height,
                    "role": role, "name": line(name), "size": amount(size, "B"), "bits": "" if bits is None else bits,
                    "step": line(use.step.name), "label": digits, "why": _why(role, name, last),
                }
            )  # fmt: skip
            bottom += height
    return found


def _resident(use: StepUse, counted: Counted) -> list[tuple[str, str, float, int | None]]:
    """Role, name, bytes and bits of everything resident, from the bottom up."""
    order = list(ROLES)
    found: list[tuple[str, str, float, int | None]] = [
        (_role(use, tensor), tensor.name, size, counted.bits.activations[tensor.name]) for tensor, size in use.tensor_bytes
    ]
    found.sort(key=lambda segment: order.index(segment[0]))
    more = (
        ("scratch", "working memory of the kernel", use.scratch_bytes),
        ("held for good", "memory of operators", use.persistent_bytes),
    )
    return [*found, *((role, name, size, None) for role, name, size in more if size)]


def _role(use: StepUse, tensor: Tensor) -> str:
    if any(tensor.name == written.name for written in use.step.op.outputs):
        return "written now"
    return "read now" if any(tensor.name == source.name for source in use.step.op.inputs) else "waiting"


def _last_reads(counted: Counted) -> dict[str, str]:
    """By tensor, the operator that reads it last."""
    return {tensor.name: op.name for op in counted.network.ops for tensor in op.inputs}


def _why(role: str, name: str, last: Mapping[str, str]) -> str:
    if role != "waiting":
        return ""
    return f"waits for {line(last[name])}, which reads it last" if name in last else "waits to the end, as nothing reads it"


def bits_differ(counted: Counted) -> bool:
    """Whether there is anything to see in a picture of bits."""
    return len({*counted.bits.weights.values(), *counted.bits.activations.values()}) > 1


def bits_picture(counted: Counted, names: Sequence[str], *, labels: bool = True) -> Picture:
    """Draw the bits that every operator reads, multiplies by and writes, as a strip; `labels` has their names below."""
    ops = {op.name: op for op in counted.network.ops}
    rows: list[dict[str, object]] = []
    for index, name in enumerate(names):
        in_bits, weight_bits, out_bits = counted.bits.of(ops[name])
        for what, bits in (("read", in_bits), ("weights", weight_bits if ops[name].has_weights else None), ("written", out_bits)):
            if bits is not None:
                rows.append({"x": index, "x0": index - 0.46, "x1": index + 0.46, "what": what, "bits": bits, "name": line(name)})
    x = steps_axis(names, labels=labels)
    widths = sorted({int(str(row["bits"])) for row in rows})
    y = {"field": "what", "type": "nominal", "sort": None, "title": None, "axis": {"ticks": False, "domain": False, "grid": False}}
    shades = {bits: shade(bits) for bits in widths}
    boxes = {
        "mark": {"type": "rect"},
        "encoding": {
            "x": {"field": "x0", **x},
            "x2": {"field": "x1"},
            "y": y,
            "color": colours("bits", shades, title="bits"),
            "tooltip": tips(name="operator", what="of what it", bits="bits"),
        },
    }
    digits = {
        "mark": {"type": "text", "fontSize": 9, "color": {"expr": "datum.bits < 6 ? 'black' : 'white'"}, "tooltip": None},
        "encoding": {"x": {"field": "x", **x}, "y": y, "text": {"field": "bits"}},
    }
    layer = [boxes, digits] if len(names) <= MOST_STEPS_FOR_DIGITS else [boxes]
    title = bits_words(counted)
    spec = {"height": 22 * len({row["what"] for row in rows}), "data": data(rows), "layer": layer}
    return Picture(
        "bits", title, f"Strips of the bits that each of {len(names):,} operators reads, multiplies by and writes. {title}.", spec
    )


def bits_words(counted: Counted) -> str:
    """How many tensors have how many bits."""
    weights = [counted.bits.of(op)[1] for op in counted.network.ops if op.has_weights]
    said = ", ".join(f"{weights.count(bits):,} of {bits} bits" for bits in sorted(set(weights), reverse=True))
    tensors = list(counted.bits.activations.values())
    held = ", ".join(f"{tensors.count(bits):,} of {bits} bits" for bits in sorted(set(tensors), reverse=True))
    return f"weights: {said or 'none'}; activations: {held or 'none'}"


def shade(bits: int) -> str:
    """Darker for more bits, up to 8."""
    depth = min(bits, 8) / 8
    red, green, blue = (round(255 * channel) for channel in (0.93 - 0.78 * depth, 0.95 - 0.62 * depth, 0.96 - 0.46 * depth))
    return f"#{red:02x}{green:02x}{blue:02x}"
