"""Does a short training on a share of the images choose a recipe? Three tables about `qeopt tune` for docs/lcpaq.md.

    python benchmarks/lcpaq/run.py --data FOLDER

FOLDER holds the four files of Debian's package dataset-fashion-mnist. The network is the one that the objective of
benchmarks/truth/learnt.yaml finds best in the space of benchmarks/truth/fashion.yaml. A whole training is one epoch of 20,000
images, a trial one of a quarter of those that are not held out. Every row of results.csv that is there is not made again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch
from scipy.stats import spearmanr

from qeopt.design import Design, load_design
from qeopt.training.data.dataset import Dataset
from qeopt.training.data.idx import read_idx_folder
from qeopt.training.evaluation import score_onnx
from qeopt.training.loop import Trainer
from qeopt.training.network import module_of
from qeopt.training.recipe import Recipe
from qeopt.training.teacher import load_teacher
from qeopt.training.train import Options, go_on
from qeopt.training.tuning import KNOBS, Search, tune
from qeopt.training.weights import save
from qeopt.verbs.solve import solve

HERE = Path(__file__).parent
RESULTS = HERE / "results.csv"
COLUMNS = ("part", "bits", "name", "seed", "share", "accuracy", "seconds", "recipe")
IMAGES, HELD_OUT = 20_000, 2_000
TRIALS, SEEDS = 24, 3
USUAL = Recipe(epochs=1.0, step_rate=1.0)
"""The usual recipe when these rows were made."""
SHARES = (0.05, 0.1, 0.25, 0.5)
RECIPES = 16
"""Drawn at random, to set what short trainings say of them beside whole ones."""
TEACHER = f"{HERE / 'teacher.py'}:teacher"
ABLATION: Mapping[str, dict[str, Any]] = {
    "usual": {},
    "one step a tensor": {"weight_steps": "tensor"},
    "normalisation folded": {"normalisation": "folded"},
    "folded, one step a tensor": {"weight_steps": "tensor", "normalisation": "folded"},
    "grids by 8 batches": {"calibration": 8},
    "half a teacher": {"distillation": 0.5},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "weight decay 1e-4": {"weight_decay": 1e-4},
    "rate 3e-3": {"rate": 3e-3},
    "rate 3e-2": {"rate": 3e-2},
}
"""Changes of the usual recipe, one at a time."""


@dataclass(frozen=True)
class Bench:
    """Designs by their bits, images, and the rows that are there."""

    designs: Mapping[str, Design]
    data: Dataset
    scratch: Path
    rows: list[dict[str, str]]

    def known(self, **key: object) -> dict[str, str] | None:
        return next((row for row in self.rows if all(row[name] == str(value) for name, value in key.items())), None)

    def keep(self, **row: object) -> dict[str, str]:
        told = {column: str(row[column]) for column in COLUMNS}
        self.rows.append(told)
        new = not RESULTS.exists()
        with RESULTS.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(told)
        print(" ".join(f"{name}={value}" for name, value in told.items()), flush=True)
        return told

    def trained(self, part: str, bits: str, name: str, recipe: Recipe, seed: int, share: float = 1.0) -> float:
        """Accuracy after a training: on the test images after a whole one, on held-out ones after one on a share."""
        key = {"part": part, "bits": bits, "name": name, "seed": seed, "share": share}
        row = self.known(**key)
        if row is None:
            learnt, held_out = self.data.with_held_out(HELD_OUT)
            images = (
                self.data.train
                if share == 1.0
                else Dataset("", (), learnt, held_out).limited(round(share * len(learnt)), None).train
            )
            judged = self.data.test if share == 1.0 else held_out
            started = time.process_time()
            marks = self._marks(bits, recipe.model_copy(update={"seed": seed}), images, judged)
            seconds = time.process_time() - started
            told = json.dumps(recipe.model_dump(mode="json", exclude_defaults=True))
            row = self.keep(**key, accuracy=f"{marks:.4f}", seconds=f"{seconds:.1f}", recipe=told)
        return float(row["accuracy"])

    def _marks(self, bits: str, recipe: Recipe, images: Any, judged: Any) -> float:
        design = self.designs[bits]
        module = module_of(design)
        trainer = Trainer(recipe, images, teacher=load_teacher(TEACHER) if recipe.distillation else None)
        state = go_on(design, module, trainer, "", self.scratch / "one", Options(device="cpu", restart=True))
        assert state is not None  # nothing asked it to stop
        return score_onnx(design, save(module, state.network, self.scratch / "weights.npz"), judged).accuracy


def searches(bench: Bench) -> Iterator[tuple[str, int, float, float]]:
    """Sampler, seed, what its best recipe reaches on held-out images in a trial, and on the test images after a whole training."""
    for seed in range(SEEDS):
        for sampler in ("tpe", "random"):
            folder = bench.scratch / f"{sampler}-{seed}"
            row = bench.known(part="search", name=sampler, seed=seed)
            if row is None:
                base, search = USUAL, Search(TRIALS, 0.25, sampler, seed)  # type: ignore[arg-type]
                found = tune(
                    bench.designs["mixed"], bench.data, base, KNOBS, folder, search, Options(device="cpu", teacher=TEACHER)
                )
                told = json.dumps(found.best.recipe.model_dump(mode="json", exclude_defaults=True))
                cost = f"{found.cost.core_seconds:.0f}"
                row = bench.keep(
                    part="search", bits="mixed", name=sampler, seed=seed, share=0.25,
                    accuracy=f"{found.best.accuracy:.4f}", seconds=cost, recipe=told,
                )  # fmt: skip
            recipe = Recipe(**json.loads(row["recipe"])).model_copy(update=USUAL.model_dump(include={"epochs", "step_rate"}))
            yield (
                sampler,
                seed,
                float(row["accuracy"]),
                bench.trained("best of a search", "mixed", f"{sampler} {seed}", recipe, 100),
            )


def drawn() -> list[Recipe]:
    """Recipes at random, as the sampler `random` proposes them."""
    import optuna  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = []
    for _ in range(RECIPES):
        trial = study.ask()
        found.append(USUAL.model_copy(update={knob.name: knob.suggest(trial) for knob in KNOBS}))
    return found


def tables(bench: Bench) -> Iterator[str]:
    """The three tables; what is missing is made."""
    yield from ("| recipe | 8 bits | mixed bits |", "|---|---|---|")
    for name, change in ABLATION.items():
        cells = []
        for bits in bench.designs:
            marks = [bench.trained("ablation", bits, name, USUAL.model_copy(update=change), seed) for seed in range(SEEDS)]
            cells.append(f"{100 * fmean(marks):.2f} ± {100 * stdev(marks):.2f}")
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    recipes = drawn()
    whole = [bench.trained("recipe", "mixed", str(number), recipe, 0) for number, recipe in enumerate(recipes)]
    again = [bench.trained("recipe", "mixed", str(number), recipe, 1) for number, recipe in enumerate(recipes)]
    yield from ("| trained by | core-seconds | rank correlation with whole trainings |", "|---|---|---|")
    for share in SHARES:
        short = [bench.trained("recipe", "mixed", str(number), recipe, 0, share) for number, recipe in enumerate(recipes)]
        spent = fmean(float(row["seconds"]) for row in bench.rows if row["part"] == "recipe" and row["share"] == str(share))
        yield f"| {100 * share:.0f} % of the images | {spent:.1f} | {spearmanr(short, whole).statistic:+.2f} |"
    spent = fmean(float(row["seconds"]) for row in bench.rows if row["part"] == "recipe" and row["share"] == "1.0")
    yield f"| all, with another seed | {spent:.1f} | {spearmanr(again, whole).statistic:+.2f} |"
    yield ""
    yield from ("| search | seed | best of its trials, held out | its recipe, trained whole, test |", "|---|---|---|---|")
    for sampler, seed, short_best, full in searches(bench):
        yield f"| {sampler} | {seed} | {100 * short_best:.2f} | {100 * full:.2f} |"
    usual = [bench.trained("best of a search", "mixed", "usual", USUAL, seed) for seed in (100, 101, 102)]
    yield f"| the usual recipe | 100 to 102 | | {', '.join(f'{100 * one:.2f}' for one in usual)} |"


def learn_teacher(data: Dataset, path: Path) -> None:
    """Train the teacher by the images that are not held out, three times over."""
    import teacher  # noqa: PLC0415  # beside this file

    torch.manual_seed(0)
    network = teacher.untrained()
    trainer = Trainer(Recipe(epochs=3.0, rate=3e-3, step_rate=1.0), data.with_held_out(HELD_OUT)[0])
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for step, (images, labels) in enumerate(trainer.batches(0, trainer.steps)):
        optimiser.param_groups[0]["lr"] = trainer.rate(step)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)


def designs(folder: Path) -> dict[str, Design]:
    """The best by the learnt objective, with all widths and with 8 bits alone."""
    truth = HERE.parent / "truth"
    found = {}
    for name, more in (("8 bits", ["bits.weights=[8]", "bits.activations=[8]"]), ("mixed", [])):
        path = folder / f"{name}.json"
        if not path.exists():
            solved = solve(truth / "fashion.yaml", overrides=[f"objective={truth / 'learnt.yaml'}", *more]).design
            assert solved is not None
            solved.save(path)
        found[name] = load_design(path)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, default=Path("runs/lcpaq"), help="where designs, searches and the teacher are kept")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    given.scratch.mkdir(parents=True, exist_ok=True)
    data = read_idx_folder(given.data).limited(IMAGES, None)
    known = given.scratch / "teacher.pt"
    if not known.exists():
        learn_teacher(data, known)
    os.environ["QEOPT_TEACHER"] = str(known)
    rows = list(csv.DictReader(RESULTS.open(encoding="utf-8"))) if RESULTS.exists() else []
    bench = Bench(designs(given.scratch), data, given.scratch, rows)
    print("\n".join(tables(bench)))


if __name__ == "__main__":
    main()
