"""Find out how to train a design, by its name and the name of its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from qeopt.design import load_sound_design
from qeopt.runs import beside, design_in
from qeopt.runs.cost import GRAMS_PER_CORE_HOUR
from qeopt.training.data.open import open_for_design
from qeopt.training.errors import TrainingError
from qeopt.training.loop import Progress
from qeopt.training.recipe import Recipe
from qeopt.training.teacher import refuse_without_teacher
from qeopt.training.train import Options
from qeopt.training.tuning import KNOBS, Search, Trial, Tuned
from qeopt.training.tuning import tune as try_recipes

FOLDER = "tune"
EPOCHS = 1.0
"""Times that a trial sees its images."""
USUAL = Search()


def tune(
    design: Path | str,
    data: Path | str,
    *,
    trials: int = USUAL.trials,
    share: float = USUAL.share,
    sampler: Literal["tpe", "random"] = USUAL.sampler,
    seed: int = USUAL.seed,
    stated: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    weights: Path | str | None = None,
    teacher: str = "",
    torch_device: str = "auto",
    limit: int | None = None,
    resize: bool = False,
    restart: bool = False,
    grams_per_core_hour: float = GRAMS_PER_CORE_HOUR,
    report: Callable[[int, Progress], None] | None = None,
    tried: Callable[[Trial], None] | None = None,
) -> Tuned:
    """Search for the recipe by which a design learns best, by short trainings. Cut off, the same call goes on where it was.

    Args:
        design: A design.json, the folder of its run, or the name of its study.
        data: Labelled images, as `qeopt tune --data` takes them; test images are not looked at.
        trials: Short trainings in all.
        share: Of the images that are not held out, how many a trial learns from.
        sampler: Who proposes: an estimator, or chance.
        seed: Of the proposals and of each training.
        stated: Of the recipe, by key of `Recipe`, what is kept; the rest of what can be searched is searched.
        out: Where the journal goes; `tune` beside the design unless stated.
        weights: Weights that every trial starts from.
        teacher: FILE.py:FUNCTION that makes a torch module to learn from too; without one, distillation is not searched.
        torch_device: Where PyTorch computes.
        limit: Training images at most.
        resize: Scale pictures of another size instead of refusing them.
        restart: Forget an earlier search in the folder.
        grams_per_core_hour: gCO2e of a core at work for an hour, for the record.
        report: Called about twice a second with the number of the trial.
        tried: Called after every trial.

    Raises:
        SpecError: when there is no such design.
        ExportError: when PyTorch or Optuna is missing, or weights do not fit.
        TrainingError: when what is stated is no part of a recipe, data, teacher or journal do not fit, or memory runs out.
    """
    path = design_in(Path(design))
    known = {**({} if teacher else {"distillation": 0.0}), **(stated or {})}
    try:
        base = Recipe(**{"epochs": EPOCHS, "seed": seed, **known})
    except ValidationError as error:
        problem = error.errors()[0]
        raise TrainingError(f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].lower()}") from None
    refuse_without_teacher(base.distillation, teacher)
    found = load_sound_design(path)
    images = open_for_design(str(data), found, resize=resize, limit=limit)
    options = Options(
        device=torch_device,
        weights=None if weights is None else Path(weights),
        teacher=teacher,
        restart=restart,
        grams_per_core_hour=grams_per_core_hour,
    )
    knobs = [knob for knob in KNOBS if knob.name not in known]
    folder = beside(path, FOLDER) if out is None else Path(out)
    return try_recipes(found, images, base, knobs, folder, Search(trials, share, sampler, seed), options, report, tried)
