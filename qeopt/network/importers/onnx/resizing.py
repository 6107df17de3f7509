"""What resizing of ONNX becomes, in all its versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qeopt.network.graph import OpKind
from qeopt.network.importers.onnx.images import canonical
from qeopt.network.importers.onnx.state import Reader
from qeopt.network.importers.onnx.weighted import Handler

_RESIZE_STATES_PLACES = 11
"""Version of the standard operators from which Resize says where values come from."""


def _scales(reader: Reader, node: Any, dims: tuple[int, ...], index: int) -> list[float]:
    """By rows and columns, the scales that are stated, or that follow from sizes and a proportion to keep; none otherwise."""
    rank = len(dims)
    axes = [axis % rank for axis in reader.attribute(node, "axes") or range(rank)]
    stated = reader.attribute(node, "scales")
    if stated is None and index < len(node.input) and node.input[index]:
        stated = reader.array(node, index)
    policy = str(reader.attribute(node, "keep_aspect_ratio_policy", "stretch"))
    if policy != "stretch" and index + 1 < len(node.input) and node.input[index + 1]:
        sizes = reader.numbers(node, "sizes", index + 1, ()) or ()
        shares = [size / dims[axis] for axis, size in zip(axes, sizes, strict=True)]
        stated = [min(shares) if policy == "not_larger" else max(shares)] * len(axes)
    if stated is None or len(stated) != len(axes):
        return []
    found = {axis: float(scale) for axis, scale in zip(axes, stated, strict=True)}
    sides = [found.get(axis, 1.0) for axis in range(2, rank)]
    return [1.0, *sides] if len(sides) == 1 else sides


def _resize(reader: Reader, node: Any) -> None:
    upsample = node.op_type == "Upsample"
    view, written = reader.view(node), reader.dims_of(node.output[0], node)
    if len(view.dims) not in {3, 4} or view.dims[:2] != written[:2]:
        raise reader.refuse(node, "only rows and columns can be resized")
    if view.dims == written:
        reader.same(node)
        return
    mode = str(reader.attribute(node, "mode", "nearest")).replace("bilinear", "linear")
    old = upsample or reader.inference.version() < _RESIZE_STATES_PLACES
    places = "asymmetric" if old else str(reader.attribute(node, "coordinate_transformation_mode", "half_pixel"))
    odd = [name for name in ("antialias", "exclude_outside") if reader.attribute(node, name, 0)]
    if places == "tf_crop_and_resize" or odd or mode not in {"nearest", "linear", "cubic"}:
        raise reader.refuse(node, f"resizing by {' '.join([mode, *odd])} with {places} and what else is stated here is not known")
    shrinks = {b < a for a, b in zip(view.dims, written, strict=True) if a != b}
    if old and mode == "nearest" and len(shrinks) > 1:
        raise reader.refuse(
            node, "resizing that shrinks one side and stretches the other rounds each in its own way in this version"
        )
    rounding = (
        ("ceil" if True in shrinks else "floor") if old else str(reader.attribute(node, "nearest_mode", "round_prefer_floor"))
    )
    if places == "tf_half_pixel_for_nn" and mode == "nearest" and rounding == "floor":
        places, rounding = "half_pixel", "round_prefer_ceil"  # half a place less, and rounded instead of cut off
    function = f"{mode} {places} {rounding}" if mode == "nearest" else f"{mode} {places}"
    terms: tuple[float | None, ...] = ()
    scales = _scales(reader, node, view.dims, 1 if old else 2)
    if any(abs(scale * a - b) > 1e-6 for scale, a, b in zip(scales, canonical(view.dims), canonical(written), strict=False)):
        terms = tuple(scales)
    if mode == "cubic":
        terms = (*(terms or (None, None)), float(reader.attribute(node, "cubic_coeff_a", -0.75)))
    shape = canonical(written)
    reader.write_plain(node, OpKind.RESIZE, (reader.plain(node),), shape, function=function, terms=terms)


HANDLERS: Mapping[str, Handler] = {"Resize": _resize, "Upsample": _resize}
