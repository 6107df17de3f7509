"""PyTorch modules, where PyTorch is installed."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from qeopt.network import Network, macs
from qeopt.network.importers import ImportOptions
from qeopt.network.importers.torch import from_torch
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build


def kinds(network: Network) -> list[str]:
    return [op.kind.value for op in network.ops]


def inverted(reads: int, width: int, stride: int) -> Any:
    nn = torch.nn

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
    nn = torch.nn
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), inverted(8, 8, 1), inverted(8, 16, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(16, 5), nn.Softmax(1),
    )  # fmt: skip
    found = from_torch(module, (torch.zeros(1, 3, 16, 16),))
    network = found.network
    assert kinds(network) == ["conv", "conv", "depthwise", "conv", "add", "conv", "depthwise", "conv", "pool", "dense"]
    assert [op.function for op in network.ops[:4]] == ["relu", "relu6", "relu6", ""]
    assert network.ops[0].pads == (1, 1, 1, 1)
    assert [op.name for op in network.weighted_ops][:2] == ["0", "2.body.0"]
    expected = 64 * (27 * 8 + 8 * 32 + 9 * 32 + 32 * 8) + 64 * 8 * 32 + 16 * (9 * 32 + 32 * 16) + 80
    assert sum(int(macs(op)) for op in network.ops) == expected
    convolution, norm = module[2].body[0], module[2].body[1]
    scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach().numpy()
    folded = convolution.weight.detach().numpy() * scale.reshape(-1, 1, 1, 1)
    assert np.allclose(found.weights["2.body.0"].weights, folded, atol=1e-6)


def test_branches_and_moves() -> None:
    nn = torch.nn

    class Branches(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.gate = nn.Conv2d(3, 8, 3, padding="same"), nn.Conv2d(4, 4, 1), nn.Conv2d(8, 8, 1)

        def forward(self, x: Any) -> Any:
            x = nn.functional.max_pool2d(nn.functional.silu(self.first(x)), 2)
            left, right = x.chunk(2, 1)
            x = torch.cat([self.second(left), right], 1)
            x = x.view(1, 2, 4, 4, 4).transpose(1, 2).reshape(1, 8, 4, 4)
            x = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
            return nn.functional.interpolate(nn.functional.pad(x, (1, 1)), scale_factor=2)

    network = from_torch(Branches(), (torch.zeros(1, 3, 8, 8),)).network
    left = ["conv", "activation", "max_pool", "slice", "slice", "conv", "concat", "transpose"]
    assert sorted(kinds(network)) == sorted([*left, "pool", "conv", "activation", "mul", "pad", "resize"])
    last = network.ops[-1].output
    assert (last.height, last.width, last.channels) == (8, 12, 8)


def test_unknown_operators_are_named() -> None:
    class Odd(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.last = torch.nn.Conv2d(3, 2, 1)

        def forward(self, x: Any) -> Any:
            return self.last(torch.cumsum(x, 1))

    image = (torch.zeros(1, 3, 4, 4),)
    with pytest.raises(SpecError, match="odd: node 'cumsum': operator 'cumsum' is not known; say how to take it"):
        from_torch(Odd(), image, name="odd")
    options = build(ImportOptions, {"treat_as": {"cumsum": "identity"}})
    assert kinds(from_torch(Odd(), image, options=options).network) == ["conv"]
