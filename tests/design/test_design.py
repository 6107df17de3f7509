"""Designs: what `solve` writes down, what a recount catches, and files that are no designs."""

import json
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from qeopt.design import Design, load_design
from qeopt.design.recount import recount
from qeopt.design.verify import verify
from qeopt.memory import count
from qeopt.qbr import Refiner
from qeopt.score import evaluate
from qeopt.space import Space, Structure, Task
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve


@pytest.fixture(scope="module")
def design(study_file: Path) -> Design:
    found = solve(study_file).design
    assert found is not None
    return found


def changed(design: Design, **changes: Any) -> Design:
    """The same design with some top-level entries replaced."""
    return build(Design, {**design.model_dump(mode="json"), **changes})


def merged(values: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {**values, **changes}


def test_a_design_recounts(design: Design) -> None:
    assert recount(design) == ()


def test_it_is_the_best_of_its_space(design: Design) -> None:
    """Every structure of the space, each with its exact bits."""
    study = design.load_study()
    assert study.space is not None
    best = max(_best_scores(study.space, study.task, study.refiner))
    assert design.score == pytest.approx(best, abs=1e-6)
    assert design.bits.status == "optimal"
    assert design.bound is None or design.bound >= best


def _best_scores(space: Space, task: Task, refiner: Refiner) -> list[float]:
    scores = []
    for values in product(*(values for _, _, values in space.genes)):
        structure = Structure(values)
        network = space.expand(structure, task)
        if space.follows_rules(structure) and network.layers <= (refiner.limits.get("layers") or 0):
            scores.append(refiner.refine(network, "exhaustive").score or 0.0)
    return scores


def test_its_numbers_are_those_of_its_network(design: Design) -> None:
    study, network, bits = design.load_study(), design.network(), design.bit_widths()
    resources = count(network, study.runtime, bits)
    assert design.score == pytest.approx(evaluate(study.objective, network, bits), rel=1e-12)
    assert {name: use.used for name, use in design.uses.items()} == {
        "sram": resources.sram_bytes,
        "flash": resources.flash_bytes,
        **{name: resources.used[name] for name in ("bitops", "macs", "layers")},
    }
    assert sum(design.peak.tensors.values()) + design.peak.scratch == resources.sram_bytes
    assert {use.limit for use in design.uses.values()} == {4096, 1000, 8, None}


def test_it_says_where_it_comes_from(design: Design) -> None:
    assert [(file.name, file.role) for file in design.provenance.files] == [("tiny.yaml", "study"), ("ideal.yaml", "runtime")]
    assert all(len(file.sha256) == 64 for file in design.provenance.files)
    assert design.provenance.seed == 1
    assert "qeopt" in design.provenance.versions


def test_saved_and_loaded_it_is_the_same(design: Design, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "design.json"
    design.save(path)
    assert load_design(path) == design
    assert [file.name for file in path.parent.iterdir()] == ["design.json"]
    first = path.read_bytes()
    design.save(path)
    assert path.read_bytes() == first


def test_the_same_study_and_seed_give_the_same_file(study_file: Path, design: Design, tmp_path: Path) -> None:
    again = solve(study_file).design
    assert again is not None
    design.save(tmp_path / "one.json")
    again.save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_overrides_are_recorded_and_followed(study_file: Path) -> None:
    found = solve(study_file, overrides=["budgets.flash=800", "search.baselines=[]"]).design
    assert found is not None
    assert found.provenance.overrides == ("budgets.flash=800", "search.baselines=[]")
    assert found.uses["flash"].limit == 800
    assert found.uses["flash"].used <= 800
    assert found.baselines == {}
    assert recount(found) == ()


def _score(design: Design) -> Design:
    return changed(design, score=design.score + 1e-6)


def _flash(design: Design) -> Design:
    uses = design.model_dump(mode="json")["uses"]
    return changed(design, uses=merged(uses, flash={"used": uses["flash"]["used"] - 1, "limit": 1000}))


def _limit(design: Design) -> Design:
    uses = design.model_dump(mode="json")["uses"]
    return changed(design, uses=merged(uses, sram={"used": uses["sram"]["used"], "limit": 4000}))


def _weight(design: Design) -> Design:
    return changed(design, weights=merged(design.weights, head=4))


def _illegal_weight(design: Design) -> Design:
    return changed(design, weights=merged(design.weights, head=3))


def _image(design: Design) -> Design:
    return changed(design, activations=merged(design.activations, image=2))


def _classifier(design: Design) -> Design:
    return changed(design, weights=merged(design.weights, classifier=2))


def _tied(design: Design) -> Design:
    """A tensor before an addition in other bits than the sum."""
    assert "b1.2.project" in design.activations
    return changed(design, activations=merged(design.activations, **{"b1.2.project": 2}))


def _budget(design: Design) -> Design:
    """The study in the design, not the design, was changed."""
    study = dict(design.study)
    return changed(design, study=merged(study, budgets=merged(study["budgets"], flash="900 B")))


def _width(design: Design) -> Design:
    structure = design.model_dump(mode="json")["structure"]
    return changed(design, structure=merged(structure, head=merged(structure["head"], width=32)))


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (_score, "score: the design says"),
        (_flash, "flash: the design says"),
        (_limit, "sram: the design says"),
        (_weight, "score: the design says"),
        (_illegal_weight, "some bits are not among those"),
        (_image, "some bits are not among those"),
        (_classifier, "some bits are not among those"),
        (_tied, "some bits are not among those"),
        (_budget, "flash: 987 is over the budget of 900"),
        (_width, "flash: the design says"),
    ],
)
def test_a_recount_catches(tamper: Callable[[Design], Design], complaint: str, design: Design) -> None:
    assert any(found.startswith(complaint) for found in recount(tamper(design)))


