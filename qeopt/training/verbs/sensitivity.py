"""What each tensor of a trained network loses at each width: from a model and images to the losses of its tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from qeopt.design import Design, load_sound_design
from qeopt.design.build import describe
from qeopt.network.importers import is_model
from qeopt.qbr import PROVER
from qeopt.runs import design_or_model_in
from qeopt.spec.document import parse
from qeopt.spec.errors import Location, SpecError, did_you_mean
from qeopt.study.load import load_study
from qeopt.training.data.open import open_for_design
from qeopt.training.sensitivity.curvature import PROBES, Curvature, by_curvature
from qeopt.training.sensitivity.losses import Loss
from qeopt.training.sensitivity.trials import Trial, by_trial
from qeopt.training.verbs.train import weights_of
from qeopt.verbs.bits import WIDTHS, study_at_eight_bits

METHODS = ("loss", "error", "hessian", "fisher")
BY_TRIAL = ("loss", "error")
IMAGES = 64
MOST_BITS = 8


def design_of(model: Path, weights: Path | None) -> tuple[Design, Path]:
    """The network of a design or an ONNX model, as a design, and the file of its learnt values.

    Raises:
        SpecError: when it is neither, or cannot be read.
        TrainingError: when no file of weights is given for a design, and it was not trained.
    """
    if model.suffix.lower() != ".onnx":
        if is_model(model):
            raise SpecError.at(Location(str(model)), "a design or an ONNX model was expected")
        path = design_or_model_in(model)
        return load_sound_design(path), weights_of(path, weights)
    text = study_at_eight_bits(model)
    loaded = load_study(parse(text, str(model.with_suffix(".yaml"))))
    study = loaded.value
    structure = study.subject.smallest()
    refined = study.refiner.refine(study.subject.expand(structure, study.task, study.subject.name), PROVER)
    return describe(loaded, structure, (refined,), stopped="given"), weights or model


def sensitivity(
    model: Path | str,
    data: Path | str,
    *,
    weights: Path | str | None = None,
    method: str = "loss",
    weight_bits: Sequence[int] = WIDTHS,
    activation_bits: Sequence[int] = WIDTHS,
    images: int = IMAGES,
    probes: int = PROBES,
    seed: int = 0,
    resize: bool = False,
    report: Callable[[int, int], None] | None = None,
) -> tuple[Loss, ...]:
    """What each tensor of a trained network loses at each width.

    Args:
        model: A design.json, the folder of its run or the name of its study; or an ONNX model with its weights.
        data: Labelled images, as `qeopt sensitivity --data` takes them; those for training are measured by.
        weights: Learnt values of a design, an .npz or ONNX; those of its training unless stated.
        method: "loss" or "error", by trial; "hessian" or "fisher", which need PyTorch.
        weight_bits: Widths of weights, from 1 to 8.
        activation_bits: Widths of activations, from 1 to 8.
        images: How many images to measure by.
        probes: Random vectors of "hessian".
        seed: Of these.
        resize: Scale pictures of another size.
        report: Called with what is done and of how much.

    Raises:
        SpecError: when the model cannot be read, or an argument is none of those known.
        TrainingError: when a design has no weights, or the data does not fit.
        ExportError: when weights do not fit, or a package is missing.
    """
    if method not in METHODS:
        said = f"{', '.join(METHODS[:-1])} or {METHODS[-1]} was expected{did_you_mean(method, METHODS)}"
        raise SpecError.at(Location(f"--method {method}"), said)
    widths = _widths("--weight-bits", weight_bits), _widths("--activation-bits", activation_bits)
    design, values = design_of(Path(model), None if weights is None else Path(weights))
    split = open_for_design(str(data), design, resize=resize, limit=images).train
    if method in BY_TRIAL:
        found = by_trial(cast("Trial", method), design, values, split, *widths, report)
    else:
        found = by_curvature(cast("Curvature", method), design, values, split, *widths, probes=probes, seed=seed, report=report)
    return tuple(found)


def _widths(option: str, widths: Sequence[int]) -> tuple[int, ...]:
    found = tuple(sorted(set(widths)))
    if not found or found[0] < 1 or found[-1] > MOST_BITS:
        raise SpecError.at(Location(f"{option} {','.join(map(str, widths))}"), f"widths from 1 to {MOST_BITS} were expected")
    return found
