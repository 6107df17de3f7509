"""How to train a design, by short trainings: the low-cost proxy search of quantisation hyper-parameters of LCPAQ.

Each trial trains the design by a recipe on a share of the training images and is marked by images held out from them (Chen et al.,
arXiv 2402.17706, whose own spaces and figures are not public). Optuna proposes the recipes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from qeopt.design import Design
from qeopt.export.errors import require
from qeopt.runs.cost import Cost, total
from qeopt.training.checkpoint import fingerprint
from qeopt.training.data.dataset import Dataset
from qeopt.training.errors import DivergedError, TrainingError
from qeopt.training.evaluation import score_onnx
from qeopt.training.loop import Progress, Trainer
from qeopt.training.network import module_of, refuse_detectors
from qeopt.training.recipe import Recipe
from qeopt.training.teacher import load_teacher
from qeopt.training.train import WEIGHTS, Options, chosen_device, go_on
from qeopt.training.weights import save

JOURNAL = "trials.jsonl"
"""Optuna's journal: trials that have ended are not made again."""
HELD_OUT = 5
"""One in so many training images marks the trials; none of them is trained by."""
MOST_HELD_OUT = 2000
RANDOM_FIRST = 8
"""Trials after the usual recipe that are drawn at random before their marks guide the search."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A choice of a recipe that is searched."""

    name: str
    """Key of `Recipe`."""
    values: tuple[Any, ...] = ()
    """What it may be; nothing where it is a range."""
    low: float = 0.0
    high: float = 0.0
    """Ends of a range on a logarithmic scale."""

    def suggest(self, trial: Any) -> Any:
        """What a trial of Optuna should try."""
        if self.values:
            return trial.suggest_categorical(self.name, self.values)
        return trial.suggest_float(self.name, self.low, self.high, log=True)


KNOBS = (
    Knob("weight_steps", ("channel", "tensor")),
    Knob("normalisation", ("apart", "folded")),
    Knob("distillation", (0.0, 0.5, 0.9)),
    Knob("calibration", (1, 8)),
    Knob("eight_bits_first", (0.0, 0.25)),
    Knob("label_smoothing", (0.0, 0.1)),
    Knob("rate", low=1e-3, high=3e-2),
    Knob("weight_decay", (0.0, 1e-5, 1e-4, 1e-3)),
)
"""All that can be searched; distillation needs a teacher."""


