"""What a study says of single layers: fixed and restricted widths, ends, ties; against every assignment of bits."""

import json
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from qeopt.design.verify import verify
from qeopt.network import Bits
from qeopt.score import evaluate
from qeopt.spec.errors import SpecError
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve

OPS = (
    ("stem", "conv", "image", 3, 4, 8),
    ("b.dw", "depthwise", "stem", 3, 4, None),
    ("b.pw", "conv", "b.dw", 1, 6, None),
    ("c.pw", "conv", "b.pw", 1, 8, None),
    ("c.dw", "depthwise", "c.pw", 3, 8, None),
)
"""Name, kind, what is read, window, channels, fixed weight bits."""
LAYERS = [name for name, *_ in OPS]
COUNTS = {"stem": 72, "b.dw": 36, "b.pw": 24, "c.pw": 48, "c.dw": 72, "fc": 24}
"""Weights."""
VALUES = {"image": 32, "stem": 64, "b.dw": 64, "b.pw": 96, "c.pw": 128, "c.dw": 128, "gap": 8, "fc": 3}
WIDTHS = (2, 4, 8)
SRAM, FLASH = 200, 215
Rule = Callable[[Mapping[str, int], Mapping[str, int]], bool]


def study(folder: Path, bits: Mapping[str, Any]) -> Path:
    ops: list[dict[str, Any]] = [
        {"name": name, "op": kind, "reads": [source], "shape": [4, 4, channels], "kernel": [side, side], "stage": 0}
        | ({} if fixed is None else {"weight_bits": fixed})
        for name, kind, source, side, channels, fixed in OPS
    ]
    ops[-1]["bits"] = 8
    ops.append({"name": "gap", "op": "pool", "reads": ["c.dw"], "shape": [1, 1, 8], "bits": 8})
    ops.append({"name": "fc", "op": "dense", "reads": ["gap"], "shape": [1, 1, 3], "bits": 8, "weight_bits": 8})
    fields = {
        "task": {"input": [4, 4, 2], "classes": 3},
        "network": {"image": {"shape": [4, 4, 2]}, "ops": ops, "stage_ends": ["c.dw"]},
        "runtime": "ideal",
        "budgets": {"sram": SRAM, "flash": FLASH},
        "bits": {"weights": list(WIDTHS), "activations": list(WIDTHS), **bits},
        "objective": "qe",
        "qbr": {"engine": "cp_sat"},
        "search": {"baselines": []},
    }
    path = folder / "study.yaml"
    path.write_text("kind: study\n" + "".join(f"{key}: {json.dumps(value)}\n" for key, value in fields.items()), encoding="utf-8")
    return path


