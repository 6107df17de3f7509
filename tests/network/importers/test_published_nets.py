"""Networks with published counts: as many parameters and multiply-accumulates as published, and bits that are proven optimal."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parent))
import published_nets as nets  # type: ignore[import-not-found]  # beside this file
from onnx_author import Author  # type: ignore[import-not-found]  # beside this file

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.network import Bits, Network, OpKind, macs, weight_count
from qeopt.network.importers import import_model
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.score import QEScore
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build
from qeopt_solvers import Status

Make = Callable[[], Author]

# Parameters as published (with running statistics where the source counts them, as Keras does), MACs and how far they are stated.
PUBLISHED: Mapping[str, tuple[Make, int, bool, float, float]] = {
    "mobilenet_v1 1.0 224": (lambda: nets.mobilenet_v1(1.0, 224, 1000), 4_231_976, False, 569e6, 0.5e6),  # Keras; paper, table 4
    "mobilenet_v2 1.0 224": (nets.mobilenet_v2, 3_504_872, False, 300e6, 1e6),  # torchvision; paper, table 4
    # The authors state 407 million operations, which is not multiplications alone.
    "efficientnet_lite0": (nets.efficientnet_lite0, 4_652_008, False, 385_187_552, 0),
    "shufflenet_v2 1.0": (lambda: nets.shufflenet_v2((116, 232, 464, 1024)), 2_278_604, False, 146e6, 1.2e6),  # torchvision; paper
    "shufflenet_v2 0.5": (lambda: nets.shufflenet_v2((48, 96, 192, 1024)), 1_366_792, False, 41e6, 0.6e6),
    "mlperf resnet8": (nets.resnet8, 78_666, True, 12.5e6, 0.05e6),  # Banbury et al. 2021 and its reference models
    "mlperf ds_cnn": (nets.ds_cnn, 24_908, True, 2.7e6, 0.05e6),
    "mlperf mobilenet": (lambda: nets.mobilenet_v1(0.25, 96, 2, bias=True), 221_794, True, 7.5e6, 0.05e6),
    "mlperf autoencoder": (nets.autoencoder, 269_992, True, 0.264e6, 0.0005e6),
}


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Author, Network]]:
    """Writes a network as ONNX and reads it, once."""
    folder, made = tmp_path_factory.mktemp("nets"), dict[str, tuple[Author, Network]]()

    def get(name: str) -> tuple[Author, Network]:
        if name not in made:
            author = PUBLISHED[name][0]()
            made[name] = author, import_model(author.save(folder / f"{name}.onnx")).network
        return made[name]

    return get


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name: str, imported: Callable[[str], tuple[Author, Network]]) -> None:
    author, network = imported(name)
    _, parameters, with_statistics, published_macs, within = PUBLISHED[name]
    assert author.parameters - (0 if with_statistics else author.running_statistics) == parameters
    learnt = sum(int(_size(constant)) for constant in author.constants if constant.name.endswith(".weight"))
    assert sum(int(weight_count(op)) for op in network.ops) == learnt
    assert abs(sum(int(macs(op)) for op in network.ops) - published_macs) <= within


@pytest.mark.parametrize("name", PUBLISHED)
def test_bits_are_proven_optimal(name: str, imported: Callable[[str], tuple[Author, Network]], ideal: Runtime) -> None:
    """Under budgets halfway between what 2 and 8 bits need, within a deterministic limit; two engines agree."""
    _, network = imported(name)
    least, most = (count(network, ideal, Bits.uniform(network, bits)) for bits in (2, 8))
    limits = Limits(sram=int(least.sram_bytes + most.sram_bytes) // 2, flash=int(least.flash_bytes + most.flash_bytes) // 2)
    choices = build(BitChoices, {"weights": [2, 4, 8], "activations": [2, 4, 8]})
    refiner = Refiner(ideal, limits, choices, build(QEScore, {}), build(QbrSettings, {"deterministic_limit": 2.0}))
    proven = refiner.refine(network, "cp_sat")
    assert proven.status is Status.OPTIMAL
    assert proven.resources is not None
    assert proven.resources.flash_bytes <= (limits.flash_bytes or 0)
    other = refiner.refine(network, "chain")
    assert other.status is Status.OPTIMAL
    assert proven.outcome is not None
    assert other.outcome is not None
    assert other.outcome.value == proven.outcome.value


def test_shuffles_move_and_branches_join(imported: Callable[[str], tuple[Author, Network]]) -> None:
    _, network = imported("shufflenet_v2 0.5")
    kinds = [op.kind for op in network.ops]
    assert (kinds.count(OpKind.CONCAT), kinds.count(OpKind.TRANSPOSE), kinds.count(OpKind.SPLIT)) == (16, 16, 13)
    shuffled = next(op for op in network.ops if op.kind is OpKind.TRANSPOSE)
    assert (shuffled.output.height, shuffled.output.width, shuffled.output.channels) == (28, 28, 48)


@pytest.fixture(scope="session")
def ideal() -> Runtime:
    """Dense bits, nothing extra."""
    return load(Runtime, "ideal", library=Library(), kind="runtime", folder="runtimes").value


def _size(constant: object) -> int:
    total = 1
    for side in constant.dims:  # type: ignore[attr-defined]
        total *= side
    return total
