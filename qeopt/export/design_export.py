"""A finished design by its name, or a model file at 8 bits, in a format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qeopt.design import Design, load_sound_design
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.errors import ExportError
from qeopt.export.exporter import Exporter, configured, write
from qeopt.network.importers import ImportOptions, is_model
from qeopt.runs import design_or_model_in
from qeopt.spec.model import build
from qeopt.verbs.bits import UNLIMITED, BitsAnswer, bits


def export_design(
    source: Design | Path | str,
    format_: str | Exporter,
    *,
    out: Path | str | None = None,
    options: Mapping[str, Any] | None = None,
    sides: tuple[int, int, int] | None = None,
) -> tuple[Path, ...]:
    """Write a design in the format of a trainer, a compiler or firmware, and return the files written.

    Args:
        source: A design; its design.json, the folder of its run or the name of its study; or a model file (ONNX, TFLite), which is
            taken at 8 bits.
        format_: The name of a format ("onnx-qdq"), or one whose options are given.
        out: The file (or folder) to write; beside the file of the design, or the model, unless stated.
        options: Options of a format given by name, by key: `{"weights": "weights.npz"}`.
        sides: Height, width and channels of the images of a model file that leaves them open.

    Raises:
        SpecError: when there is no such design, format or option.
        ExportError: when the format cannot express the design, it is nowhere said where to write, or sides are given for a design.
    """
    exporter = configured(format_, options or {}) if isinstance(format_, str) else format_
    is_file = isinstance(source, Path | str) and is_model(Path(source))
    if sides is not None and not is_file:
        raise ExportError("sides: a design says what it reads; this is for model files")
    design, beside = _found(source, exporter, _told(sides))
    if is_file and isinstance(source, Path | str):
        exporter = with_own_weights(exporter, Path(source))
    if out is None and beside is None:
        raise ExportError("out: a design that lies in no file says nowhere where to write; a file was expected")
    target = Path(out) if out is not None else target_beside(design, exporter, beside or Path())
    return write(design, exporter, target)


def target_beside(design: Design, exporter: Exporter, path: Path) -> Path:
    """Where a design whose file lies at `path` goes unless told."""
    return path.with_name(f"{Path(design.study_name).name}{exporter.SUFFIX}")


def with_own_weights(exporter: Exporter, model: Path) -> Exporter:
    """The format with the learnt values of a model file, where it takes some and was given none."""
    if isinstance(exporter, Numbers) and exporter.weights is None:
        return exporter.model_copy(update={"weights": model})
    return exporter


def at_eight_bits(model: Path, exporter: Exporter, options: ImportOptions | None = None) -> BitsAnswer:
    """Solve a model file with every weight and activation at 8 bits and no budget, for the runtime of a format.

    Args:
        model: The file.
        exporter: The format.
        options: What the file does not say.

    Raises:
        SpecError: when the file cannot be read as a network.
    """
    return bits(
        model, runtime=getattr(exporter, "RUNTIME", "ideal"), budgets=UNLIMITED, weights=(8,), activations=(8,), options=options
    )


def _told(sides: tuple[int, int, int] | None) -> ImportOptions | None:
    if sides is None:
        return None
    try:
        return build(ImportOptions, {"input": [*sides]})
    except ValidationError as error:
        raise ExportError(f"sides {sides}: {error.errors()[0]['msg'].lower()}") from None


def _found(source: Design | Path | str, exporter: Exporter, options: ImportOptions | None) -> tuple[Design, Path | None]:
    if isinstance(source, Design):
        return source, None
    path = Path(source)
    if not is_model(path):
        path = design_or_model_in(path)
        return load_sound_design(path), path
    solution = at_eight_bits(path, exporter, options).solution
    if solution.design is None:
        raise ExportError(f"{path}: {solution.reason}")
    return solution.design, path
