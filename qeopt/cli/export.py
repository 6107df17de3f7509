"""`qeopt export`: a finished design, or a model at 8 bits, in the format of a trainer, a compiler or firmware."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from qeopt.cli import options
from qeopt.cli.answer import eight_bits
from qeopt.cli.import_ import Input, import_options
from qeopt.cli.verb import BAD_USAGE, emit, fail, out, warn
from qeopt.design import Design, load_sound_design
from qeopt.design.model import VerificationError
from qeopt.export import EXPORTERS, ExportError, configure
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.export.c.exporter import C
from qeopt.export.c.trial import Trial, try_out
from qeopt.export.design_export import export_design, target_beside, with_own_weights
from qeopt.export.exporter import left_out
from qeopt.network.importers import importer_of, is_model
from qeopt.report.firmware import trial_table
from qeopt.report.words import place
from qeopt.runs import design_or_model_in
from qeopt.spec.override import Spelled


def _design_or_model(given: Path) -> Path:
    if is_model(given):
        importer_of(given)
        return given
    return design_or_model_in(given)


Source = Annotated[
    Path,
    typer.Argument(
        metavar="DESIGN",
        callback=_design_or_model,
        help="A design.json, the folder of its run, or the name of its study; a model file (ONNX, TFLite) is taken at 8 bits.",
    ),
]
Format = Annotated[str, typer.Option("--format", metavar="NAME", help=f"One of {', '.join(EXPORTERS.builtin)}.")]
OutFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="File (or folder) to write; beside the design unless given.")
]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the format; repeatable.")]
WeightsFile = Annotated[
    Path | None,
    typer.Option("--weights", metavar="FILE", help="Imported model, or an .npz of arrays; --set weights=FILE."),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DATA", help="Images to choose scales by: a folder of pictures or .npy files, an .npz or .npy."),
]
CalibrationName = Annotated[
    str | None, typer.Option("--calibration-method", metavar="METHOD", help="How ranges end: min-max, percentile or mse (mse).")
]
ImageFile = Annotated[
    Path | None, typer.Option("--image", metavar="FILE", help="A picture for the self-test of `c` to run, fitted to the input.")
]
Build = Annotated[bool, typer.Option("--build", help="Compile what `c` writes for the device's core and weigh it.")]
Qemu = Annotated[bool, typer.Option("--qemu", help="Run it in QEMU too, and compare every layer; implies --build.")]
Core = Annotated[str | None, typer.Option("--core", metavar="NAME", help="Core to build for instead of the device's (cortex-m4).")]


def command(
    design: Source,
    format_: Format,
    out_: OutFile = None,
    weights: WeightsFile = None,
    data: Data = None,
    calibration: CalibrationName = None,
    image: ImageFile = None,
    input_: Input = None,
    build: Build = False,
    qemu: Qemu = False,
    core: Core = None,
    set_: Sets = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write a finished design as a PyTorch module, an ONNX model, a C program, a table or a recipe; a model file, at 8 bits."""
    stated = (
        ("--weights", "weights", weights),
        ("--data", "data", data),
        ("--calibration-method", "calibration", calibration),
        ("--image", "picture", image),
    )
    given = [Spelled(f"{name}={json.dumps(str(value))}", f"{flag} {value}") for flag, name, value in stated if value is not None]
    exporter = configure(format_, [*(set_ or ()), *given])
    if input_ is not None and not is_model(design):
        fail("--input: a design says what it reads; this is for model files", BAD_USAGE)
    if is_model(design):
        model, design = design, eight_bits(design, exporter, import_options(input_, None), as_json=json_)
        exporter = with_own_weights(exporter, model)
    found = load_sound_design(design)
    wanted = build or qemu
    if wanted and not isinstance(exporter, C):
        raise ExportError(f"--build compiles what the format `c` writes; this is {format_!r}")
    if isinstance(exporter, Numbers):
        _told_origins(exporter.origins(found.network()))
    for note in left_out(found, exporter):
        warn(note)
    written = export_design(found, exporter, out=out_ or target_beside(found, exporter, design))
    trial = _tried(found, exporter, written[0].parents[1], core, emulated=qemu) if wanted and isinstance(exporter, C) else None
    if json_:
        more = {} if trial is None else {"trial": trial.document()}
        emit({"format": "qeopt.export/1", "files": [str(path) for path in written], **more})
    else:
        out().print(f"written: {', '.join(place(path) for path in written)}", soft_wrap=True)
        _told(found, exporter, trial)
    if trial is not None and trial.wrong:
        fail(
            f"{trial.machine.title}: {', '.join(trial.wrong)} computed something else than the reference",
            VerificationError.exit_code,
        )


def _told_origins(origins: dict[str, str]) -> None:
    """Say which numbers are nobody's."""
    if origins["weights"] == "random":
        warn("the weights are random: --weights FILE gives trained ones, the imported model or an .npz of arrays")
    elif origins["calibration images"] == "random" and "calibration images" in origins["scales"]:
        warn("scales are chosen by random images: --data DATA gives real ones, a folder, an .npz or an .npy")


def _tried(design: Design, exporter: C, folder: Path, core: str | None, *, emulated: bool) -> Trial:
    if not exporter.writes_program(design):
        raise ExportError(f"the runtime {design.load_study().runtime.name!r} has no kernels to build; solve with --runtime qeopt-c")
    if exporter.backend(design) != "qeopt-c":
        raise ExportError("the program calls CMSIS-NN, which is yours to build it with: see README.md beside it")
    device = design.load_study().device
    name = core or (None if device is None else device.core)
    if name is None:
        raise ExportError("the study names no device, so --core has to say what to build for")
    return try_out(design, exporter, folder, name, emulated=emulated)


def _told(design: Design, exporter: object, trial: Trial | None) -> None:
    if isinstance(exporter, C) and not exporter.tables and not exporter.writes_program(design):
        name = design.load_study().runtime.name
        warn(f"a header of tables, as there are no kernels of the runtime {name!r} here; --runtime qeopt-c gives a whole program")
    if trial is not None:
        out().print(trial_table(trial))
