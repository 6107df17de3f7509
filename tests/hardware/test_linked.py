"""Code that the linker adds: counted once for what is shared, and never less than any bits need."""

import random
from itertools import product

import pytest

from qeopt.hardware import Runtime
from qeopt.hardware.linked import least_linked_flash, linked_flash
from qeopt.network import OpKind
from qeopt.spec.library import Library, builtin_folder
from qeopt.spec.load import load
from qeopt.spec.model import build
from qeopt.spec.node import Plain

SOURCE: Plain = {"url": "https://example.org", "date": "2026-11-28"}
LINKED: Plain = {
    "always": "1000 B",
    "by_kind": {"depthwise": "100 B", "add": "30 B"},
    "by_bits": {"conv": [[8, 8, 10], [8, 4, 20], [4, 4, 40]], "depthwise": [[8, 8, 1], [8, 4, 2], [4, 4, 3]]},
    "runs_as": {"dense": "conv"},
}


@pytest.fixture
def runtime() -> Runtime:
    return build(Runtime, {"kernels": "any", "linked": LINKED, "source": SOURCE})


def test_what_is_shared_counts_once(runtime: Runtime) -> None:
    runs = [(OpKind.CONV, (8, 8, 8)), (OpKind.CONV, (8, 8, 4)), (OpKind.DENSE, (8, 8, 8)), (OpKind.CONV, (8, 4, 8))]
    assert linked_flash(runtime, runs) == 1000 + 10 + 20
    runs += [(OpKind.ADD, (8, 0, 8)), (OpKind.ADD, (4, 0, 8)), (OpKind.DEPTHWISE, (4, 4, 8))]
    assert linked_flash(runtime, runs) == 1000 + 10 + 20 + 30 + 100 + 3
    assert linked_flash(build(Runtime, {"kernels": "any", "source": SOURCE}), runs) == 0


def test_the_least_is_no_more_than_any_choice_needs(runtime: Runtime) -> None:
    draw = random.Random(1)
    widths = [(8, 8, 8), (8, 4, 8), (4, 4, 4), (8, 8, 4)]
    reached = 0
    for _ in range(60):
        kinds = draw.choices([OpKind.CONV, OpKind.DENSE, OpKind.DEPTHWISE, OpKind.ADD], k=3)
        choices = [(kind, tuple(draw.sample(widths, draw.randint(1, 3)))) for kind in kinds]
        every = [
            linked_flash(runtime, list(zip(kinds, picked, strict=True))) for picked in product(*(allowed for _, allowed in choices))
        ]
        least = least_linked_flash(runtime, choices)
        assert least <= min(every)
        reached += least == min(every)
    assert reached > 30


@pytest.mark.parametrize("name", ["qeopt-c", "qeopt-c-m3", "qeopt-c-m0"])
def test_runtimes_of_our_kernels_state_every_kernel(name: str) -> None:
    file = builtin_folder() / "runtimes" / f"{name}.yaml"
    linked = load(Runtime, file, library=Library(), kind="runtime", folder="runtimes").value.linked
    for kind in (OpKind.CONV, OpKind.DEPTHWISE):
        assert {entry[:2] for entry in linked.by_bits[kind]} == set(product((2, 4, 8), (2, 4, 8)))
