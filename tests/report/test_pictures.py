"""Pictures are drawn for every way of counting, whole or not at all, and the same twice."""

import math
from pathlib import Path

import pytest

from qeopt.network import Bits
from qeopt.report.convergence_plot import draw_convergence
from qeopt.report.counted import Counted, layers
from qeopt.report.gap_plot import draw_gaps, draw_scores
from qeopt.report.plots import draw_memory
from qeopt.search import Progress
from qeopt.study.load import load_study
from qeopt.verbs.compare import compare


def _counted(name: str, *overrides: str) -> Counted:
    study = load_study(name, overrides=overrides).value
    network = study.subject.expand(study.subject.smallest(), study.task, "network")
    return Counted.of(study, network, Bits.uniform(network, 4))


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("vww_256k", ()),
        ("vww_256k", ("budgets.sram=unlimited",)),
        ("paper/mobilenet_v2", ()),
        ("vww_256k", ("runtime={extends: tinyengine}",)),
    ],
)
def test_memory(tmp_path: Path, name: str, overrides: tuple[str, ...]) -> None:
    for target in ("one.png", "two.png"):
        draw_memory(_counted(name, *overrides), tmp_path / target)
    content = (tmp_path / "one.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content == (tmp_path / "two.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "two.png"]


def _round(evaluations: int, score: float | None, bound: float | None) -> Progress:
    return Progress(4, evaluations, evaluations, 3, score, bound, evaluations / 100)


@pytest.mark.parametrize(
    "histories",
    [
        {
            "study": [_round(5, None, 12.0), _round(100, 10.0, 12.0), _round(200, 12.0, 12.0)],
            "tied": [_round(5, 9.0, 9.5)],
            "nothing": [_round(5, None, -math.inf)],
        },
        {"study": [_round(5, 9.0, None), _round(100, 10.0, None)]},
        {"study": [_round(5, -1.0, 0.0)]},
        {},
    ],
)
def test_convergence(tmp_path: Path, histories: dict[str, list[Progress]]) -> None:
    for target in ("one.png", "two.png"):
        draw_convergence("a study", histories, tmp_path / target)
    content = (tmp_path / "one.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content == (tmp_path / "two.png").read_bytes()


def test_layers_hold_the_peak_and_all_of_the_flash() -> None:
    counted = _counted("vww_256k")
    rows = layers(counted)
    assert [row.op for row in rows] == [op.name for op in counted.network.ops]
    assert max(row.step_bytes or 0 for row in rows) == counted.resources.sram_bytes
    assert [row.op for row in rows if row.is_peak] == [counted.resources.peak.step.op.name]
    assert sum(row.weight_bytes for row in rows) <= counted.resources.flash_bytes
    assert sum(row.macs for row in rows) == counted.resources.used["macs"]


def test_gaps(tmp_path: Path) -> None:
    found = compare("vww_256k", samples=3, engines=["ratio", "paper", "cp_sat"])
    draw_gaps(found, tmp_path / "gaps.png")
    draw_scores(found, tmp_path / "scores.png")
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())


def test_gaps_without_any_proof(tmp_path: Path) -> None:
    draw_gaps(compare("vww_256k", samples=2, engines=["ratio"]), tmp_path / "gaps.png")
    assert (tmp_path / "gaps.png").is_file()
