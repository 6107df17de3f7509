"""Training with PyTorch: what is learnt, what a run is resumed to, what options change. `.ci/run` runs these with torch."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.design import Design
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers
from qeopt.training.calibration import calibrate
from qeopt.training.data.augment import augmented
from qeopt.training.data.dataset import Dataset
from qeopt.training.errors import TrainingError
from qeopt.training.evaluation import score_reference, score_torch
from qeopt.training.loop import Trainer
from qeopt.training.network import grids, module_of, network_for
from qeopt.training.recipe import Recipe
from qeopt.training.train import Options, train
from qeopt.training.weights import load, save

pytestmark = pytest.mark.slow
TEACHERS = """\
from torch import nn

dict = dict


def teacher():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


def fails():
    1 / 0
"""
RECIPE = Recipe(epochs=4, batch=20, rate=1e-2)


@pytest.fixture(autouse=True)
def torch() -> Any:
    found = pytest.importorskip("torch")
    found.set_num_threads(1)
    return found


@pytest.fixture
def module(design: Design) -> ModuleType:
    return module_of(design)


def test_patterns_are_learnt_and_all_runtimes_agree(design: Design, data: Dataset, tmp_path: Path) -> None:
    found = train(design, "tiny", data, RECIPE.model_copy(update={"epochs": 12.0}), tmp_path)
    assert found is not None
    assert found.accuracy > 0.9
    assert abs(found.accuracy - found.simulated.accuracy) <= 1 / 60 + 1e-9
    assert abs(found.accuracy - found.onnxruntime.accuracy) <= 1 / 60 + 1e-9
    record = json.loads((tmp_path / "train.json").read_text())
    assert (record["design"], record["seed"], record["accuracy"]) == ("tiny", 0, found.accuracy)
    assert record["steps"] == 12 * 12
    assert record["curve"][-1]["loss"] < 0.5 * record["curve"][0]["loss"]
    steps = [point["step"] for point in record["curve"]]
    assert steps == sorted(set(steps))
    again = quantised(design, Numbers(weights=tmp_path / "weights.npz"))
    assert {name: weights.bits for name, weights in again.weights.items()} == dict(design.weights)


def learnt(folder: Path) -> dict[str, bytes]:
    with np.load(folder / "weights.npz") as held:
        return {name: held[name].tobytes() for name in held.files}


@pytest.mark.parametrize("stops", [(1,), (13, 14, 40)])
def test_a_run_that_is_stopped_anywhere_ends_with_the_same_weights(
    stops: tuple[int, ...], design: Design, data: Dataset, tmp_path: Path
) -> None:
    recipe = RECIPE.model_copy(update={"shift": 1, "flip": True, "eight_bits_first": 0.4, "calibration": 2, "label_smoothing": 0.1})
    train(design, "tiny", data, recipe, tmp_path / "whole")
    for stop in stops:
        assert train(design, "tiny", data, recipe, tmp_path / "parts", Options(stop_at=stop)) is None
    assert train(design, "tiny", data, recipe, tmp_path / "parts") is not None
    assert learnt(tmp_path / "parts") == learnt(tmp_path / "whole")
    curves = [json.loads((tmp_path / name / "train.json").read_text())["curve"] for name in ("whole", "parts")]
    assert curves[0] == curves[1]


def test_a_run_that_is_killed_three_times_ends_with_the_same_weights(verb: Callable[..., Any], tmp_path: Path) -> None:
    options = ["--epochs", "10", "--save-every", "0"]
    killed = [sys.executable, "-m", "qeopt", "train", "tiny", "--data", "data.npz", "--batch", "20", *options, "--out", "killed"]
    kept = tmp_path / "killed" / "checkpoint.pt"
    for _ in range(3):
        before = kept.read_bytes() if kept.exists() else b""
        with subprocess.Popen(killed, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
            end = time.monotonic() + 300
            while (not kept.exists() or kept.read_bytes() == before) and process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
        assert kept.read_bytes() != before
    assert not (tmp_path / "killed" / "weights.npz").exists()
    for name in ("killed", "whole"):
        assert verb(*options, "--out", name).exit_code == 0
    assert learnt(tmp_path / "killed") == learnt(tmp_path / "whole")


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(design: Design, data: Dataset, tmp_path: Path) -> None:
    train(design, "tiny", data, RECIPE, tmp_path, Options(stop_at=2))
    with pytest.raises(TrainingError, match="of another design, recipe or data"):
        train(design, "tiny", data, RECIPE.model_copy(update={"rate": 2e-3}), tmp_path)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="or it is damaged; --restart begins anew"):
        train(design, "tiny", data, RECIPE, tmp_path)
    assert train(design, "tiny", data, RECIPE, tmp_path, Options(restart=True, stop_at=1)) is None


@pytest.mark.parametrize(("bits", "signed", "channels"), [(8, True, 6), (2, True, 6), (4, True, 1), (4, False, 1), (2, False, 1)])
def test_rounding_has_the_gradients_of_learnt_steps(bits: int, signed: bool, channels: int, module: ModuleType, torch: Any) -> None:
    """One function against the formula of LSQ in operations that PyTorch differentiates; a ReLU is the end of a grid."""
    grid = module.Round(bits, signed, channels=channels).double()
    values = torch.randn(6, 5, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    seen = torch.randn(6, 5, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = grid(values).values
    (found * seen).sum().backward()
    given = values.grad, grid.step.grad
    plain, step = values.detach().clone().requires_grad_(), grid.step.detach().clone().requires_grad_()
    share = (max(grid.high, 1) * values.numel() / channels) ** -0.5
    scaled_step = (step * share + (step - step * share).detach()).reshape(-1, 1, 1, 1)
    scaled = ((plain if signed else plain.relu()) / scaled_step).clamp(grid.low, grid.high)
    expected = (scaled + (scaled.round() - scaled).detach()) * scaled_step
    (expected * seen).sum().backward()
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    for one, other in zip(given, (plain.grad, step.grad), strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-12)


def test_normalisation_has_the_gradients_of_its_formula(module: ModuleType, torch: Any) -> None:
    norm = module.Norm(5).double().train()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, -2.0, 0.5, 1.5, 3.0]))
        norm.bias.copy_(torch.tensor([0.3, -0.2, 0.0, 1.0, -1.0]))
    sums = torch.randn(4, 5, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    unit = torch.full((5,), 0.05, dtype=torch.float64)
    seen = torch.randn(4, 5, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = norm(sums, unit)
    (found * seen).sum().backward()
    given = sums.grad, norm.weight.grad, norm.bias.grad
    plain, weight, bias = (value.detach().clone().requires_grad_() for value in (sums, norm.weight, norm.bias))
    variance, mean = torch.var_mean(plain, dim=(0, 2, 3), unbiased=False)
    factor = weight.abs() * torch.rsqrt(variance + 1e-5)
    added = bias - mean * factor
    rounded = (added / (unit * factor)).round() * unit * factor
    expected = plain * factor[:, None, None] + (added + (rounded - added).detach())[:, None, None]
    (expected * seen).sum().backward()
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-12)
    for one, other in zip(given, (plain.grad, weight.grad, bias.grad), strict=True):
        assert torch.allclose(one, other, rtol=1e-8, atol=1e-10)


def test_steps_follow_the_schedule(data: Dataset) -> None:
    trainer = Trainer(RECIPE.model_copy(update={"warm_up": 0.25}), data.train)
    assert (trainer.steps, trainer.steps_per_epoch) == (48, 12)
    rates = [trainer.rate(step) for step in range(48)]
    assert rates[:12] == pytest.approx([1e-2 * (step + 1) / 12 for step in range(12)])
    assert rates[12:] == pytest.approx([5e-3 * (1 + math.cos(math.pi * step / 36)) for step in range(36)])


def test_every_image_is_seen_once_an_epoch(data: Dataset) -> None:
    trainer = Trainer(RECIPE, data.train)
    seen = [(images * 255).round().byte().numpy() for images, _ in trainer.batches(12, 24)]
    assert sorted(map(bytes, np.concatenate(seen))) == sorted(map(bytes, data.train.pixels))
    first = next(iter(trainer.batches(0, 1)))[0]
    assert not np.array_equal((first * 255).round().byte().numpy(), seen[0])


def test_augmentation_moves_and_mirrors(data: Dataset) -> None:
    recipe = Recipe(shift=2, flip=True)
    pixels = data.train.pixels[:50]
    found = augmented(pixels, recipe, np.random.default_rng(3))
    allowed = []
    for one in pixels:
        padded = np.pad(np.stack([one, one[..., ::-1]]), ((0, 0), (0, 0), (2, 2), (2, 2)))
        allowed.append({padded[m, :, y : y + 8, x : x + 8].tobytes() for m in (0, 1) for y in range(5) for x in range(5)})
    assert all(one.tobytes() in wanted for one, wanted in zip(found, allowed, strict=True))
    assert len({one.tobytes() for one in found} - {one.tobytes() for one in pixels}) > 30


def test_widths_are_eight_bits_first(design: Design, module: ModuleType, data: Dataset, torch: Any) -> None:
    recipe = RECIPE.model_copy(update={"eight_bits_first": 0.5})
    trainer = Trainer(recipe, data.train)
    state = trainer.start(module.Network())
    trainer.train(state, until=10)
    assert {grid.high - grid.low for grid in grids(state.network)} == {255}
    trainer.train(state)
    assert {grid.high - grid.low + 1 for grid in grids(state.network)} == {2**grid.bits for grid in grids(state.network)}
    held: list[Any] = []
    for name, layer in state.network.named_modules():
        if name == "b1.1.project":
            layer.register_forward_hook(lambda _, __, output: held.append(output))
    state.network.eval()(torch.rand(4, 1, 8, 8))
    assert len(torch.unique((held[0].values / held[0].step).round())) <= 2 ** design.activations["b1.1.project"]


def test_weights_are_gone_on_from(design: Design, module: ModuleType, data: Dataset, tmp_path: Path, torch: Any) -> None:
    """A network that starts from what another learnt computes nearly the same, before any step."""
    trainer = Trainer(RECIPE.model_copy(update={"epochs": 10.0}), data.train)
    state = trainer.train(trainer.start(module.Network()))
    path = save(module, state.network, tmp_path / "w.npz")
    with np.load(path) as held:
        arrays = {name: held[name].astype(np.float32) for name in held.files}
    for array in arrays.values():
        array.flags.writeable = False  # as those of a model's file are
    torch.manual_seed(7)
    other = module.Network()
    batches = [images for images, _ in trainer.batches(0, 12)]
    before = module.Network().eval()
    load(other.train(), arrays, batches)
    calibrate(other, batches)
    other.eval()
    state.network.eval()
    with torch.no_grad():
        images = torch.cat(batches)
        labels = torch.cat([found for _, found in trainer.batches(0, 12)])
        right = [
            float((network(images).flatten(1).argmax(1) == labels).float().mean()) for network in (state.network, other, before)
        ]
    assert right[0] > 0.9
    assert right[1] > right[0] - 0.2
    assert right[1] > right[2] + 0.2


def test_calibration_averages_the_steps_of_its_batches(module: ModuleType, data: Dataset) -> None:
    trainer, network = Trainer(RECIPE, data.train), module.Network()
    batches = [images for images, _ in trainer.batches(0, 6)]
    singles = []
    for batch in batches:
        calibrate(network.train(), [batch])
        singles.append(network.stem.round.step.item())
    calibrate(network, batches)
    assert network.stem.round.step.item() == pytest.approx(float(np.mean(singles)))
    assert len(set(singles)) > 1
    assert network.stem.norm.mean.abs().sum() == 0


def test_a_teacher_is_learnt_from(module: ModuleType, data: Dataset, torch: Any, tmp_path: Path) -> None:
    """With nothing but a teacher that calls everything `right`, so does the network."""

    def teacher(images: Any) -> Any:
        return torch.tensor([0.0, 9.0, 0.0]).repeat(len(images), 1)

    recipe = RECIPE.model_copy(update={"distillation": 1.0})
    trainer = Trainer(recipe, data.train, teacher=teacher)
    state = trainer.train(trainer.start(module.Network()))
    state.network.eval()
    assert (state.network(torch.rand(30, 1, 8, 8)).flatten(1).argmax(1) == 1).all()
    trainer = Trainer(recipe, data.train, teacher=lambda images: torch.zeros(len(images), 4))
    state = trainer.start(module.Network())
    with pytest.raises(TrainingError, match="the teacher has 4 outputs and the network 3"):
        trainer.train(state)


@pytest.mark.parametrize("normalisation", ["apart", "folded"])
@pytest.mark.parametrize("weight_steps", ["channel", "tensor"])
def test_grids_of_weights_as_the_recipe_asks(
    weight_steps: str, normalisation: str, design: Design, module: ModuleType, data: Dataset, torch: Any, tmp_path: Path
) -> None:
    """It learns, and the integer network made of it tells the classes that the simulation tells."""
    recipe = RECIPE.model_copy(update={"epochs": 6.0, "weight_steps": weight_steps, "normalisation": normalisation})
    trainer = Trainer(recipe, data.train)
    state = trainer.train(trainer.start(network_for(module, recipe)))
    assert state.curve[-1][1] < 0.7 * state.curve[0][1]
    path = save(module, state.network, tmp_path / "w.npz")
    with np.load(path) as held:
        scales = {name: held[name] for name in held.files if name.endswith(".weight_scale")}
    assert {len(scale) for name, scale in scales.items() if name != "classifier.weight_scale"} != {1}
    of_one_value = {name for name, scale in scales.items() if len(set(scale.tolist())) == 1}
    alike = {"classifier.weight_scale"} if normalisation == "apart" else set(scales)
    assert of_one_value == (alike if weight_steps == "tensor" else set())
    simulated = score_torch(state.network, data.test, len(data.classes))
    assert (score_reference(design, path, data.test).picks == simulated.picks).mean() >= 59 / 60


def test_folding_is_another_training_and_the_same_function(module: ModuleType, data: Dataset, torch: Any) -> None:
    """With grids so fine that nothing is rounded, folding or not is the same function of the same weights."""
    recipe = RECIPE.model_copy(update={"normalisation": "folded"})
    torch.manual_seed(3)
    apart = module.Network()
    folded = network_for(module, recipe)
    folded.load_state_dict(apart.state_dict())
    fine = 2**20
    for network in (apart, folded):
        for part in network.modules():
            if hasattr(part, "is_set") and part.step.requires_grad:
                part.low, part.high = -fine * part.signed, fine
    images = next(iter(Trainer(RECIPE, data.train).batches(0, 1)))[0]
    with torch.no_grad():
        outputs = [network.train()(images) for network in (apart, folded)]
        for network in (apart, folded):
            network.eval()
        again = [network(images) for network in (apart, folded)]
    for one, other in (outputs, again):
        assert torch.allclose(one, other, atol=2e-2 * float(one.abs().max()))
    assert torch.allclose(apart.stem.norm.mean, folded.stem.norm.mean, atol=1e-4)
    assert torch.allclose(apart.stem.norm.variance, folded.stem.norm.variance, atol=1e-4)


def test_steps_of_grids_learn_at_their_share_of_the_rate(module: ModuleType, data: Dataset, torch: Any) -> None:
    """The first step of Adam moves every value by the rate, or not at all."""
    recipe = RECIPE.model_copy(update={"step_rate": 0.25})
    trainer = Trainer(recipe, data.train)
    torch.manual_seed(0)
    state = trainer.start(module.Network())
    calibrate(state.network, (images for images, _ in trainer.batches(0, 1)))
    before = {name: value.detach().clone() for name, value in state.network.named_parameters()}
    state.network.train()
    trainer.train(state, until=1)
    steps = {id(grid.step) for grid in grids(state.network)}
    moved = {True: 0.0, False: 0.0}
    for name, value in state.network.named_parameters():
        far = float((value.detach() - before[name]).abs().max())
        moved[id(value) in steps] = max(moved[id(value) in steps], far)
    assert moved[False] == pytest.approx(trainer.rate(0), rel=1e-3)
    assert moved[True] == pytest.approx(0.25 * trainer.rate(0), rel=1e-3)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_other_optimisers_learn(optimiser: str, module: ModuleType, data: Dataset) -> None:
    recipe = RECIPE.model_copy(update={"optimiser": optimiser, "weight_decay": 1e-4})
    trainer = Trainer(recipe, data.train)
    state = trainer.train(trainer.start(module.Network()))
    assert state.curve[-1][1] < 0.8 * state.curve[0][1]


def test_a_loss_that_is_no_number_is_told(module: ModuleType, data: Dataset, torch: Any) -> None:
    trainer = Trainer(RECIPE, data.train)
    network = module.Network()
    with torch.no_grad():
        network.classifier.bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"the loss is nan at step 1; a lower --rate helps \(it is 0\.01\)"):
        trainer.train(trainer.start(network))


def test_running_out_of_memory_is_told(module: ModuleType, data: Dataset, torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
        )

    monkeypatch.setattr(torch.nn.functional, "cross_entropy", fails)
    trainer = Trainer(RECIPE, data.train)
    with pytest.raises(TrainingError, match=r"^a step of 20 images needs more memory than there is; a smaller --batch helps$"):
        trainer.train(trainer.start(module.Network()))


@pytest.fixture
def verb(design: Design, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `qeopt train tiny --data data.npz`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    design.save(tmp_path / "tiny" / "design.json")
    arrays: dict[str, Any] = {
        "x_train": data.train.pixels,
        "y_train": data.train.labels,
        "x_test": data.test.pixels,
        "y_test": data.test.labels,
    }
    np.savez(tmp_path / "data.npz", **arrays)
    return lambda *given: CliRunner().invoke(app, ["train", "tiny", "--data", "data.npz", "--batch", "20", *given])


def test_the_verb_trains_several_seeds(verb: Callable[..., Any], tmp_path: Path) -> None:
    result = verb("--epochs", "2", "--seeds", "2", "--seed", "3", "--gco2e-per-core-hour", "3600", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert [run["seed"] for run in found["runs"]] == [3, 4]
    for run in found["runs"]:
        assert run["gco2e"] == pytest.approx(run["core_seconds"], rel=1e-2)
        assert run["core_seconds"] > 0
    assert all(
        (tmp_path / "tiny" / "train" / f"seed-{seed}" / name).exists() for seed in (3, 4) for name in ("weights.npz", "train.json")
    )
    assert learnt(tmp_path / "tiny" / "train" / "seed-3") != learnt(tmp_path / "tiny" / "train" / "seed-4")
    text = verb("--epochs", "2", "--seeds", "2", "--seed", "3").stdout
    assert "seed 3: " in text
    assert "2 seeds: " in text
    assert re.search(r"^cost: [\d.]+ core-seconds, .* at 2.7 g a core-hour$", text, flags=re.MULTILINE)


def test_designs_in_one_folder_are_trained_apart(verb: Callable[..., Any], tmp_path: Path) -> None:
    """As `sample` writes them: each has a training of its own, which `evaluate` finds."""
    (tmp_path / "designs").mkdir()
    for name in ("0001-exact", "0002-exact"):
        shutil.copy(tmp_path / "tiny" / "design.json", tmp_path / "designs" / f"{name}.json")
        given = ["train", f"designs/{name}.json", "--data", "data.npz", "--batch", "20", "--epochs", "0.1", "--no-pictures"]
        result = CliRunner().invoke(app, given)
        assert (result.exit_code, result.stderr) == (0, "")
        assert "% of 60 test images right" in result.stdout
        assert (tmp_path / "designs" / f"{name}.train" / "weights.npz").is_file()
    result = CliRunner().invoke(app, ["evaluate", "designs/0002-exact.json", "--data", "data.npz", "--json"])
    assert result.exit_code == 0, result.stderr
    assert not (tmp_path / "designs" / "train").exists()


def test_the_verb_takes_a_teacher(verb: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text(TEACHERS)
    assert verb("--epochs", "1", "--teacher", "large.py:teacher").exit_code == 0
    for text, expected in (
        ("large.py", "large.py: there is no such function in a file; FILE.py:FUNCTION"),
        ("large.py:nobody", "has no function 'nobody'"),
        ("large.py:fails", "large.py:fails: ZeroDivisionError: division by zero"),
        ("large.py:dict", "gave dict"),
    ):
        result = verb("--epochs", "1", "--restart", "--teacher", text)
        assert (result.exit_code, result.stdout) == (2, "")
        assert expected in result.stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("--device", "nowhere"), "--device nowhere: "),
        (("--weights", "no.npz"), "no.npz: there is no such file"),
        (("--distillation", "0.5"), "needs a --teacher"),
        (("--batch", "500"), "a batch of 500 is more than the 240 training images"),
        (("--epochs", "0"), "--epochs"),
    ],
)
def test_what_cannot_be_trained_is_told(verb: Callable[..., Any], given: tuple[str, ...], expected: str) -> None:
    result = verb(*given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr
