"""Pictures are drawn for every way of counting, whole or not at all, and the same twice."""

from pathlib import Path
from typing import Any

import pytest

from qeopt.design.arena import describe_arena
from qeopt.network import Bits
from qeopt.report.comparison import comparison_document
from qeopt.report.counted import Counted, layers
from qeopt.report.pictures.arena import arena_picture
from qeopt.report.pictures.convergence import convergence_pictures
from qeopt.report.pictures.depth import depth_pictures
from qeopt.report.pictures.gaps import comparison_picture, comparison_title
from qeopt.report.pictures.memory import bits_picture, memory_picture
from qeopt.report.pictures.picture import Picture, stacked, write_picture
from qeopt.report.pictures.time import time_picture
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
        write_picture(memory_picture(_counted(name, *overrides)), tmp_path / target)
    content = (tmp_path / "one.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content == (tmp_path / "two.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "two.png"]


def _round(search: str, evaluations: int, score: float | None, bound: float | None) -> dict[str, Any]:
    counts = {"evaluations": evaluations, "feasible": evaluations, "refined": 3, "seconds": evaluations / 100}
    return {"search": search, "best_score": score, "bound": bound, **counts}


@pytest.mark.parametrize(
    ("history", "names"),
    [
        (
            [
                _round("study", 5, None, 12.0),
                _round("study", 100, 10.0, 12.0),
                _round("study", 200, 12.0, 12.0),
                _round("tied", 5, 9.0, 9.5),
                _round("nothing", 5, None, None),
            ],
            ["convergence", "funnel"],
        ),
        ([_round("study", 5, 9.0, None), _round("study", 100, 10.0, None)], ["convergence", "funnel"]),
        ([_round("study", 5, -1.0, 0.0), _round("study", 9, -1.0, 0.0)], ["funnel"]),
        ([], []),
    ],
)
def test_convergence(tmp_path: Path, history: list[dict[str, Any]], names: list[str]) -> None:
    found = convergence_pictures(history)
    assert [picture.name for picture in found] == names
    if not found:
        return
    for target in ("one.png", "two.png"):
        write_picture(stacked("convergence", found), tmp_path / target)
    content = (tmp_path / "one.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content == (tmp_path / "two.png").read_bytes()


def test_a_search_is_told_by_what_it_came_to() -> None:
    found = convergence_pictures([_round("study", 100, 10.0, 12.0), _round("study", 200, 12.0, 12.0)])[0]
    assert found.title == "12.0000, proven best, after 200 structures in 2.0 s; found last"


def _pictures() -> list[Picture]:
    counted = _counted("vww_256k", "device=gap9", "runtime=pulp-nn")
    bits, arena = counted.bits, describe_arena(counted.network, counted.study.runtime, counted.bits)
    assert arena is not None
    told = [_round("study", 100, 10.0, 12.0), _round("study", 200, 12.0, 12.0)]
    timed = time_picture(counted)
    assert timed is not None
    assert bits.weights
    strip = bits_picture(counted, [op.name for op in counted.network.ops])
    return [memory_picture(counted), strip, arena_picture(counted, arena), timed, *convergence_pictures(told)]


def test_every_specification_is_vega_lite() -> None:
    altair = pytest.importorskip("altair")
    for picture in _pictures():
        document = picture.document()
        altair.Chart.from_dict(document, validate=True)
        assert document["description"].endswith(".")
        assert " ".join(document["title"]["text"]) == picture.title


def test_layers_hold_the_peak_and_all_of_the_flash() -> None:
    counted = _counted("vww_256k")
    rows = layers(counted)
    assert [row.op for row in rows] == [op.name for op in counted.network.ops]
    assert max(row.step_bytes or 0 for row in rows) == counted.resources.sram_bytes
    assert [row.op for row in rows if row.is_peak] == [counted.resources.peak.step.op.name]
    assert sum(row.weight_bytes for row in rows) <= counted.resources.flash_bytes
    assert sum(row.macs for row in rows) == counted.resources.used["macs"]


def test_gaps(tmp_path: Path) -> None:
    document = comparison_document(compare("vww_256k", samples=3, engines=["ratio", "paper", "cp_sat"]))
    picture = comparison_picture(document)
    worst = max(row["largest_gap"] for row in document["summary"])
    assert f" loses {100 * worst:.3g} % of the score at worst; " in picture.title
    (ratio,) = [row for row in document["summary"] if row["engine"] == "ratio"]
    alike = [
        *document["summary"],
        {**ratio, "engine": "other", "largest_gap": worst},
        {**ratio, "engine": "another", "largest_gap": worst},
    ]
    assert f", other, another lose {100 * worst:.3g} % of" in comparison_title(
        {**document, "summary": alike}
    )  # all that lose as much
    assert picture.title.endswith(("cp_sat loses nothing", "cp_sat lose nothing"))
    write_picture(picture, tmp_path / "gaps.png")
    single = comparison_picture({**document, "instances": document["instances"][:1]})
    write_picture(single, tmp_path / "scores.svg")
    assert (tmp_path / "scores.svg").read_text().startswith("<svg")
    assert all(picture.document()["description"].endswith(f"{picture.title}.") for picture in (picture, single))
    _check_depth(document)


def _check_depth(document: dict[str, Any]) -> None:
    """Bits by depth: the points are those of the document, and what no engine answered is not drawn."""
    altair = pytest.importorskip("altair")
    for kind, picture in zip(("weights", "activations"), depth_pictures(document), strict=True):
        altair.Chart.from_dict(picture.document(), validate=True)
        points = picture.spec["data"]["values"]
        for row in document["depth"]:
            assert [point["bits"] for point in points if point["engine"] == row["engine"]] == [
                bits for bits in row[kind] if bits is not None
            ]
    nothing = [{**row, "answered": 0} for row in document["depth"]]
    assert depth_pictures({**document, "depth": nothing}) == depth_pictures({"study_name": "of before"}) == []


def test_gaps_without_any_proof(tmp_path: Path) -> None:
    picture = comparison_picture(comparison_document(compare("vww_256k", samples=2, engines=["ratio"])))
    assert picture.title == "no engine's loss is known, as none proved the best bits"
    write_picture(picture, tmp_path / "gaps.png")
