"""PyTorch modules, where PyTorch is installed: names are those of the modules, and the values of a module are kept."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")
sys.path.insert(0, str(Path(__file__).parents[2] / "oracle"))
from onnx_oracle import plain, session  # type: ignore[import-not-found]  # of the tests of the importers

import qeopt
from qeopt.cli.verbs import app
from qeopt.design import load_design
from qeopt.export.exporter import export
from qeopt.network import Network, macs
from qeopt.network.importers import ImportedModel, ImportOptions
from qeopt.network.importers.torch import from_torch
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build

nn = torch.nn


def kinds(network: Network) -> list[str]:
    return [op.kind.value for op in network.ops]


def randomised(module: Any) -> Any:
    """Statistics of normalisations that are not those of a fresh module."""
    torch.manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.5, 1.5)
            part.weight.data.uniform_(0.5, 1.5)
            part.bias.data.uniform_(-0.5, 0.5)
    return module.eval()


def computes_the_same(module: Any, found: ImportedModel, image: Any) -> None:
    """The imported network in single precision against the module."""
    network = session(plain(found))
    expected = module.eval()(image).detach().numpy().ravel()
    got = network.run(None, {network.get_inputs()[0].name: image.numpy()})[0].ravel()
    assert np.abs(got - expected).max() <= 1e-4 * np.abs(expected).max()


def inverted(reads: int, width: int, stride: int) -> Any:
    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            middle = 4 * reads
            self.body = nn.Sequential(
                nn.Conv2d(reads, middle, 1, bias=False), nn.BatchNorm2d(middle), nn.ReLU6(inplace=True),
                nn.Conv2d(middle, middle, 3, stride, 1, groups=middle, bias=False), nn.BatchNorm2d(middle), nn.ReLU6(),
                nn.Conv2d(middle, width, 1, bias=False), nn.BatchNorm2d(width),
            )  # fmt: skip

        def forward(self, x: Any) -> Any:
            return x + self.body(x) if stride == 1 and reads == width else self.body(x)

    return Block()


def test_inverted_residuals_and_a_classifier() -> None:
    module = randomised(nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), inverted(8, 8, 1), inverted(8, 16, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(16, 5), nn.Softmax(1),
    ))  # fmt: skip
    module.train()
    image = torch.rand(1, 3, 16, 16)
    found = from_torch(module, (image,))
    assert module.training
    network = found.network
    weighted = ["conv", "conv", "depthwise", "conv", "add", "conv", "depthwise", "conv", "pool", "dense", "activation"]
    assert kinds(network) == weighted
    assert [op.function for op in network.ops[:4]] == ["relu", "relu6", "relu6", ""]
    assert network.ops[0].pads == (1, 1, 1, 1)
    modules = dict(module.named_modules())
    assert {op.name for op in network.weighted_ops} == {
        name for name, part in modules.items() if isinstance(part, nn.Conv2d | nn.Linear)
    }
    assert network.ops[-1].name in modules
    expected = 64 * (27 * 8 + 8 * 32 + 9 * 32 + 32 * 8) + 64 * 8 * 32 + 16 * (9 * 32 + 32 * 16) + 80
    assert sum(int(macs(op)) for op in network.ops) == expected
    computes_the_same(module, found, image)


class Branches(nn.Module):  # type: ignore[misc, name-defined]
    """Much of what modules do between their layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.gate = nn.Conv2d(3, 8, 3, padding="same"), nn.Conv2d(4, 4, 1), nn.Conv2d(8, 8, 1)
        self.norm, self.up, self.shared = nn.BatchNorm2d(8), nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(4, 4, 1)

    def forward(self, x: Any) -> Any:
        """Run it."""
        x = nn.functional.max_pool2d(nn.functional.silu(self.first(x)), 2)
        left, right = x.chunk(2, 1)
        x = torch.cat([self.second(left), right], 1)
        x = self.norm(torch.clamp(x, -0.25, 0.5))
        x = x.view(1, 2, 4, 4, 4).transpose(1, 2).reshape(1, 8, 4, 4)
        x = 1.5 - x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        x = self.shared(torch.relu(self.shared(self.up(x)[:, :, 1:, ::2])))
        return nn.functional.interpolate(nn.functional.pad(x, (1, 1), value=0.5), scale_factor=2)