CASES: dict[str, tuple[dict[str, Any], Rule]] = {
    "nothing": ({}, lambda w, a: w["stem"] == w["fc"] == 8),
    "fixed": ({"layers": {"b.pw": 4}}, lambda w, a: w["stem"] == w["fc"] == 8 and w["b.pw"] == a["b.pw"] == 4),
    "restricted": (
        {"layers": {"b.pw": {"weights": [2, 4]}, "b.dw": {"activations": [2]}}},
        lambda w, a: w["stem"] == w["fc"] == 8 and w["b.pw"] in {2, 4} and a["b.dw"] == 2,
    ),
    "fixed weights opened": ({"layers": {"stem": {"weights": [2, 4]}}}, lambda w, a: w["stem"] in {2, 4} and w["fc"] == 8),
    "a width of its own": ({"layers": {"c.pw": {"weights": [3]}}}, lambda w, a: w["stem"] == w["fc"] == 8 and w["c.pw"] == 3),
    "what the score does not see": ({"layers": {"fc": {"weights": [2, 4]}}}, lambda w, a: w["stem"] == 8 and w["fc"] == 4),
    "patterns together, a name instead": (
        {"layers": {"*.dw": {"weights": [4, 8]}, "c.*": {"weights": [2, 4]}, "c.pw": {"weights": [8]}}},
        lambda w, a: w["stem"] == w["fc"] == 8 and w["b.dw"] in {4, 8} and w["c.dw"] == 4 and w["c.pw"] == 8,
    ),
    "ends": ({"ends": 4}, lambda w, a: w["stem"] == w["fc"] == 4),
    "ties": (
        {"ties": [["b.dw", "c.dw"], ["b.p?", "c.pw"]]},
        lambda w, a: (
            w["stem"] == w["fc"] == 8
            and w["b.dw"] == w["c.dw"]
            and a["b.dw"] == 8  # as what c.dw writes, which is fixed
            and w["b.pw"] == w["c.pw"]
            and a["b.pw"] == a["c.pw"]
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_best_of_every_assignment_that_keeps_the_rules(name: str, tmp_path: Path) -> None:
    bits, rule = CASES[name]
    loaded = load_study(study(tmp_path, bits)).value
    network = loaded.subject.expand(loaded.subject.smallest(), loaded.task)
    plain = Bits({op.name: 8 for op in network.weighted_ops}, dict.fromkeys(VALUES, 8))
    start = evaluate(loaded.objective, network, plain)

    def gain(role: str, key: str, width: int) -> float:
        roles = {"weights": dict(plain.weights), "activations": dict(plain.activations)}
        roles[role][key] = width
        return evaluate(loaded.objective, network, Bits(**roles)) - start

    widths = (2, 3, 4, 8)
    of_weights = {key: {width: gain("weights", key, width) for width in widths} for key in COUNTS}
    of_values = {key: {width: gain("activations", key, width) for width in WIDTHS} for key in VALUES}
    read = {name: source for name, _, source, *_ in OPS} | {"gap": "c.dw", "fc": "gap"}
    best = float("-inf")
    offered = [widths if name == "a width of its own" and key == "c.pw" else WIDTHS for key in COUNTS]
    for chosen in product(*offered):
        weights = dict(zip(COUNTS, chosen, strict=True))
        if sum(-(-COUNTS[key] * width // 8) for key, width in weights.items()) > FLASH:
            continue
        for free in product(WIDTHS, repeat=4):
            values = dict.fromkeys(VALUES, 8) | dict(zip(("stem", "b.dw", "b.pw", "c.pw"), free, strict=True))
            held = {key: -(-VALUES[key] * width // 8) for key, width in values.items()}
            if rule(weights, values) and max(held[key] + held[source] for key, source in read.items()) <= SRAM:
                total = sum(of_weights[key][width] for key, width in weights.items())
                best = max(best, start + total + sum(of_values[key][width] for key, width in values.items()))
    refined = loaded.refiner.refine(network)
    assert refined.bits is not None
    assert rule(refined.bits.weights, refined.bits.activations)
    assert refined.score == pytest.approx(best, abs=1e-5)


def test_verify_sees_a_design_that_breaks_a_tie(tmp_path: Path) -> None:
    solution = solve(study(tmp_path, {"layers": {"c.pw": {"weights": [2, 4]}}, "ties": [["b.dw", "c.dw"]]}))
    assert solution.design is not None
    path = tmp_path / "design.json"
    text = solution.design.model_dump_json()
    path.write_text(text, encoding="utf-8")
    assert verify(path).holds
    told = json.loads(text)
    told["weights"]["b.dw"] = next(width for width in WIDTHS if width != told["weights"]["b.dw"])
    path.write_text(json.dumps(told), encoding="utf-8")
    assert any("not among those" in said for said in verify(path).mismatches)


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        ({"layers": {"b.pv": 8}}, "'b.pv'; a name or a pattern such as '*conv*' was expected; did you mean"),
        ({"ties": [["b.pw", "x*"]]}, "no layer of the network is called 'x*'"),
        ({"layers": {"b.pw": 17}}, "layers"),
        ({"layers": {"b.pw": {"weight": [8]}}}, "did you mean 'weights'?"),
        ({"ends": 0}, "ends"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place(bits: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = study(tmp_path, bits)
    with pytest.raises(SpecError) as caught:
        load_study(path)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{path}:6:")


def test_a_tie_that_names_nobody_is_told_where_it_stands(tmp_path: Path) -> None:
    path = study(tmp_path, {"ties": [["b.dw", "c.dw"], ["b.pw", "x*"]]})
    with pytest.raises(SpecError) as caught:
        load_study(path)
    column = path.read_text(encoding="utf-8").splitlines()[5].index('["b.pw"') + 1
    assert str(caught.value).startswith(f"{path}:6:{column}: ")


def test_a_tie_of_widths_that_have_none_in_common(tmp_path: Path) -> None:
    loaded = load_study(study(tmp_path, {"layers": {"b.dw": {"weights": [2]}}, "ties": [["stem", "b.dw"]]})).value
    refined = loaded.refiner.refine(loaded.subject.expand(loaded.subject.smallest(), loaded.task))
    assert refined.reason == "the weights of 'stem', 'b.dw' share one width, and none is allowed to all of them"


def test_the_layers_of_a_space_have_no_names_yet() -> None:
    for key in ("layers={head: 8}", "ends=8", "ties=[[a, b]]"):
        with pytest.raises(SpecError, match="a space leaves open which there are; state a `network`"):
            load_study("vww_256k", overrides=[f"bits.{key}"])
