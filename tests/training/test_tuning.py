"""Searching for a recipe by short trainings: what is tried does not depend on interruptions, and says what it is of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from qeopt.cli.recipe_options import OPTIONS
from qeopt.cli.verbs import app
from qeopt.design import Design
from qeopt.training import tuning
from qeopt.training.data.dataset import Dataset
from qeopt.training.errors import DivergedError, TrainingError
from qeopt.training.recipe import Recipe
from qeopt.training.train import go_on
from qeopt.training.tuned import train_command
from qeopt.training.tuning import JOURNAL, KNOBS, Knob, Search, Trial, tune

pytestmark = pytest.mark.slow
BASE = Recipe(epochs=3.0, batch=20)
TWO = (Knob("rate", low=1e-4, high=3e-2), Knob("weight_steps", ("channel", "tensor")))
SEARCH = Search(trials=11, share=0.5)


@pytest.fixture(autouse=True)
def torch() -> Any:
    pytest.importorskip("optuna")
    found = pytest.importorskip("torch")
    found.set_num_threads(1)
    return found


def told(trials: tuple[Trial, ...]) -> list[tuple[float, str, float]]:
    return [(trial.recipe.rate, trial.recipe.weight_steps, trial.accuracy) for trial in trials]


def test_what_is_tried_does_not_depend_on_interruptions(design: Design, data: Dataset, tmp_path: Path) -> None:
    whole = tune(design, data, BASE, TWO, tmp_path / "whole", SEARCH)
    assert told(whole.trials)[0][:2] == (BASE.rate, "channel")
    assert len({trial.recipe.rate for trial in whole.trials}) == len(whole.trials)
    assert whole.best.accuracy == max(trial.accuracy for trial in whole.trials) > 0.5
    assert (whole.trained_by, whole.held_out) == (round(0.5 * 0.8 * len(data.train)), len(data.train) // 5)

    def cut(trial: Trial) -> None:
        if trial.number in {0, 4, 9}:
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            tune(design, data, BASE, TWO, tmp_path / "cut", SEARCH, tried=cut)
    again = tune(design, data, BASE, TWO, tmp_path / "cut", SEARCH)
    assert told(again.trials) == told(whole.trials)
    fewer = tune(design, data, BASE, TWO, tmp_path / "cut", replace(SEARCH, trials=5))
    assert len(fewer.trials) == len(whole.trials)  # nothing is lost
    chance = tune(design, data, BASE, TWO, tmp_path / "chance", replace(SEARCH, sampler="random"))
    assert told(chance.trials)[: 1 + tuning.RANDOM_FIRST] != told(whole.trials)
    assert told(chance.trials)[0] == told(whole.trials)[0]


def test_a_process_that_is_killed_in_a_trial_makes_it_again(
    design: Design, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = replace(SEARCH, trials=3)
    whole = tune(design, data, BASE, TWO, tmp_path / "whole", search)
    calls = []

    def killed(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise SystemExit
        return go_on(*arguments)

    monkeypatch.setattr(tuning, "go_on", killed)
    with pytest.raises(SystemExit):
        tune(design, data, BASE, TWO, tmp_path / "cut", search)
    assert told(tune(design, data, BASE, TWO, tmp_path / "cut", search).trials) == told(whole.trials)


def test_a_trial_whose_loss_is_no_number_counts_as_nothing(
    design: Design, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def diverges(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise DivergedError("the loss is nan at step 3")
        return go_on(*arguments)

    monkeypatch.setattr(tuning, "go_on", diverges)
    found = tune(design, data, BASE, TWO, tmp_path, replace(SEARCH, trials=3))
    assert [trial.accuracy > 0 for trial in found.trials] == [True, False, True]
    assert found.best.number != 1


def test_a_journal_of_something_else_is_refused(design: Design, data: Dataset, tmp_path: Path) -> None:
    search = replace(SEARCH, trials=1)
    tune(design, data, BASE, TWO, tmp_path, search)
    for other in ({"knobs": TWO[:1]}, {"search": replace(search, share=0.3)}, {"base": BASE.model_copy(update={"batch": 10})}):
        asked = {"base": BASE, "knobs": TWO, "search": search, **other}
        with pytest.raises(TrainingError, match="is of another design, data or options; --restart begins anew"):
            tune(design, data, asked["base"], asked["knobs"], tmp_path, asked["search"])  # type: ignore[arg-type]
    (tmp_path / JOURNAL).write_bytes(b"no json\n" * 3)
    with pytest.raises(TrainingError, match="is no journal of a search, or damaged"):
        tune(design, data, BASE, TWO, tmp_path, search)
    with pytest.raises(TrainingError, match="nothing is left to search"):
        tune(design, data, BASE, (), tmp_path / "none", search)


def test_the_verb(design: Design, data: Dataset, tmp_path: Path) -> None:
    design.save(tmp_path / "design.json")
    images = np.concatenate([data.train.pixels, data.test.pixels]).transpose(0, 2, 3, 1)
    np.savez(tmp_path / "data.npz", images=images, labels=np.concatenate([data.train.labels, data.test.labels]))
    base = ["tune", str(tmp_path / "design.json"), "--data", str(tmp_path / "data.npz"), "--batch", "20", "--share", "0.5"]
    words = [*base, "--trials", "3", "--rate", "0.01", "--normalisation", "folded", "--quiet"]
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["searched"] == ["weight_steps", "calibration", "eight_bits_first", "label_smoothing", "weight_decay"]
    assert {trial["recipe"]["normalisation"] for trial in found["trials"]} == {"folded"}
    assert json.loads((tmp_path / "tune" / "tune.json").read_text()) == {k: v for k, v in found.items() if k != "files"}
    text = CliRunner().invoke(app, words).stdout
    assert "trial 0 is the usual recipe" in text
    assert f"to train: {found['command']}" in text
    verb, *arguments = found["command"].split()[1:]
    assert CliRunner().invoke(app, [verb, *arguments, "--epochs", "1", "--quiet"]).exit_code == 0
    best = next(trial["recipe"] for trial in found["trials"] if trial["number"] == found["best"])
    made = json.loads((tmp_path / "train" / "train.json").read_text())["recipe"]
    assert {key: made[key] for key in found["searched"]} == pytest.approx({key: best[key] for key in found["searched"]})
    assert made["normalisation"] == "folded"


def test_a_share_of_a_teacher_who_is_not_there_is_refused(design: Design, tmp_path: Path) -> None:
    design.save(tmp_path / "design.json")
    result = CliRunner().invoke(app, ["tune", str(tmp_path / "design.json"), "--data", "digits", "--distillation", "0.5"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--distillation: needs a --teacher" in result.stderr


def test_every_option_of_a_recipe_is_a_key_of_it() -> None:
    assert set(OPTIONS) == set(Recipe.model_fields) - {"warm_up"}


def test_every_knob_is_a_key_of_recipes_and_an_option() -> None:
    usual = Recipe()
    for knob in KNOBS:
        value = getattr(usual, knob.name)
        assert value in knob.values or knob.low <= value <= knob.high
    other = usual.model_copy(update={"rate": 0.00123, "weight_steps": "tensor", "flip": True, "epochs": 3.0, "calibration": 8})
    said = "--rate 0.00123 --flip --weight-steps tensor --calibration-batches 8"
    assert train_command(other, "qeopt train x --data d") == f"qeopt train x --data d {said}"


def test_a_teacher_is_listened_to_as_in_the_best_trial() -> None:
    asked = "qeopt train x --data d --teacher t.py:make"
    assert train_command(Recipe(), asked) == f"{asked} --distillation 0"  # 0.5 unless told
    assert train_command(Recipe(distillation=0.9), asked) == f"{asked} --distillation 0.9"