@dataclass(frozen=True, slots=True)
class Search:
    """How trials are made."""

    trials: int = 24
    share: float = 0.25
    """Of the training images that are not held out, how many a trial is trained by."""
    sampler: Literal["tpe", "random"] = "tpe"
    """Who proposes: the tree-structured Parzen estimator, or chance."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """A recipe that was tried."""

    number: int
    recipe: Recipe
    accuracy: float
    """Share of the held-out images that the integer network told right; 0 where the loss was no longer a number."""
    cost: Cost


@dataclass(frozen=True, slots=True)
class Tuned:
    """All trials, in their order."""

    trials: tuple[Trial, ...]
    knobs: tuple[Knob, ...]
    held_out: int
    """Images by which trials were marked."""
    trained_by: int
    """Images of a trial."""

    @property
    def best(self) -> Trial:
        """The trial with the most right; the first of equals."""
        return max(self.trials, key=lambda trial: (trial.accuracy, -trial.number))

    @property
    def cost(self) -> Cost:
        """Of all trials together."""
        return total([trial.cost for trial in self.trials])


def tune(
    design: Design,
    data: Dataset,
    base: Recipe,
    knobs: Sequence[Knob],
    folder: Path,
    search: Search,
    options: Options | None = None,
    report: Callable[[int, Progress], None] | None = None,
    tried: Callable[[Trial], None] | None = None,
) -> Tuned:
    """Try recipes on a share of the images. What an earlier search of the same left in the folder is gone on with.

    Args:
        design: The design.
        data: Images that fit it; its test images are not looked at.
        base: The recipe but for what is searched; the first trial is this one whole. Its epochs are those of a trial.
        knobs: What is searched.
        folder: Where the journal and the trial under way are kept.
        search: How many trials, of how many images, by whom.
        options: Where and from what each trial starts.
        report: Called about twice a second with the number of the trial.
        tried: Called after every trial.

    Raises:
        ExportError: when PyTorch or Optuna is missing, or weights do not fit.
        TrainingError: when data, teacher or journal do not fit, or memory runs out.
    """
    options = options or Options()
    if not knobs:
        raise TrainingError("every choice of the recipe is stated; nothing is left to search")
    refuse_detectors(design.network())
    proxy = _proxy(data, search.share)
    searched = sorted(knob.name for knob in knobs)
    subject = f"{data.name} {len(proxy.train)} {search.sampler} {search.seed} {options.weights} {options.teacher} {searched}"
    journal = _Journal(folder, fingerprint(design, base, subject), knobs, base, restart=options.restart)
    module, device = module_of(design), chosen_device(options.device)
    teacher = load_teacher(options.teacher, device) if options.teacher else None
    found = list(journal.trials())
    while len(found) < search.trials:
        number = len(found)
        optunas, recipe = journal.propose(number, search)
        here = folder / "trial"
        trainer = Trainer(recipe, proxy.train, device, teacher, None if report is None else partial(report, number))
        try:
            state = go_on(design, module, trainer, f"{subject} {number}", here, options)
            assert state is not None  # nothing asked it to stop
            cost = state.cost(options.grams_per_core_hour)
            with tempfile.TemporaryDirectory() as room:
                accuracy = score_onnx(design, save(module, state.network, Path(room) / WEIGHTS), proxy.test).accuracy
        except DivergedError:
            accuracy, cost = 0.0, Cost(0.0, 0.0, options.grams_per_core_hour)
        found.append(journal.tell(optunas, Trial(number, recipe, accuracy, cost)))
        shutil.rmtree(here, ignore_errors=True)
        if tried is not None:
            tried(found[-1])
    return Tuned(tuple(found), tuple(knobs), len(proxy.test), len(proxy.train))


def _proxy(data: Dataset, share: float) -> Dataset:
    """A share of the training images, and as test images some of the others."""
    learnt, held_out = data.with_held_out(min(MOST_HELD_OUT, len(data.train) // HELD_OUT))
    if not len(held_out):
        raise TrainingError(f"{data.name}: of {len(data.train)} training images none can be held out")
    return Dataset(data.name, data.classes, learnt, held_out).limited(max(1, round(share * len(learnt))), None)


class _Journal:
    """Trials that have ended, in a file of Optuna."""

    def __init__(self, folder: Path, subject: str, knobs: Sequence[Knob], base: Recipe, *, restart: bool) -> None:
        self._optuna: Any = require("optuna", "train", "searching recipes")
        self._knobs, self._base = knobs, base
        path = folder / JOURNAL
        if restart:
            path.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        try:
            storage = self._optuna.storages.JournalStorage(self._optuna.storages.journal.JournalFileBackend(str(path)))
            self._study = self._optuna.create_study(storage=storage, study_name="tune", direction="maximize", load_if_exists=True)
        except (ValueError, KeyError, TypeError) as error:
            said = f"is no journal of a search, or damaged ({type(error).__name__})"
            raise TrainingError(f"{path}: {said}; --restart begins anew") from None
        if self._study.user_attrs.setdefault("subject", subject) != subject:
            raise TrainingError(f"{path}: is of another design, data or options; --restart begins anew")
        self._study.set_user_attr("subject", subject)
        for trial in self._study.get_trials(deepcopy=False):
            if trial.state.name == "RUNNING":  # of a process that was killed
                self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)

    def trials(self) -> Iterator[Trial]:
        """Those that have ended."""
        ended = [trial for trial in self._study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
        for number, trial in enumerate(ended):
            seconds, core_seconds, grams = trial.user_attrs["cost"]
            yield Trial(number, self._recipe(trial.params), trial.value, Cost(seconds, core_seconds, grams))

    def propose(self, number: int, search: Search) -> tuple[Any, Recipe]:
        """Optuna's next trial, which depends on the trials that have ended and on nothing else, and its recipe."""
        samplers, seed = self._optuna.samplers, [search.seed, number]
        drawn = samplers.RandomSampler(seed=_mixed(seed))
        guided = samplers.TPESampler(seed=_mixed(seed), n_startup_trials=RANDOM_FIRST)
        self._study.sampler = drawn if search.sampler == "random" else guided
        if number == 0 and not any(trial.state.name == "WAITING" for trial in self._study.get_trials(deepcopy=False)):
            self._study.enqueue_trial({knob.name: getattr(self._base, knob.name) for knob in self._knobs})
        trial = self._study.ask()
        return trial, self._recipe({knob.name: knob.suggest(trial) for knob in self._knobs})

    def tell(self, optunas: Any, trial: Trial) -> Trial:
        """Keep a trial that has ended."""
        optunas.set_user_attr("cost", [trial.cost.seconds, trial.cost.core_seconds, trial.cost.grams_per_core_hour])
        self._study.tell(optunas, trial.accuracy)
        return trial

    def _recipe(self, chosen: Mapping[str, Any]) -> Recipe:
        return self._base.model_copy(update=dict(chosen))


def _mixed(numbers: Sequence[int]) -> int:
    """One seed made of several."""
    return int(np.random.SeedSequence(list(numbers)).generate_state(1)[0])
