"""Losses by table and from weights: what they mean, what is refused, and that the integer program minimises them."""

import json
import math
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.network import Bits, Network, NetworkBuilder, Tensor
from qeopt.network.importers import Parameters
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.score import evaluate
from qeopt.score.sensitivity import Sensitivity, gaussian_noise_to_signal, losses_of, missing, noise_to_signal, read_table
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

WIDTHS = (2, 4, 8)


def network() -> Network:
    image = Tensor("image", 6, 6, 3, bits=8, is_image=True)
    builder = NetworkBuilder("net", image)
    first = builder.conv("first", image, 4, kernel=3, weight_bits=8)
    second = builder.conv("second", first, 4, tied_to="sum")
    joined = builder.add("sum", second, first)
    builder.conv("third", joined, 2)
    builder.end_stage()
    return builder.finish()


def rows() -> list[dict[str, Any]]:
    names = ("second weights", "third", "first activations", "sum activations")
    return [{"tensor": name, "bits": bits, "loss": (number + 1) / bits} for number, name in enumerate(names) for bits in WIDTHS]


def test_tables_as_csv_and_json(tmp_path: Path) -> None:
    csv, js = tmp_path / "losses.csv", tmp_path / "losses.json"
    csv.write_text(
        "tensor,bits,loss\n" + "".join(f"{row['tensor']},{row['bits']},{row['loss']}\n" for row in rows()), encoding="utf-8"
    )
    js.write_text(json.dumps(rows()), encoding="utf-8")
    weights, activations = read_table(csv, network())
    assert (weights, activations) == read_table(js, network())
    assert weights == {"second": {2: 0.5, 4: 0.25, 8: 0.125}, "third": {2: 1, 4: 0.5, 8: 0.25}}
    assert activations == {"first": {2: 1.5, 4: 0.75, 8: 0.375}, "sum": {2: 2, 4: 1, 8: 0.5}}
    assert missing(network(), weights, activations, WIDTHS, WIDTHS) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tensor,bits,loss\nfourth,2,1\n", "row 1: 'fourth' is no tensor that the score sees"),
        ("tensor,bits,loss\nfirst activation,2,1\n", "did you mean 'first activations'"),
        ("tensor,bits,loss\nthird,2.5,1\n", "bits is '2.5'; a whole number"),
        ("tensor,bits,loss\nthird,2,nan\n", "'loss' is 'nan'; a finite number"),
        ("tensor,bits,loss\nthird,2,1\nthird weights,2,1\n", "row 2: the loss of 'third weights' at 2 bits is given twice"),
        ("tensor,loss\nthird,1\n", "'bits' is None; a number was expected"),
        ("", "no row; columns 'tensor', 'bits' and 'loss' were expected"),
    ],
)
def test_tables_that_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_table(path, network())


def test_names_that_could_mean_two_things(tmp_path: Path) -> None:
    image = Tensor("image", 6, 6, 3, bits=8, is_image=True)
    builder = NetworkBuilder("net", image)
    builder.conv("b", builder.conv("a", image, 4), 4)
    builder.end_stage()
    path = tmp_path / "losses.csv"
    path.write_text("tensor,bits,loss\na,2,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="'a' may mean 'a weights' or 'a activations'; write which"):
        read_table(path, builder.finish())


def test_a_choice_without_a_loss_is_named() -> None:
    lacking = {"second": {2: 1.0, 4: 0.5}}
    assert missing(network(), lacking, {}, WIDTHS, (8,)) == "no loss is given for second weights at 8 bits, nor for 1 more tensors"


def test_noise_to_signal_by_hand() -> None:
    """Values on the grid have no error; one bit keeps signs; a ramp's error is that of its step."""
    grid = np.array([[-3.0, -2, -1, 0, 1, 2, 3]])
    assert noise_to_signal(grid, 3) == 0
    assert noise_to_signal(np.array([[1.0, 3.0]]), 1) == pytest.approx(2 / 10)
    ramp = np.linspace(-1, 1, 20001)[None]
    energy, widest, narrowest = 1 / 3, 2 / 14, 2 / 16  # 15 levels over both signs; one more where the lowest is used too
    assert narrowest**2 / 12 / energy <= noise_to_signal(ramp, 4) <= widest**2 / 12 / energy
    assert noise_to_signal(np.zeros((2, 3)), 4) == 0
    assert noise_to_signal(np.array([[np.nan, 1.0], [1.0, -1.0]]), 2) == 0


def test_more_bits_lose_less() -> None:
    values = np.random.default_rng(0).normal(size=(8, 100))
    for losses in (
        [noise_to_signal(values, bits) for bits in range(1, 9)],
        [gaussian_noise_to_signal(bits) for bits in range(1, 9)],
    ):
        assert all(a > b for a, b in pairwise(losses))
    # Max 1960, table II: least error of uniform quantisers of 16 and 64 levels; ours must have a level at zero.
    assert gaussian_noise_to_signal(1) == pytest.approx(1 - 2 / math.pi, rel=0.01)
    assert gaussian_noise_to_signal(4) == pytest.approx(0.01154, rel=0.15)
    assert gaussian_noise_to_signal(6) == pytest.approx(0.001041, rel=0.15)


def test_the_program_minimises_the_sum_of_losses() -> None:
    """Against every assignment, from random weights, under budgets that bind."""
    net = network()
    rng = np.random.default_rng(3)
    parameters = {name: Parameters(rng.standard_t(3, size=(4, 4)).astype(np.float32)) for name in ("second", "third")}
    weights, activations = losses_of(net, parameters, WIDTHS, WIDTHS)
    objective = build(Sensitivity, {"weights": _plain(weights), "activations": _plain(activations)})
    assert objective.check(net) is None
    ideal = load(Runtime, "ideal", library=Library(), kind="runtime", folder="runtimes").value
    limits = Limits(sram=180, flash=123)
    choices = build(BitChoices, {"weights": list(WIDTHS), "activations": list(WIDTHS)})
    refined = Refiner(ideal, limits, choices, objective, build(QbrSettings, {})).refine(net)
    best = -math.inf
    for second, third, first, joined in product(WIDTHS, repeat=4):
        held = {name: joined if name in {"second", "sum"} else 8 for name in net.tensor_by_name} | {"first": first}
        bits = Bits({"first": 8, "second": second, "third": third}, held)
        used = count(net, ideal, bits)
        if used.sram_bytes <= 180 and used.flash_bytes <= 123:
            best = max(best, evaluate(objective, net, bits))
    assert refined.score == pytest.approx(best, abs=1e-5)
    assert best < evaluate(objective, net, Bits.uniform(net, 8))


def _plain(losses: Any) -> Any:
    return {name: {str(bits): loss for bits, loss in by_bits.items()} for name, by_bits in losses.items()}


def test_losses_of_what_is_not_scored() -> None:
    objective = build(Sensitivity, {"weights": {"fourth": {"2": 1.0}}})
    assert objective.check(network()) == "the losses name the weights of 'fourth', which are not scored"
    with pytest.raises(ValueError, match="a `table` is needed, such as `qeopt sensitivity` writes, or `source: weights`"):
        build(Sensitivity, {})