def test_what_modules_do_between_their_layers_is_kept() -> None:
    module, image = randomised(Branches()), torch.rand(1, 3, 8, 8)
    found = from_torch(module, (image,))
    names = {op.name for op in found.network.ops}
    assert names >= {"first", "second", "gate", "norm", "up", "shared"}
    assert {op.weights_of for op in found.network.weighted_ops} == {"", "shared"}
    computes_the_same(module, found, image)


def test_unknown_operators_are_named() -> None:
    class Odd(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Conv2d(3, 2, 1)

        def forward(self, x: Any) -> Any:
            return self.last(torch.cumsum(x, 1))

    image = (torch.zeros(1, 3, 4, 4),)
    with pytest.raises(SpecError, match="odd: node 'cumsum': operator 'CumSum' is not known; say how to take it"):
        from_torch(Odd(), image, name="odd")
    options = build(ImportOptions, {"treat_as": {"CumSum": "identity"}})
    assert kinds(from_torch(Odd(), image, options=options).network) == ["conv"]
    with pytest.raises(SpecError, match=r"odd: torch\.onnx\.export cannot write it"):
        from_torch(Odd(), (torch.zeros(1, 5, 4, 4),), name="odd")


def test_bits_for_a_module_and_an_export_with_its_weights(tmp_path: Path) -> None:
    module = randomised(nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)))
    image = torch.rand(1, 3, 16, 16)
    unlimited = {"sram": "unlimited", "flash": "unlimited"}
    answer = qeopt.bits(module, example=(image,), runtime="ideal", budgets=unlimited, layers={"4": {"weights": [8]}})
    assert answer.solution.design is not None
    assert list(answer.solution.design.weights) == ["0", "4"]
    answer.save_weights(tmp_path / "weights.npz")
    made = tmp_path / "made.onnx"
    export(answer.solution.design, "onnx-qdq", made, {"weights": str(tmp_path / "weights.npz")})
    network = session(made.read_bytes())
    got = network.run(None, {network.get_inputs()[0].name: image.numpy()})[0].ravel()
    expected = module(image).detach().numpy().ravel()
    assert np.abs(got - expected).max() <= 0.05 * np.abs(expected).max()


def test_a_function_in_a_file_makes_the_module(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\ndef small():\n    return nn.Conv2d(2, 4, 3)\ndef odd():\n    return 7\ndef worse():\n    1 / 0\n"
    )
    options = ["--runtime", "ideal", "--sram", "unlimited", "--flash", "unlimited", "--input", "6,5,2", "--no-pictures"]
    told = CliRunner().invoke(app, ["bits", f"{file}:small", *options, "--out", str(tmp_path / "run")])
    assert told.exit_code == 0, told.output
    assert load_design(tmp_path / "run" / "design.json").study_name == "small"
    with np.load(tmp_path / "run" / "weights.npz") as kept:
        assert {name: kept[name].shape for name in kept} == {"conv2d": (4, 2, 3, 3), "conv2d.bias": (4,)}
    assert CliRunner().invoke(app, ["import", f"{file}:small", "--input", "6,5,2"]).exit_code == 0
    assert '"op": "conv"' in (tmp_path / "mine.yaml").read_text()
    with np.load(tmp_path / "mine.npz") as kept:
        assert {name: kept[name].shape for name in kept} == {"conv2d": (4, 2, 3, 3), "conv2d.bias": (4,)}
    (tmp_path / "mine.yaml").unlink()
    told = CliRunner().invoke(app, ["import", f"{file}:small", "--input", "6,5,2"])
    assert (told.exit_code, (tmp_path / "mine.yaml").exists()) == (2, False)
    assert "mine.npz: exists already" in told.stderr
    for name, more, said in (
        (
            "smal",
            options,
            "has no function 'smal'; FILE.py:FUNCTION, which returns a torch.nn.Module, was expected; did you mean 'small'?",
        ),
        ("odd", options, "gave int"),
        ("worse", options, "ZeroDivisionError: division by zero"),
        ("small", options[:6], "a module does not say what it reads; --input H,W,C was expected"),
    ):
        told = CliRunner().invoke(app, ["bits", f"{file}:{name}", *more])
        assert (told.exit_code, told.stdout) == (2, "")
        assert said in told.stderr
