"""PyTorch modules have the design's bits and names, train, and hand over exactly what they compute."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers, weight_shape
from qeopt.export.reference import run

FORMATS = ["pytorch", "brevitas"]


@pytest.fixture
def torch() -> Any:
    found = pytest.importorskip("torch")
    found.set_num_threads(1)
    found.manual_seed(0)
    return found


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[Design, str], ModuleType]]:
    """Exports a design and imports the file."""
    names = []

    def load_design(design: Design, format_name: str) -> ModuleType:
        path = tmp_path / f"exported_{design.study_name}_{format_name}.py"
        export(design, format_name, path)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        names.append(path.stem)
        spec.loader.exec_module(module)
        return module

    yield load_design
    for name in names:
        del sys.modules[name]


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_file_is_clean_python(design: Design, format_name: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    export(design, format_name, path)
    compile(path.read_text(), str(path), "exec")
    ruff = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))
    if not Path(ruff).exists():
        pytest.skip("no ruff")
    rules = ["--isolated", "--select", "E,F,I,B,UP", "--line-length", "200", "--target-version", "py311"]
    subprocess.run([ruff, "check", *rules, str(path)], check=True, timeout=60)


@pytest.mark.parametrize("format_name", FORMATS)
def test_names_shapes_and_bits_are_those_of_the_design(
    design: Design, format_name: str, torch: Any, load: Callable[[Design, str], ModuleType]
) -> None:
    if format_name == "brevitas":
        pytest.importorskip("brevitas")
    module = load(design, format_name)
    model = module.Network()
    network = design.network()
    assert module.bits_of(model) == (dict(design.weights), dict(design.activations))
    held = dict(model.named_modules())
    for op in network.weighted_ops:
        layer = held[op.name]
        assert tuple((layer if format_name == "pytorch" else layer.conv).weight.shape) == weight_shape(op)
    image = torch.rand(2, 3, 16, 16)
    assert tuple(model(image).shape) == (2, 5)


def train(torch: Any, model: Any, steps: int) -> list[float]:
    """Teach a model to tell five patterns apart; return the losses."""
    images, labels = torch.rand(60, 3, 16, 16) * 0.3, torch.arange(60) % 5
    for image, label in zip(images, labels, strict=True):
        image[:, label * 3 : label * 3 + 3] += 0.7
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    model.train()
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_module_learns(mixed: Design, format_name: str, torch: Any, load: Callable[[Design, str], ModuleType]) -> None:
    if format_name == "brevitas":
        pytest.importorskip("brevitas")
    model = load(mixed, format_name).Network()
    losses = train(torch, model, 12)
    assert losses[-1] < 0.8 * losses[0]
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)


def test_what_was_learnt_is_what_other_formats_compute(
    design: Design, torch: Any, load: Callable[[Design, str], ModuleType], tmp_path: Path
) -> None:
    module = load(design, "pytorch")
    model = module.Network()
    train(torch, model, 6)
    weights = tmp_path / "learnt.npz"
    module.save_weights(model, str(weights))
    filled = quantised(design, Numbers(weights=weights))
    model.eval()
    image = torch.rand(8, 3, 16, 16)
    held: dict[str, Any] = {}
    for layer in model.modules():
        if isinstance(layer, module.Layer | module.Image):
            layer.register_forward_hook(lambda layer, _, output: held.__setitem__(layer.tensor, output.values))
    with torch.no_grad():
        model(image)
    expected = run(filled, image.double().numpy())
    differing = total = 0
    for name, integers in expected.items():
        found = held[name].double().numpy().reshape(integers.shape) / filled.grids[name].scale
        assert np.abs(found - np.rint(found)).max() < 1e-2
        differing += int((np.abs(found - integers) > 0.5).sum())
        total += integers.size
    assert len(np.unique(expected[filled.network.outputs[0].name])) > 3
    assert differing <= total / 1000


def test_brevitas_cannot_have_one_bit(mixed: Design, tmp_path: Path) -> None:
    binary = mixed.model_copy(update={"weights": {**mixed.weights, "head": 1}})
    with pytest.raises(ExportError, match="head have 1"):
        export(binary, "brevitas", tmp_path / "x.py")


def test_a_name_that_no_module_can_have_is_refused(mixed: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = mixed.network()
    named = replace(network, ops=(replace(network.ops[0], name="a..b"), *network.ops[1:]))
    monkeypatch.setattr(Design, "network", lambda _: named)
    weights = {"a..b" if name == "stem" else name: bits for name, bits in mixed.weights.items()}
    with pytest.raises(ExportError, match=r"'a\.\.b' cannot be the name of a module"):
        export(mixed.model_copy(update={"weights": weights}), "pytorch", tmp_path / "x.py")
