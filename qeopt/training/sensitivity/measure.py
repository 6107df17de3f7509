"""From a model and images to the losses of its tensors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from qeopt.design import Design, load_sound_design
from qeopt.design.build import describe
from qeopt.qbr import PROVER
from qeopt.spec.document import parse
from qeopt.spec.errors import Location, SpecError
from qeopt.study.load import load_study
from qeopt.training.data.open import open_data
from qeopt.training.sensitivity.curvature import PROBES, Curvature, by_curvature
from qeopt.training.sensitivity.losses import Loss
from qeopt.training.sensitivity.trials import Trial, by_trial
from qeopt.verbs.bits import study_for

METHODS = ("loss", "error", "hessian", "fisher")
BY_TRIAL = ("loss", "error")


def design_of(model: Path, weights: Path | None) -> tuple[Design, Path]:
    """The network of a design or an ONNX model, as a design, and the file of its learnt values.

    Raises:
        SpecError: when neither can be read, or no file of weights is given for a design.
    """
    if model.suffix.lower() != ".onnx":
        if weights is None:
            raise SpecError.at(Location(str(model)), "a design has no weights: --weights FILE (.npz, or ONNX) was expected")
        return load_sound_design(model), weights
    text, _ = study_for(model, runtime="ideal", budgets={"sram": "unlimited", "flash": "unlimited"}, weights=(8,), activations=(8,))
    loaded = load_study(parse(text, str(model.with_suffix(".yaml"))))
    study = loaded.value
    structure = study.subject.smallest()
    refined = study.refiner.refine(study.subject.expand(structure, study.task, study.subject.name), PROVER)
    return describe(loaded, structure, (refined,), stopped="given"), weights or model


def sensitivity(
    method: str,
    design: Design,
    weights: Path,
    data: str,
    widths: tuple[tuple[int, ...], tuple[int, ...]],
    *,
    images: int,
    probes: int = PROBES,
    seed: int = 0,
    resize: bool = False,
    report: Callable[[int, int], None] | None = None,
) -> list[Loss]:
    """What each tensor loses at each width, by one of `METHODS`.

    Args:
        method: One of `METHODS`.
        design: The network.
        weights: Its learnt values.
        data: Labelled images; those for training are measured by.
        widths: Widths of weights, and of activations.
        images: How many images.
        probes: Random vectors of "hessian".
        seed: Of these.
        resize: Scale pictures of another size.
        report: Called with what is done and of how much.

    Raises:
        TrainingError: when the data does not fit.
        ExportError: as `by_trial` and `by_curvature`.
    """
    split = open_data(data, design.load_study().task, resize=resize, limit=images).train
    if method in BY_TRIAL:
        return by_trial(cast("Trial", method), design, weights, split, *widths, report)
    return by_curvature(cast("Curvature", method), design, weights, split, *widths, probes=probes, seed=seed, report=report)
