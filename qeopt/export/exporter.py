"""The formats a design can be written in, and how one of them is chosen and set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from pydantic import ValidationError

from qeopt.design import Design
from qeopt.export.errors import ExportError
from qeopt.network.lowering import unranked
from qeopt.spec.document import parse_value
from qeopt.spec.errors import Location, SpecError
from qeopt.spec.model import build
from qeopt.spec.node import Mapping as Tree
from qeopt.spec.node import plain
from qeopt.spec.override import Override, apply_all, blocked_message, parse_override
from qeopt.spec.plugins import Plugged, Table
from qeopt.spec.wording import problems_of

EXPORTERS = Table(
    "exporters",
    {
        "json": "qeopt.export.design_json:DesignJson",
        "csv": "qeopt.export.layer_csv:LayerCsv",
        "c": "qeopt.export.c.exporter:C",
        "pytorch": "qeopt.export.pytorch.exporter:PyTorch",
        "brevitas": "qeopt.export.pytorch.brevitas:Brevitas",
        "qonnx": "qeopt.export.onnx.qonnx:Qonnx",
        "onnx": "qeopt.export.onnx.plain:OnnxPlain",
        "onnx-qdq": "qeopt.export.onnx.qdq:OnnxQdq",
        "litert": "qeopt.export.litert:LiteRT",
        "tflite": "qeopt.export.tflite.exporter:TFLite",
        "max78000": "qeopt.export.max78000:Max78000",
    },
)


class Exporter(Protocol):
    """A format: a frozen `Block` whose fields are its options, with ``kind: Literal[NAME] = NAME``."""

    SUFFIX: ClassVar[str]
    """How names of its files end. A format for one runtime may name that as `RUNTIME`; one that cannot write some function that a
    network may end in may tell it by `leaves_out`, as `Numbers` does."""

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write a design and return the files written, `out` first.

        Raises:
            ExportError: when the format cannot express the design.
        """
        ...


def export(design: Design, format_name: str, out: Path, options: Mapping[str, Any] | None = None) -> tuple[Path, ...]:
    """Write a design in a format.

    Args:
        design: The design.
        format_name: Name of the format; see `EXPORTERS`.
        out: The file to write; a format may put others beside it.
        options: Options of the format, by name.

    Returns:
        The files written.

    Raises:
        SpecError: when there is no such format or option.
        ExportError: when the format cannot express the design.
    """
    return write(design, configured(format_name, options or {}), out)


def configured(format_name: str, options: Mapping[str, Any]) -> Exporter:
    """Return a format with its options given by name.

    Raises:
        SpecError: when there is no such format or option.
    """
    given = [Override((name,), parse_value(json.dumps(value, default=str), _OPTIONS), _OPTIONS) for name, value in options.items()]
    return _configure(format_name, given)


def write(design: Design, exporter: Exporter, out: Path) -> tuple[Path, ...]:
    """Write a design by a format whose options are given.

    Raises:
        SpecError: when the design does not fit the study that it carries.
        ExportError: when the format cannot express the design, or the file cannot be written.
    """
    try:
        network = design.network()
    except ValueError as error:
        raise _misfit(design, str(error).splitlines()[0]) from None
    named = {op.name for op in network.weighted_ops}, {tensor.name for tensor in network.tensors}
    wrong = sorted((named[0] ^ set(design.weights)) | (named[1] ^ set(design.activations)))
    if wrong:
        raise _misfit(design, f"bits of {', '.join(wrong[:5])}")
    try:
        return exporter.export(design, out)
    except OSError as error:
        raise ExportError(f"{out}: cannot be written: {error.strerror}") from None


def left_out(design: Design, exporter: Exporter) -> list[str]:
    """What people should know of functions that a format leaves out at the very end of a network."""
    leaves_out = getattr(exporter, "leaves_out", None)
    return [] if leaves_out is None else unranked(design.network(), leaves_out(design))[1]


def configure(format_name: str, texts: Sequence[str]) -> Exporter:
    """Return a format with its options given as `KEY=VALUE` texts.

    Raises:
        SpecError: when there is no such format or option.
    """
    return _configure(format_name, [parse_override(text) for text in texts])


_OPTIONS = Location("options")


def _misfit(design: Design, reason: str) -> SpecError:
    return SpecError.at(Location(design.study_name), f"the design does not fit the study it carries: {reason}")


def _configure(format_name: str, given: Sequence[Override]) -> Exporter:
    if format_name not in EXPORTERS.names():
        raise SpecError.at(Location(f"--format {format_name}"), EXPORTERS.unknown(format_name))
    model = Plugged(EXPORTERS).options(format_name)
    kind = Override(("kind",), parse_value(json.dumps(format_name), _OPTIONS), _OPTIONS)
    root, blocked = apply_all(Tree((), _OPTIONS), [*given, kind])
    if blocked:
        raise SpecError.at(blocked[0].location, blocked_message(root, blocked[0]))
    try:
        return cast("Exporter", build(model, plain(root)))
    except ValidationError as error:
        raise SpecError(problems_of(error, root, model)) from None
