"""Drawn designs: that they are what they say, that features are counted again by hand, and how they spread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.design.verify import verify
from qeopt.network import Bits, Op, macs
from qeopt.sampling.spread import spread
from qeopt.score import QEScore, evaluate
from qeopt.score.sigma_grid import score_at
from qeopt.spec.errors import SpecError
from qeopt.verbs.sample import sample

STUDY = (Path(__file__).parents[1] / "depths.yaml").read_text(encoding="utf-8")
NETWORK = STUDY.replace("space:", "network:").replace("[8, 16]", "16").replace("[8, 16, 24]", "16").replace("[3, 5]", "3")
NETWORK = NETWORK.replace("[1.5, 2]", "2").replace("[1, 2, 3, 4]", "2").replace("[32, 48]", "48")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "small.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def test_designs_are_what_they_say(study: Path, tmp_path: Path) -> None:
    """Of each structure: the proven best bits, greedy ones, random ones; none scores above the best, all verify."""
    found = sample(study, count=5, rules=("exact", "paper", "random", "eight"))
    by_structure: dict[str, dict[str, float]] = {}
    for one in found.samples:
        by_structure.setdefault(one.structure, {})[one.rule] = one.design.score
        network, bits = one.design.network(), one.design.bit_widths()
        row = one.features
        assert row["depth"] == network.layers
        assert row["term.macs"] == pytest.approx(1e-6 * sum(macs(op) for op in network.ops if op.is_scored), rel=1e-12)
        assert row["macs"] == sum(
            op.output.channels * op.output.height * op.output.width * _window(op) for op in network.weighted_ops
        )
        assert row["flash_bytes"] == one.design.uses["flash"].used
        assert row["score"] == one.design.score
        parts = row["score_structure"] + row["score_activations"] + row["score_weights"]
        assert parts == pytest.approx(row["score"], rel=1e-12)
        for sigma_a, sigma_w in ((5, 4), (2, 7), (1, 1)):
            again = evaluate(QEScore(sigma_a=sigma_a, sigma_w=sigma_w, stage_weights=(1, 2)), network, bits)
            assert score_at(row, sigma_a, sigma_w) == pytest.approx(again, rel=1e-12)
        assert row["eq9"] == pytest.approx(evaluate(QEScore(), network, bits), rel=1e-12)
        if one.rule == "eight":
            assert bits == Bits.uniform(network, 8)
    assert len(by_structure) == 5
    assert all(scores["exact"] >= max(scores.values()) for scores in by_structure.values())
    assert any(scores["random"] < scores["exact"] for scores in by_structure.values())
    for one in found.samples[:4]:
        one.design.save(tmp_path / "design.json")
        assert verify(tmp_path / "design.json").holds
    with_eight = [name for name, scores in by_structure.items() if "eight" in scores]
    assert with_eight, "structures that fit at 8 bits are drawn, too"


def _window(op: Op) -> int:
    """Values summed into one output; the kernels of CMix-NN pad images to 4 channels."""
    source = op.inputs[0]
    channels = 4 if source.is_image else int(source.channels)
    return int(op.kernel) ** 2 * (1 if op.kind.value == "depthwise" else channels)


def test_the_same_seed_draws_the_same_structures_whatever_the_rules(study: Path) -> None:
    one, other = (sample(study, count=3, seed=5, rules=rules) for rules in (("exact",), ("ratio", "exact")))
    assert [s.design for s in one.samples] == [s.design for s in other.samples if s.rule == "exact"]
    assert sample(study, count=3, seed=6).samples[0].design.structure != one.samples[0].design.structure


def test_random_bits_differ_by_structure_and_seed(tmp_path: Path) -> None:
    """Of a fixed network: as many random bits as asked for, all within budgets, different from each other."""
    (tmp_path / "net.yaml").write_text(NETWORK, encoding="utf-8")
    found = sample(tmp_path / "net.yaml", count=6, rules=("random", "exact"))
    assert [one.rule for one in found.samples] == ["exact"] + 6 * ["random"]
    assert {one.structure for one in found.samples} == {"0001"}
    assert len({tuple(one.design.weights.items()) for one in found.samples[1:]}) > 3
    widths = [width for one in found.samples[1:] for width in one.design.weights.values()]
    assert {2, 4, 8} <= set(widths)


def test_spread_over_depth_takes_what_is_rare(study: Path) -> None:
    depths = [one.features["depth"] for one in sample(study, count=4, spread_over="depth").samples]
    assert len(set(depths)) == 4, "four depths are possible, and each is taken once"


@settings(derandomize=True, deadline=None, max_examples=200)
@given(values=st.lists(st.integers(-50, 50), min_size=1, max_size=60), count=st.integers(1, 30))
def test_a_spread_choice_covers_the_range(values: list[int], count: int) -> None:
    chosen = spread(values, count)
    assert len(set(chosen)) == len(chosen) == min(count, len(values))
    assert list(chosen) == sorted(chosen)
    if 1 < count < len(values):
        parts = np.minimum((np.array(values) - min(values)) * count // max(max(values) - min(values), 1), count - 1)
        assert {parts[place] for place in chosen} == set(parts.tolist()), "every part of the range that has any value has one"


def test_what_is_refused(study: Path) -> None:
    with pytest.raises(SpecError, match=r"--rules papers: 'exact', 'paper', .* was expected; did you mean 'paper'"):
        sample(study, rules=("papers",))
    with pytest.raises(SpecError, match="nothing was drawn: no structure of the study fits at any bits"):
        sample(study, overrides=["budgets.flash=100 B"], count=2)
