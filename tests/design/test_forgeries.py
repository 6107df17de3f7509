"""Forged designs: one claim of a sound file is changed, and `qeopt verify` exits with 4 and names it."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.design import Design
from qeopt.design.build import resolved
from qeopt.design.verify import verify
from qeopt.design.verify.provenance import provenance_faults
from qeopt.spec.model import build
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve

Found = dict[str, Any]
Change = Callable[[Found], object]

STUDY = """\
kind: study
task: {{input: [24, 24, 3], classes: 3}}
space:
  widths: non_decreasing
  blocks:
    - {{kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2, weight_bits: 8}}
    - {{kind: k1dwk1, name: b1, stride: 2, width: [8, 16, 24], ratio: [1.5, 2], units: [1, 2]}}
    - {{kind: conv, name: head, width: [16, 32]}}
    - {{kind: classifier}}
device: stm32f412
runtime: {runtime}
budgets: {{sram: {sram}, flash: {flash}, layers: 8}}
bits: {{weights: [2, 4, 8], activations: [2, 4, 8]}}
objective: {{kind: qe}}
search: {{evaluations: 60, seed: 1, baselines: [eight_bits, tied], alternatives: 2, alternatives_within: 0.1}}
"""
STUDIES = {
    # Of the baselines one is proven not to exist; one alternative.
    "tight": STUDY.format(runtime="cmix-nn", sram="4 KiB", flash="1500 B"),
    # The certificate has several parts, the peak has scratch, there are two alternatives.
    "parts": STUDY.format(runtime="tinyengine", sram="6 KiB", flash="3 KiB"),
}


@pytest.fixture(scope="module")
def designs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Found]:
    """Sound designs, as plain data."""
    found = {}
    for name, text in STUDIES.items():
        path = tmp_path_factory.mktemp("sound") / f"{name}.yaml"
        path.write_text(text)
        design = solve(path).design
        assert design is not None
        found[name] = json.loads(json.dumps(design.model_dump(mode="json")))
    return found


def outcome(design: Found, folder: Path) -> tuple[int, str]:
    """Exit code and complaints of `qeopt verify`."""
    (folder / "design.json").write_text(json.dumps(design))
    result = CliRunner().invoke(app, ["verify", str(folder / "design.json")])
    return result.exit_code, result.stderr


@pytest.mark.parametrize("name", STUDIES)
def test_a_sound_design_holds(name: str, designs: Mapping[str, Found], tmp_path: Path) -> None:
    assert outcome(designs[name], tmp_path) == (0, "")


def put(*path: Any) -> Change:
    """Replace one value."""
    *way, last, value = path

    def change(found: Any) -> None:
        for key in way:
            found = found[key]
        found[last] = value(found[last]) if callable(value) else value

    return change


def lose(*path: Any) -> Change:
    """Take one value away."""
    *way, last = path

    def change(found: Any) -> None:
        for key in way:
            found = found[key]
        del found[last]

    return change


def both(*changes: Change) -> Change:
    """Change several things."""
    return lambda found: [change(found) for change in changes]


def higher_score(found: Found) -> None:
    found["score"] += 1e-6
    found["bits"]["value"] += 1e-6
    found["bits"]["bound"] += 1e-6


def a_lesser_own_certificate(found: Found) -> None:
    """The engine that chose the bits is said to have found less than they are worth; another still proves them."""
    own = next(one for one in found["bits"]["certificates"] if one["engine"] == found["bits"]["engine"])
    own["status"], own["value"] = "feasible", own["value"] - 1


def near_bound(found: Found) -> None:
    """A bound as near as the study asks for, with the gap that follows."""
    found["bound"], found["gap"] = found["score"], 0.0


def more(value: Any) -> Any:
    return value + 1


def less(value: Any) -> Any:
    return value - 1


def dearer(value: float) -> float:
    return value * 1.5


PARTS = ("space_certificate", "parts")
PROOF = ("bits", "certificates")
FORGERIES: Mapping[str, tuple[str, Change, str]] = {
    # the answer
    "study name": ("tight", put("study_name", "other"), "study_name: the design says 'other'"),
    "score": ("tight", higher_score, "score: the design says "),
    "less sram used": ("tight", put("uses", "sram", "used", less), "sram: the design says "),
    "less flash used": ("tight", put("uses", "flash", "used", less), "flash: the design says "),
    "fewer layers": ("tight", put("uses", "layers", "used", less), "layers: the design says "),
    "a larger budget": (
        "tight",
        put("uses", "flash", "limit", more),
        "flash: the design says that the budget is 1501, the study 1500",
    ),
    "a budget less": ("tight", lose("uses", "layers"), "uses: 'layers' is missing"),
    "a budget more": ("tight", put("uses", "picojoules", {"used": 1, "limit": 2}), "uses: there is no 'picojoules'"),
    "weight bits": ("tight", put("weights", "head", lambda bits: 4 if bits != 4 else 2), "score: the design says "),
    "bits of no kernel": ("tight", put("weights", "head", 3), "some bits are not among those"),
    "image bits": ("tight", put("activations", "image", 4), "some bits are not among those"),
    "weights of nothing": ("tight", put("weights", "tail", 8), "weights: there is no 'tail'"),
    "a tensor without bits": ("tight", lose("activations", "head"), "activations: 'head' is missing"),
    "a structure outside the space": ("tight", put("structure", "head", "width", 48), "structure: head.width cannot be 48"),
    "another order": ("tight", put("order", lambda names: [names[1], names[0], *names[2:]]), "structure: "),
    "no order of the operators": ("tight", put("order", lambda names: names[:-1]), "structure: "),
    "why the search ended": ("tight", put("stopped", "proven gap"), "stopped: the design says 'proven gap', its gap is "),
    "a single structure": (
        "tight",
        put("stopped", "single structure"),
        "stopped: the design says 'single structure', its study has ",
    ),
    "no such end": ("tight", put("stopped", "perfection"), "stopped: no search ends with 'perfection'"),
    "a time limit": ("tight", put("stopped", "time limit"), "stopped: the design says 'time limit', its study has none"),
    "only the bound": ("tight", put("stopped", "structures of the bound"), "stopped: the design says 'structures of the bound'"),
    # the peak
    "the step of the peak": ("tight", put("peak", "step", "head"), "peak: the design says "),
    "a tensor at the peak": ("tight", put("peak", "tensors", lambda held: dict.fromkeys(held, 1)), "peak: the design says "),
    "scratch of the peak": ("tight", put("peak", "scratch", less), "of scratch, the recount "),
    "persistent memory of the peak": ("parts", put("peak", "persistent", more), "of persistent memory, the recount "),
    # the bits
    "value of the bits": ("tight", put("bits", "value", more), "bits.value: the design says "),
    "gap of the bits": ("tight", put("bits", "gap", 0.5), "bits.gap: the design says 0.5"),
    "bound of the bits": ("tight", put("bits", "bound", more), "bits.bound: the design says "),
    "status of the bits": (
        "tight",
        put("bits", "status", "feasible"),
        "bits.status: the design says feasible, its certificates optimal",
    ),
    "who chose the bits": ("tight", put("bits", "engine", "highs"), "bits: said to be chosen by 'highs', which has no certificate"),
    "a note": ("tight", put("bits", "note", "proven by hand"), "bits.note: nothing proven says 'proven by hand'"),
    "a certificate less": (
        "tight",
        put(*PROOF, lambda found: [c for c in found if c["engine"] != "cp_sat"]),
        "of cp_sat is missing",
    ),
    "a certificate twice": ("tight", put(*PROOF, lambda found: [*found, found[0]]), "bits: there are 2 certificates of "),
    "a certificate of nobody": (
        "tight",
        put(*PROOF, lambda found: [*found, {**found[0], "engine": "oracle"}]),
        "bits: there is a certificate of 'oracle', which this study does not ask",
    ),
    "value of a certificate": (
        "tight",
        put(*PROOF, 0, "value", more),
        "bits: the certificate of cp_sat is optimal with the value ",
    ),
    "another value of who chose": ("tight", a_lesser_own_certificate, ", these bits are worth "),
    "a higher certificate": (
        "tight",
        both(put(*PROOF, 1, "value", more), put(*PROOF, 1, "bound", more)),
        "bits: the certificate of chain says ",
    ),
    "a bound below": (
        "tight",
        put(*PROOF, 1, lambda found: {**found, "status": "feasible", "bound": found["value"] - 5}),
        "above its bound",
    ),
    "a certificate that bounds too low": (
        "tight",
        put(*PROOF, 1, lambda found: {**found, "status": "feasible", "value": found["value"] - 9, "bound": found["value"] - 5}),
        "bits: the certificate of chain bounds by ",
    ),
    "an infeasible certificate": ("tight", put(*PROOF, 1, "status", "infeasible"), "says that no bits fit, and here are some"),
    "an unknown certificate": ("tight", put(*PROOF, 1, "status", "unknown"), "is unknown with the value "),
    # the space
    "a bound that is not proven": ("tight", near_bound, "space: said that nothing scores above "),
    "the gap": ("tight", put("gap", 0.0), "gap: the design says 0.0"),
    "a bound below the score": ("tight", put("bound", 1.0), "gap: the bound 1.0 is below the score"),
    "no certificate": ("tight", put("space_certificate", None), "space: a bound and the certificate that proves it"),
    "no bound": ("tight", both(put("bound", None), put("gap", None)), "space: a bound and the certificate that proves it"),
    "why there is no bound": ("tight", put("no_bound", "the objective does not add up"), "no_bound: the design says "),
    "prices": ("tight", put(*PARTS, 0, "prices", "flash", 0.0), "space: said that nothing scores above "),
    "a rule that was left out": (
        "tight",
        put("space_certificate", "left_out", []),
        "space: the bound leaves out addresses of buffers",
    ),
    "a rule too many": ("tight", put("space_certificate", "left_out", lambda rules: [*rules, "luck"]), "does not leave out 'luck'"),
    "a hole of one between parts": ("parts", put(*PARTS, 1, "at_least", more), "the parts of the certificate leave designs out"),
    "parts that begin late": ("parts", put(*PARTS, 0, "at_least", 1), "the parts of the certificate leave designs out"),
    "parts that end": ("parts", put(*PARTS, -1, "at_most", 10**6), "the parts of the certificate leave designs out"),
    "a part less": ("parts", lose(*PARTS, 1), "the parts of the certificate leave designs out"),
    "a part from end to start": ("parts", put(*PARTS, 0, "at_most", -1), "the parts of the certificate leave designs out"),
    # addresses
    "no addresses": ("tight", put("arena", None), "arena: the runtime 'cmix-nn' lays buffers out"),
    "what is live": ("tight", put("arena", "live", less), "arena.live: the design says "),
    "first fit": ("tight", put("arena", "first_fit", more), "arena.first_fit: the design says "),
    "no least arena": ("tight", put("arena", "minimal", False), "arena.minimal: the design says False"),
    "bound of the arena": ("tight", put("arena", "bound", less), "arena.minimal: the design says True"),
    "an arena's bound too high": (
        "tight",
        both(put("arena", "bound", more), put("arena", "minimal", False)),
        "arena.bound: said that no plan is smaller than ",
    ),
    "size of the arena": ("tight", put("arena", "bytes", less), "arena: the design says "),
    "an address": ("tight", put("arena", "buffers", "head", "offset", -4), "arena: the address -4 of 'head'"),
    "a buffer less": ("tight", lose("arena", "buffers", "head"), "arena: the buffers head do not belong together"),
    "a lifetime": ("tight", put("arena", "buffers", "image", "last", "head"), "or its lifetime differs"),
    # baselines
    "score of a baseline": ("tight", put("baselines", "tied", "score", less), "baseline tied: score: the design says "),
    "flash of a baseline": ("parts", put("baselines", "eight_bits", "uses", "flash", "used", more), "baseline eight_bits: flash: "),
    "structure of a baseline": ("tight", put("baselines", "tied", "structure", "stem", "width", 9), "baseline tied: structure: "),
    "bits of a baseline": ("parts", put("baselines", "eight_bits", "weights", "head", 4), "baseline eight_bits: some bits are not"),
    "proof of a baseline": (
        "tight",
        put("baselines", "tied", "bits", "certificates", []),
        "baseline tied: bits: the certificate of ",
    ),
    "a baseline less": ("tight", lose("baselines", "tied"), "baseline tied: the study asks for it, and nothing is said of it"),
    "a baseline hidden": (
        "tight",
        both(lose("baselines", "tied"), put("no_baselines", lambda found: {**found, "tied": found["eight_bits"]})),
        "baseline tied: said that none fits, but the certificate does not prove that",
    ),
    "a baseline and none": (
        "tight",
        put("no_baselines", lambda found: {**found, "tied": {"reason": "none found"}}),
        "baseline tied: there is one, and it is said that there is none",
    ),
    "none without a proof": (
        "tight",
        put("no_baselines", "eight_bits", {"reason": "none fits"}),
        "baseline eight_bits: a certificate proves that none fits",
    ),
    "a baseline that was not asked for": (
        "tight",
        put("study", "search", "baselines", ["eight_bits"]),
        "baseline tied: the study does not ask for it",
    ),
    # alternatives
    "score of an alternative": ("tight", put("alternatives", 0, "score", more), "alternative 1: score: the design says "),
    "distance of an alternative": (
        "tight",
        put("alternatives", 0, "distance", 1.0),
        "alternative 1: the design says that its distance",
    ),
    "bits of an alternative": ("tight", put("alternatives", 0, "weights", "stem", 2), "alternative 1: some bits are not among"),
    "an alternative twice": (
        "parts",
        put("alternatives", lambda found: [found[0]] * 2),
        "alternative 2: its structure is in the file",
    ),
    "an alternative too many": (
        "parts",
        put("alternatives", lambda found: [*found, found[0]]),
        "alternatives: there are 3, the study asks for 2",
    ),
    "alternatives nobody asked for": (
        "tight",
        put("study", "search", "alternatives", 0),
        "alternatives: there are 1, the study asks for 0",
    ),
    "an alternative too poor": (
        "tight",
        put("alternatives", 0, "score", lambda score: score * 0.5),
        "that the study asks for",
    ),
    # its making
    "the seed": ("tight", put("provenance", "seed", 7), "provenance.seed: the design says 7, its study 1"),
    "a hash": ("tight", put("provenance", "files", 0, "sha256", "abc"), "provenance: tight.yaml: 'abc' is no SHA-256"),
    "a version less": ("tight", lose("provenance", "versions", "ortools"), "provenance: the version of ortools is missing"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_named(name: str, designs: Mapping[str, Found], tmp_path: Path) -> None:
    kind, change, said = FORGERIES[name]
    forged = copy.deepcopy(designs[kind])
    change(forged)
    assert forged != designs[kind]
    code, complaints = outcome(forged, tmp_path)
    assert code == 4
    assert said in complaints


def test_a_weakened_runtime_is_told_number_by_number(tmp_path: Path) -> None:
    text = STUDIES["tight"].replace(
        "runtime: cmix-nn", "runtime: {extends: cmix-nn, parameters: {conv: 0}, reserve: {flash: 1 KiB}}"
    )
    (tmp_path / "weak.yaml").write_text(text)
    design = solve(tmp_path / "weak.yaml", overrides=["search.baselines=[]", "search.alternatives=0"]).design
    assert design is not None
    design.save(tmp_path / "design.json")
    found = verify(tmp_path / "design.json")
    assert found.holds
    said = next(text for text in found.assumed if text.startswith("runtime: "))
    assert said.startswith("runtime: made for a changed cmix-nn: ")
    assert "parameters.conv 0 instead of 10 * c_out" in said
    assert "reserve.flash 1024 instead of " in said
    assert "device: stm32f412, as it ships" in found.assumed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda study: study["runtime"].update(parameters={"conv": 0}), "study: not what the files that ship make"),
        (
            lambda study: study["budgets"].update(flash="2 MiB"),
            "study: not what the files that ship make with these overrides: budgets.flash: ",
        ),
    ],
)
def test_a_study_said_to_be_as_it_ships_is_made_again(designs: Mapping[str, Found], change: Change, said: str) -> None:
    loaded = load_study("vww_256k", overrides=["search.seed=3"])
    made = {
        "files": [{"name": file.path.name, "role": file.role, "sha256": file.sha256} for file in loaded.files],
        "overrides": ["search.seed=3"],
        "seed": 3,
        "versions": designs["tight"]["provenance"]["versions"],
    }
    honest = {**designs["tight"], "study": resolved(loaded), "provenance": made}
    design = build(Design, honest)
    assert provenance_faults(design, design.load_study()) == []
    forged = copy.deepcopy(json.loads(json.dumps(honest)))
    change(forged["study"])
    design = build(Design, forged)
    assert any(found.startswith(said) for found in provenance_faults(design, design.load_study()))
