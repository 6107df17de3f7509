"""How numbers and proofs are said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.budgets import budget
from qeopt.cli.overrides import overrides, quoted
from qeopt.design import BitsProof, Certificate
from qeopt.report.budgets import BudgetRow, reserved_bytes
from qeopt.report.tables import budget_table
from qeopt.report.time import frames
from qeopt.report.words import amount, bits_proof, evolution_added, gap, idle_workers, nothing_fits, of_kind, percent
from qeopt.runs.folders import safe_name
from qeopt.study.load import load_study
from qeopt_solvers import Status


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(262_144, "B", "262,144 B (256.0 KiB)"), (1000.0, "", "1,000"), (12.375, "", "12.38"), (0.5, "B", "0.50 B")],
)
def test_amounts(value: float, unit: str, said: str) -> None:
    assert amount(value, unit) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (0.000374, "0.038 %"), (0.0004, "0.04 %"), (0.5, "50 %"), (3.2e-5, "0.0032 %"), (3.8e-7, "0.0001 %")],
)
def test_gaps(share: float, said: str) -> None:
    assert gap(share) == said


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.floats(1e-12, 10))
def test_a_gap_is_never_said_smaller_than_it_is(share: float) -> None:
    said = float(gap(share).removesuffix(" %")) / 100
    assert share * (1 - 1e-6) <= said <= max(share, 1e-6) * 1.11


def test_points_of_a_sweep_without_a_design_are_told_by_reason() -> None:
    short, long = {"sram": 1024, "layers": 5}, {"sram": 2048, "layers": 5}
    assert nothing_fits([]) == []
    assert nothing_fits([(short, "SRAM: 9 B needed"), (long, "SRAM: 9 B needed")]) == ["where nothing fits: SRAM: 9 B needed"]
    alike = [(short, "SRAM: 9,999 B, 1 allowed"), (long, "SRAM: 9 B, 2.5 allowed"), (long, "SRAM: 9 B, 2.5 allowed")]
    assert nothing_fits(alike) == ["nothing fits at sram 1 KiB, layers 5, and alike at 2 more points: SRAM: 9,999 B, 1 allowed"]
    others = [(long, reason) for reason in ("flash", "layers", "time", "kernels", "kernels")]
    assert nothing_fits([*alike, *others]) == [
        "nothing fits at sram 1 KiB, layers 5, and alike at 2 more points: SRAM: 9,999 B, 1 allowed",
        "nothing fits at sram 2 KiB, layers 5: flash",
        "nothing fits at sram 2 KiB, layers 5: layers",
        "nothing fits at 3 more points: sweep.json has the reasons",
    ]


@pytest.mark.parametrize(("kind", "name", "said"), [("study", "vww_256k", "study vww_256k"), ("study", "study", "study")])
def test_a_name_that_is_the_kind_is_said_once(kind: str, name: str, said: str) -> None:
    assert of_kind(kind, name) == said


@pytest.mark.parametrize(("ms", "said"), [(2114, "0.473 frames"), (33.5, "29.9 frames"), (8, "125 frames"), (0.4, "2,500 frames")])
def test_frames_of_a_second(ms: float, said: str) -> None:
    assert frames(ms) == said


def test_percent() -> None:
    assert percent(0.9987) == "99.9 %"


def _proof(status: Status, engine: str, share: float | None, *provers: str) -> BitsProof:
    return BitsProof(
        status=status,
        engine=engine,
        value=10.0,
        bound=None if share is None else 10 * (1 + share),
        gap=share,
        certificates=tuple(Certificate(engine=name, status=Status.OPTIMAL, value=1, bound=1) for name in provers),
    )


def test_proofs_of_bits() -> None:
    both = _proof(Status.OPTIMAL, "chain", 0.0, "chain", "cp_sat")
    assert bits_proof(both) == "bits: optimal for this structure (chain, CP-SAT)"
    loose = _proof(Status.FEASIBLE, "ratio", 0.001, "cp_sat")
    assert bits_proof(loose) == "bits: within 0.1 % of the best possible for this structure (chosen by ratio)"
    assert bits_proof(_proof(Status.FEASIBLE, "ratio", None)) == "bits: chosen by ratio, nothing proven for this structure"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("vww_256k", "vww_256k"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "study"),
        ("a b/c", "a_b_c"),
        ("", "study"),
        ("/x", "_x"),
    ],
)
def test_folders_of_runs_stay_where_they_belong(name: str, folder: str) -> None:
    assert safe_name(name) == folder


def test_values_that_yaml_would_misread_are_quoted() -> None:
    given = {"./my board.yaml": '"./my board.yaml"', "null": '"null"', "cp_sat": "cp_sat", "1e6": '"1e6"'}
    assert {text: quoted(text) for text in given} == given
    found = overrides(["a=1"], ["b=2"], alternatives=3)
    assert found == ("b=2", "search.alternatives=3", "a=1")


@pytest.mark.parametrize(
    ("workers", "islands", "said"),
    [
        ("0", 1, None),
        ("1", 1, None),
        ("4", 4, None),
        ("dask://127.0.0.1:8786", 1, None),
        ("4", 1, "one island in the study: 4 workers will not be busier than one; --set search.islands=4 gives each an island"),
        ("4", 2, "2 islands in the study: 4 workers will not be busier than 2; --set search.islands=4 gives each an island"),
    ],
)
def test_workers_without_islands(workers: str, islands: int, said: str | None) -> None:
    assert idle_workers(workers, islands) == said


@pytest.mark.parametrize(
    ("score", "from_bound", "said"),
    [
        (1303.0698, 1303.0698, "evolution: added nothing to the structures of the bound"),
        (1234.38, 1234.2771, "evolution: added 0.1029 to the 1234.2771 of the structures of the bound"),
    ],
)
def test_what_evolution_added(score: float, from_bound: float, said: str) -> None:
    assert evolution_added(score, from_bound) == said


def test_what_is_reserved_of_the_device_is_a_row_of_its_own() -> None:
    row = BudgetRow("flash", "B", 1000, 1_044_480, reserved=4096)
    table = budget_table([row, BudgetRow("macs", "", 7, None)])
    cells = list(zip(*table.rows, strict=True))
    assert cells[0] == ("flash", "reserved", "macs")
    assert cells[1] == ("1,000 B", "4,096 B", "7")
    assert table.note == "reserved: for start-up code, stack and application"


@pytest.mark.parametrize(("overrides", "reserved"), [([], 4096), (["budgets.flash=512 KiB"], 0)])
def test_flash_that_a_study_states_has_no_reserve(overrides: list[str], reserved: int) -> None:
    study = load_study("vww_256k", overrides=overrides).value
    assert study.device is not None
    assert reserved_bytes(study, budget("flash")) == reserved
