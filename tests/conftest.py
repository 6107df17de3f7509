"""What several rooms test with: runtimes, random networks, published structures."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from qeopt.hardware import Runtime
from qeopt.network import Network, NetworkBuilder, Tensor
from qeopt.space import Space, Structure, Task
from qeopt.space.cells import BottleneckCell, ClassifierCell, ConvCell, Shortcut
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

ROOT = Path(__file__).parents[1]
SOURCE: Any = {"url": "https://example.org", "date": "2026-01-01"}
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # a busy machine may be slow
NO_BITS_LEFT_OUT = {"in": [2, 4, 8], "weights": [2, 4, 8], "out": [2, 4, 8]}

INVENTED: Mapping[str, Mapping[str, Any]] = {
    # Every conv tuple by itself, so that no list of inputs, weights and outputs describes them.
    "lopsided": {
        "kernels": {
            "conv": {"tuples": [[8, 8, 8], [8, 8, 4], [8, 8, 2], [8, 4, 8], [4, 4, 4], [4, 2, 8], [4, 8, 2], [2, 2, 2], [2, 4, 8]]},
            "depthwise": {"tuples": [[8, 8, 8], [8, 4, 2], [4, 8, 4], [4, 4, 8], [4, 2, 2], [2, 2, 2], [2, 8, 4], [2, 4, 8]]},
            "add": {"tuples": [[8, 0, 8], [4, 0, 4], [2, 0, 4], [8, 0, 4]]},
            "pool": {"in": [4, 8], "out": [4, 8]},
            "dense": {"in": [4, 8], "weights": [8], "out": [8]},
        },
        "parameters": {"conv": "3 * c_out + k_h", "depthwise": "c_out"},
    },
    "in_place": {"kernels": "any", "memory": {"in_place": ["add", "depthwise"], "align": 4}},
    "nothing_in_place": {
        "kernels": {
            "conv": {**NO_BITS_LEFT_OUT, "channel_multiple": {"4": 2, "2": 4}},
            "depthwise": NO_BITS_LEFT_OUT,
            "add": {"in": [2, 4, 8], "out": [2, 4, 8]},
            "pool": {"in": [2, 4, 8], "out": [2, 4, 8], "channel_multiple": {"2": 8}},
            "dense": {"in": [2, 4, 8], "weights": [8], "out": [8]},
        },
        "memory": {"in_place": [], "align": 8, "pad_image_channels": 4},
        "scratch": {
            "bytes": {"conv": "ceil_to(k_h * k_w * c_in * in_bits, 8) // 8 * out_bits + 5 * w_bits", "add": "c_in * in_bits"}
        },
    },
    "shared_scratch": {
        "kernels": "any",
        "memory": {"in_place": ["depthwise"]},
        "scratch": {
            "bytes": {
                "conv": "k_h * k_w * c_in * w_bits",
                "depthwise": "4 * k_h * c_in * in_bits",
                "pool": "9 * out_bits",
                "dense": 40,
            },
            "aggregate": "global_max",
        },
        "bitops": {"add": "c_out * in_bits", "conv": "macs * max(in_bits, w_bits)"},
        "parameters": {"dense": "4 * c_out"},
    },
    "fractions": {
        "kernels": "any",
        "memory": {"unit": "bits", "bystanders": "depthwise", "in_place": ["add", "depthwise"]},
        "scratch": {"bytes": {"conv": "in_bits + 2 * w_bits"}},
        "classifier_counted": False,
    },
    "coded": {
        "kernels": "any",
        "code": {"conv": "100 * w_bits + in_bits", "depthwise": "64 + out_bits", "pool": 50},
        "parameters": {"conv": "2 * c_out"},
    },
    # Limits of shapes, padding, lasting memory, several pools, estimates.
    "everything": {
        "kernels": {
            "conv": {**NO_BITS_LEFT_OUT, "max_channels": 48, "weight_channel_multiple": {"2": 4}, "columns": {"4": 8}},
            "depthwise": {**NO_BITS_LEFT_OUT, "windows": [3, 5], "strides": [1, 2]},
            "add": {"in": [2, 4, 8], "out": [2, 4, 8]},
            "pool": {"in": [2, 4, 8], "out": [2, 4, 8]},
            "dense": {"in": [2, 4, 8], "weights": [8], "out": [8]},
        },
        "memory": {
            "align": 2,
            "pad_image_channels": 2,
            "pad_channels": 4,
            "packing": {"2": 4, "4": 4, "8": 8},
            "persistent": {"conv": "c_out", "dense": 16},
        },
        "scratch": [
            {"bytes": {"conv": "c_in * in_bits", "depthwise": "k_h * w_bits"}},
            {"bytes": {"conv": "3 * w_bits", "add": "c_in * out_bits"}, "aggregate": "global_max"},
        ],
        "weight_bytes": {"conv": "ceil_to(weights * w_bits, 32) // 8"},
        "parameters": {"conv": "4 * c_out"},
        "latency": {"cycles": {"conv": "macs * w_bits + 10 * in_bits", "add": "c_in * in_bits"}, "source": SOURCE},
        "energy": {"picojoules": {"conv": "macs * max(in_bits, w_bits)", "depthwise": "macs * out_bits"}, "source": SOURCE},
    },
}
"""Runtimes that no library has, one for each rule that shipped runtimes combine otherwise or not at all."""


EACH = (
    "ideal",
    "paper",
    "cmix-nn",
    "cmsis-nn",
    "lopsided",
    "in_place",
    "nothing_in_place",
    "shared_scratch",
    "fractions",
    "everything",
)
"""Runtimes that together have every rule but code, for tests that try each."""


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds the sources."""
    return ROOT


