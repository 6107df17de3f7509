"""`qeopt verify`: what holds, what does not, and what is no design at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def design(run: Run, tmp_path: Path) -> dict[str, Any]:
    """A design, as plain data."""
    assert run("solve", "net.yaml", "--no-baselines").exit_code == 0
    found: dict[str, Any] = json.loads((tmp_path / "runs" / "net" / "1" / "design.json").read_text())
    return found


def test_a_fresh_design_holds(run: Run, design: dict[str, Any]) -> None:
    result = run("verify", "runs/net/1/design.json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "net: every claim of this design holds",
        f"score {design['score']:.4f}, sram 11,328 of 14,336, flash 9,864 of 10,240, bitops 31,760,384, macs 911,488, layers 11, "
        "cycles 455,744",
        "bits: optimal for this structure (CP-SAT, chain)",
        "space: a single structure",
        "device: stm32f412, as it ships",
        "runtime: cmix-nn, as it ships",
    ]
    found = json.loads(run("verify", "runs/net/1/design.json", "--json").stdout)
    assert set(found) == {"format", "status", "study_name", "score", "mismatches", "assumed", "proof"}
    assert (found["status"], found["mismatches"], found["proof"]["status"]) == ("holds", [], "optimal")


def _use(found: dict[str, Any]) -> None:
    found["uses"]["sram"]["used"] -= 1


def _limit(found: dict[str, Any]) -> None:
    found["study"]["budgets"]["sram"] = 11_000
    found["uses"]["sram"]["limit"] = 11_000


def _lost_use(found: dict[str, Any]) -> None:
    del found["uses"]["flash"]


def _score(found: dict[str, Any]) -> None:
    found["score"] += 1e-6
    found["bits"]["value"] += 1e-6
    found["bits"]["bound"] += 1e-6


def _worse_bits(found: dict[str, Any]) -> None:
    found["weights"]["b2.project"] = 4 if found["weights"]["b2.project"] == 2 else 2


def _illegal_bits(found: dict[str, Any]) -> None:
    found["weights"]["b2.project"] = 3


def _negative_bits(found: dict[str, Any]) -> None:
    found["weights"]["b2.project"] = -3


def _lost_bits(found: dict[str, Any]) -> None:
    del found["activations"]["head"]


def _peak(found: dict[str, Any]) -> None:
    found["peak"]["tensors"]["stem"] = 1


def _structure(found: dict[str, Any]) -> None:
    found["structure"]["b1"]["width"] = 17


def _gap(found: dict[str, Any]) -> None:
    found["bits"]["gap"] = 0.5


def _bound(found: dict[str, Any]) -> None:
    found["bound"], found["gap"] = found["score"] - 1, 0.0


def _unproven(found: dict[str, Any]) -> None:
    found["bound"], found["gap"] = found["score"], 0.0


def _certificate(found: dict[str, Any]) -> None:
    found["bits"]["certificates"][0]["value"] += 5
    found["bits"]["certificates"][0]["bound"] += 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_use, "sram: the design says 11,327, the recount 11,328"),
        (_limit, "sram: 11,328 is over the budget of 11,000"),
        (_lost_use, "uses: 'flash' is missing"),
        (_score, "score: the design says "),
        (_worse_bits, "score: the design says "),
        (_illegal_bits, "some bits are not among those that the runtime can execute and the study allows"),
        (_negative_bits, "bits: a width is not from 1 to 32"),
        (_lost_bits, "activations: 'head' is missing"),
        (_peak, "peak: the design says "),
        (_structure, "structure: b1.width cannot be 17"),
        (_gap, "bits.gap: the design says 0.5, its bound and score give 0.0"),
        (_bound, "gap: the bound "),
        (_unproven, "space: a bound and the certificate that proves it come together or not at all"),
        (_certificate, "bits: the certificate of cp_sat says "),
    ],
)
def test_a_claim_that_does_not_hold_is_named(run: Run, tmp_path: Path, design: dict[str, Any], change: Change, said: str) -> None:
    change(design)
    (tmp_path / "tampered.json").write_text(json.dumps(design))
    result = run("verify", "tampered.json")
    assert result.exit_code == 4
    assert said in result.stderr
    as_json = run("verify", "tampered.json", "--json")
    assert as_json.exit_code == 4
    found = json.loads(as_json.stdout)
    assert found["status"] == "mismatch"
    assert "\n".join(found["mismatches"]) == result.stderr.strip()


def test_bits_called_optimal_that_are_not(run: Run, tmp_path: Path) -> None:
    assert run("solve", "net.yaml", "--no-baselines", "--set", "budgets.flash=9 KiB").exit_code == 0
    found = json.loads((tmp_path / "runs" / "net" / "1" / "design.json").read_text())
    found["study"]["budgets"]["flash"] = 10 * 1024
    found["uses"]["flash"]["limit"] = 10 * 1024
    (tmp_path / "tampered.json").write_text(json.dumps(found))
    result = run("verify", "tampered.json")
    assert result.exit_code == 4
    assert "bits: said to be optimal, but cp_sat finds bits that score " in result.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON; a design written by `qeopt solve` was expected"),
        (b"\xff\xfe\x00", "is not JSON; a design written by `qeopt solve` was expected"),
        (b"[" * 100_000, "is not JSON; a design written by `qeopt solve` was expected"),
        (b"[]", "is not a design (qeopt.design/1): top level: "),
        (b"{}", "is not a design (qeopt.design/1): format: field required"),
        (b'{"format": "qeopt.design/99"}', "is not a design (qeopt.design/1): format: "),
    ],
)
def test_a_corrupt_file_is_no_design(run: Run, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "broken.json").write_bytes(content)
    result = run("verify", "broken.json")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"broken.json: {said}")


def test_a_design_that_carries_no_sound_study(run: Run, tmp_path: Path, design: dict[str, Any]) -> None:
    design["study"]["budgets"]["sram"] = -5
    (tmp_path / "tampered.json").write_text(json.dumps(design))
    result = run("verify", "tampered.json")
    assert result.exit_code == 2
    assert result.stderr.startswith("tampered.json: the study it carries is not sound: budgets.sram")


@pytest.mark.parametrize(("name", "reason"), [("nothing.json", "cannot be read: No such file"), (".", "holds no design.json")])
def test_no_file(run: Run, name: str, reason: str) -> None:
    result = run("verify", name)
    assert result.exit_code == 2
    assert reason in result.stderr
