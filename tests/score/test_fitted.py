"""A learnt objective: its terms by hand, what its file may say, and what a report says of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from qeopt.network import Bits, Network, NetworkBuilder, Tensor
from qeopt.score import sigma_hat, terms
from qeopt.score.fitted import Fitted
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.model import build
from qeopt.study.load import load_study

STUDY = """\
kind: study
task: {input: [8, 8, 3], classes: 2}
space:
  blocks:
    - {kind: conv, name: stem, width: 4, kernel: 3, weight_bits: 8}
    - {kind: conv, name: head, width: [4, 8], kernel: 3, stride: 2}
    - {kind: classifier}
runtime: ideal
budgets: {sram: 64 KiB, flash: 64 KiB, layers: 2}
bits: {weights: [2, 8], activations: [2, 8]}
"""
EVIDENCE: Any = {
    "designs": 45,
    "structures": 20,
    "predictor": {"rho": 0.74, "low": 0.56, "high": 0.84},
    "macs_alone": {"rho": 0.3, "low": 0.1, "high": 0.5},
    "gain": {"rho": 0.44, "low": 0.2, "high": 0.6},
}


def network() -> Network:
    image = Tensor("image", 8, 8, 3, bits=8, is_image=True)
    builder = NetworkBuilder("net", image)
    first = builder.conv("first", image, 4, kernel=3, weight_bits=8)
    builder.end_stage()
    second = builder.depthwise("second", first, kernel=3, stride=2)
    third = builder.conv("third", second, 6)
    builder.end_stage()
    builder.dense("classes", builder.global_pool("pool", third), 2)
    return builder.finish()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("layers", 3),
        ("layers/0", 1),
        ("layers/1", 2),
        ("layers/2", 0),
        ("depthwise_layers", 1),
        ("fan_in", 0.5 * (math.log(27) + math.log(9) + math.log(4))),
        ("fan_in/1", 0.5 * (math.log(9) + math.log(4))),
        ("width", math.log(4) + math.log(4) + math.log(6)),
        ("stage_width", math.log(4) + math.log(6)),
        ("stage_width/1", math.log(6)),
        ("macs", 1e-6 * (64 * 27 * 4 + 16 * 9 * 4 + 16 * 4 * 6)),
        ("parameters", 1e-3 * (27 * 4 + 9 * 4 + 4 * 6)),
        ("outputs", 1e-3 * (64 * 4 + 16 * 4 + 16 * 6)),
        ("activation_loss", math.log(sigma_hat(8, 5) / sigma_hat(2, 5)) + math.log(sigma_hat(8, 5) / sigma_hat(4, 5))),
        ("weight_loss", math.log(sigma_hat(8, 4) / sigma_hat(4, 4)) + math.log(sigma_hat(8, 4) / sigma_hat(2, 4))),
        ("weight_loss/0", 0),
    ],
)
def test_terms_by_hand(name: str, expected: float) -> None:
    bits = Bits(
        {"first": 8, "second": 4, "third": 2, "classes": 8},
        {"image": 8, "first": 2, "second": 4, "third": 8, "pool": 8, "classes": 8},
    )
    assert terms.total(name, network(), bits) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_noise_grows_as_widths_shrink() -> None:
    for name in ("weight_noise", "activation_noise"):
        totals = [terms.total(name, network(), Bits.uniform(network(), bits)) for bits in (8, 6, 4, 2)]
        assert totals == sorted(totals)
        assert totals[0] == 0


def test_a_file_stands_for_the_objective(tmp_path: Path) -> None:
    (tmp_path / "learnt.yaml").write_text("kind: fitted\ncoefficients: {layers: -1, macs/1: 2.5e-1}\n", encoding="utf-8")
    (tmp_path / "study.yaml").write_text(STUDY + "objective: learnt.yaml\n", encoding="utf-8")
    loaded = load_study(tmp_path / "study.yaml", library=Library(), overrides=["objective.coefficients.layers=-3"])
    assert isinstance(loaded.value.objective, Fitted)
    assert loaded.value.objective.coefficients == {"layers": -3, "macs/1": 0.25}
    assert loaded.value.objective.name == "learnt"
    assert ("learnt.yaml", "objective") in [(file.path.name, file.role) for file in loaded.files]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: fitted\ncoefficients: {layer: 1}\n", "learnt.yaml:2:1: objective.coefficients: there is no term 'layer'; layers, "),
        ("kind: fitted\ncoefficients: {}\n", "objective.coefficients is empty; at least 1 item was expected"),
        (
            "kind: fitted\ncoefficients: {macs/2: 1}\n",
            "the objective has a term 'macs/2', but the network has 2 stages, counted from 0",
        ),
        ("kind: device\ncoefficients: {macs: 1}\n", "learnt.yaml:1:7: says kind: 'device'; 'qe', 'sensitivity' or 'fitted' was"),
        ("coefficients: {macs: 1}\n", "learnt.yaml:1:1: has no 'kind'; 'qe', 'sensitivity' or 'fitted' was expected"),
        ("kind: fitted\ncoefficients: {macs: 1}\nevidence: {designs: 0}\n", "evidence.designs is 0; at least 1 was expected"),
    ],
)
def test_files_that_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "learnt.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "study.yaml").write_text(STUDY + "objective: learnt.yaml\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_study(tmp_path / "study.yaml", library=Library())
    assert message in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY + "objective: ./learnt.yaml\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"study.yaml:11:12: there is no objective file '.*learnt.yaml'"):
        load_study(tmp_path / "study.yaml", library=Library())


def test_designs_outside_of_what_was_learnt_from() -> None:
    objective = build(
        Fitted, {"coefficients": {"layers": 1}, "limits": {"layers": {"low": 4, "high": 9}, "macs": {"low": 0.0, "high": 1.0}}}
    )
    assert objective.outside(network(), Bits.uniform(network(), 8)) == {"layers": 3.0}


def test_what_beats_macs() -> None:
    learnt = build(Fitted, {"coefficients": {"layers": 1}, "evidence": EVIDENCE})
    assert learnt.evidence is not None
    assert learnt.evidence.beats_macs
    unsure = build(Fitted, {"coefficients": {"layers": 1}, "evidence": {**EVIDENCE, "gain": {"rho": 0.1, "low": 0, "high": 0.2}}})
    assert unsure.evidence is not None
    assert not unsure.evidence.beats_macs