@pytest.fixture(scope="session")
def published_data(repository: Path) -> Path:
    """The folder of published networks beside the repository, which not everybody has."""
    folder = repository.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the published networks are not beside the repository")
    return folder


@pytest.fixture(scope="session")
def runtimes() -> Mapping[str, Runtime]:
    """Shipped runtimes and invented ones, by name."""
    shipped = ("ideal", "paper", "cmix-nn", "cmsis-nn")
    found = {name: load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value for name in shipped}
    return found | {name: build(Runtime, {**data, "name": name, "source": SOURCE}) for name, data in INVENTED.items()}


@pytest.fixture(scope="session", params=EACH)
def each_runtime(request: pytest.FixtureRequest, runtimes: Mapping[str, Runtime]) -> Runtime:
    """One runtime after the other: every rule but code is in one of them."""
    return runtimes[request.param]


@pytest.fixture(scope="session")
def random_structure() -> Callable[[Space, random.Random], Structure]:
    """Draws every gene of a space by itself."""
    return lambda space, rng: Structure(tuple(rng.choice(values) for _, _, values in space.genes))


@pytest.fixture(scope="session")
def random_chain() -> Callable[[random.Random], Network]:
    """Makes a random small network of the cells that spaces are made of."""
    return _random_chain


@pytest.fixture(scope="session")
def random_graph() -> Callable[[random.Random], Network]:
    """Makes a random network whose operators read any earlier tensor they can."""
    return _random_graph


@pytest.fixture(scope="session")
def tiny_space() -> Callable[[random.Random], tuple[Space, Task]]:
    """Makes a random small space, and a task for it."""
    return _tiny_space


def _random_chain(rng: random.Random) -> Network:
    side = rng.randint(4, 9)
    image = Tensor("image", side, rng.randint(4, 9), rng.choice((1, 3, 4)), bits=8, is_image=True)
    builder = NetworkBuilder("chain", image)
    builder.unit = "stem"
    width = rng.choice((4, 8, 16))
    current = ConvCell(width, 3, rng.choice((1, 2)), rng.choice((8, 8, None))).build(builder, "stem", image)
    for number in range(rng.randint(1, 2)):
        name = builder.unit = f"b{number}"
        stride = rng.choice((1, 2))
        if stride == 2:
            builder.end_stage()
        shortcut = rng.choice((Shortcut.NONE, Shortcut.IDENTITY if stride == 1 else Shortcut.POOLED))
        width = int(current.channels) if shortcut is not Shortcut.NONE else rng.choice((4, 6, 8, 16))
        expands = rng.random() < 0.6
        middle = rng.choice((4, 8, 12, 16)) if expands else int(current.channels)
        current = BottleneckCell(width, middle, rng.choice((1, 3)), stride, shortcut, expands).build(builder, name, current)
    builder.end_stage()
    if rng.random() < 0.6:
        name = builder.unit = "classifier"
        ClassifierCell(rng.randint(2, 5)).build(builder, name, current)
    return builder.finish()


def _random_graph(rng: random.Random) -> Network:
    tensors = [Tensor("image", rng.randint(3, 7), rng.randint(3, 7), rng.choice((1, 3, 4)), bits=8, is_image=True)]
    builder = NetworkBuilder("graph", tensors[0])
    for number in range(rng.randint(3, 9)):
        source = rng.choice(tensors[-3:] if rng.random() < 0.7 else tensors)
        twins = [
            (a, b)
            for a in tensors
            for b in tensors
            if a.name != b.name and (a.height, a.width, a.channels) == (b.height, b.width, b.channels)
        ]
        kind = rng.choice(("conv", "depthwise", "depthwise", "pool", "add", "add"))
        name = f"t{number}"
        if kind == "add" and twins:
            tensors.append(builder.add(name, *rng.choice(twins)))
        elif kind == "pool":
            tensors.append(builder.pool(name, source, stride=rng.choice((1, 2))))
        elif kind == "depthwise":
            tensors.append(builder.depthwise(name, source, kernel=3, stride=rng.choice((1, 1, 2))))
        else:
            tensors.append(
                builder.conv(name, source, rng.choice((1, 3, 4, 8)), kernel=rng.choice((1, 3)), stride=rng.choice((1, 2)))
            )
    builder.end_stage()
    return builder.finish(output_is_seen=rng.random() < 0.5)


def _tiny_space(rng: random.Random) -> tuple[Space, Task]:
    def block(name: str) -> dict[str, Any]:
        return {
            "kind": rng.choice(("k1dwk1", "mbconv")),
            "name": name,
            "stride": rng.choice((1, 2)),
            "width": rng.choice(([8, 16], [16, 24, 32], 16)),
            "kernel": [3, 5],
            "ratio": rng.choice(([2, 4], [1.5, 3], 1)),
            "units": [1, 2],
        }

    blocks: list[Any] = [{"kind": "conv", "name": "stem", "width": [8, 16], "kernel": 3, "stride": 2, "weight_bits": 8}]
    blocks += [block(f"b{number}") for number in range(rng.randint(1, 2))]
    blocks += [{"kind": "conv", "name": "head", "width": [16, 64]}]
    if rng.random() < 0.7:
        blocks.append({"kind": "classifier"})
    side = rng.choice((8, 11, 16))
    return build(Space, {"blocks": blocks}), build(Task, {"input": [side, side, rng.choice((1, 3))], "classes": 5})