@pytest.mark.parametrize("tensor", ["image", "b1.2.project", "classifier.pool"])
def test_bits_that_are_no_choice_are_caught_even_when_every_number_agrees(tensor: str, design: Design) -> None:
    forged = changed(design, activations=merged(design.activations, **{tensor: 4}))
    study, network = design.load_study(), design.network()
    resources = count(network, study.runtime, forged.bit_widths())
    uses = {use.name: {"used": use.used, "limit": use.limit} for use in study.limits.uses(resources)}
    forged = changed(forged, uses=uses, score=evaluate(study.objective, network, forged.bit_widths()))
    assert "some bits are not among those that the runtime can execute and the study allows" in recount(forged)


@pytest.mark.parametrize(
    ("structure", "complaint"),
    [
        ({"head": {"width": 48, "kernel": 1}}, "structure: head.width cannot be 48; it is one of 16, 32"),
        ({"tail": {"width": 16}}, "structure: the space has no choice tail.width"),
        ({"stem": {"width": 16, "kernel": 3}}, "structure: widths may not decrease from block to block: stem 16, b1 8"),
        ({"b1": {"width": 8, "kernel": 3, "ratio": 1.5, "units": 1}}, "structure: the order has 'b1.1"),
    ],
)
def test_a_structure_outside_the_space_is_a_mismatch(
    structure: dict[str, Any], complaint: str, design: Design, tmp_path: Path
) -> None:
    changed(design, structure=merged(design.model_dump(mode="json")["structure"], **structure)).save(tmp_path / "design.json")
    assert any(found.startswith(complaint) for found in verify(tmp_path / "design.json").mismatches)


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "design.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load_design(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_files_that_are_no_designs_are_refused(design: Design, tmp_path: Path) -> None:
    sound = design.model_dump(mode="json")
    no_json = "is not JSON; a design written by `qeopt solve` was expected"
    assert refusal(tmp_path / "missing.json") == "cannot be read: No such file or directory"
    assert refusal(tmp_path).startswith("cannot be read: ")
    assert refusal(written(tmp_path, "")) == no_json
    assert refusal(written(tmp_path, b"\xff\xfe\x00")) == no_json
    assert refusal(written(tmp_path, "{")) == no_json
    assert refusal(written(tmp_path, "[" * 100_000)) == no_json
    for content, place in (
        ([], "top level"),
        ({}, "format"),
        ({**sound, "format": "qeopt.design/2"}, "format"),
        ({**sound, "score": "high"}, "score"),
        ({**sound, "weights": {"stem": 8.5}}, "weights.stem"),
        ({**sound, "secret": 1}, "secret"),
        ({key: value for key, value in sound.items() if key != "study"}, "study"),
    ):
        assert refusal(written(tmp_path, json.dumps(content))).startswith(f"is not a design (qeopt.design/1): {place}: ")


def test_a_design_never_holds_what_is_no_number(design: Design, tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({**design.model_dump(mode="json"), "score": float("nan")}))
    assert "score" in refusal(path)


def test_the_study_it_carries_is_the_one_that_was_read(study_file: Path, design: Design) -> None:
    assert design.load_study() == load_study(study_file).value


def test_the_answer_does_not_depend_on_what_is_compared(study_file: Path) -> None:
    every = solve(study_file, overrides=["search.baselines=[eight_bits, tied]"]).design
    none = solve(study_file, overrides=["search.baselines=[]"]).design
    assert every is not None
    assert none is not None
    assert set(every.baselines) | set(every.no_baselines) == {"eight_bits", "tied"}
    beside = {"baselines", "no_baselines", "study", "provenance"}
    assert every.model_dump(exclude=beside) == none.model_dump(exclude=beside)


def test_terms_that_nothing_fits_are_not_searched(study_file: Path, tmp_path: Path) -> None:
    """Every structure of the space needs more than this at 8 bits, which the bound proves before any is looked at."""
    solution = solve(study_file, overrides=["budgets.flash=700", "search.baselines=[eight_bits]"])
    design = solution.design
    assert design is not None
    study = design.load_study()
    assert study.space is not None
    for values in product(*(values for _, _, values in study.space.genes)):
        if study.space.follows_rules(Structure(values)):
            network = study.space.expand(Structure(values), study.task)
            assert study.refiner.only(8).refine(network, "exhaustive").status == "infeasible"
    assert design.baselines == {}
    assert design.no_baselines["eight_bits"].reason == "none fits"
    assert solution.histories["eight_bits"] == ()
    design.save(tmp_path / "design.json")
    assert verify(tmp_path / "design.json").mismatches == ()
