"""Damaged files of every kind: an answer or an error with its place, in time and memory, never a fault of this program."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "fuzz"))
import cases  # type: ignore[import-not-found]  # of the benchmark
from kinds import KINDS  # type: ignore[import-not-found]  # of the benchmark
from run import Results, fuzz, main  # type: ignore[import-not-found]  # of the benchmark

FEW = {"studies, solved": 1, "studies": 5, "CSV": 4, "journals": 4}
"""Fewer cases of what takes longest; there are 13 of every other kind."""


@pytest.mark.parametrize("kind", KINDS)
def test_some_damaged_files(kind: str, tmp_path: Path) -> None:
    assert fuzz(kind, range(FEW.get(kind, 13)), tmp_path).failed == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_damaged_files(kind: str, tmp_path: Path) -> None:
    assert fuzz(kind, range(1000, 1200), tmp_path).failed == []


def test_cases_that_ended_are_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["run.py", "MCUNet", "--cases", "4", "--kept", str(tmp_path)])
    results = Results(tmp_path / "results.jsonl")
    run = cases.run_case("MCUNet", 0, None, tmp_path)
    results.add(run)
    results.add(cases.Case("MCUNet", 2, 70, 1.0, 2, "qeopt import\n    internal error"))
    with (tmp_path / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"kind": "MCUNet", "se\n')  # cut off by a kill
    ran: list[int] = []
    original = cases.run_case

    def watched(kind: str, seed: int, *rest: object) -> object:
        ran.append(seed)
        return original(kind, seed, *rest)

    monkeypatch.setattr("run.run_case", watched)
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, ran) == (False, [1, 2, 3])
    assert list(results.of("MCUNet")) == [0, 1, 2, 3]


def raises() -> None:
    raise ValueError("oh")


def sleeps() -> None:
    time.sleep(60)


def fills_memory() -> None:
    assert len(bytearray(b"x") * (500 << 20)) == 500 << 20


def ends_wrongly() -> None:
    raise typer.Exit(70)


@pytest.mark.parametrize(
    ("harm", "said"),
    [(raises, "ValueError('oh')"), (sleeps, "took longer than "), (fills_memory, " MiB"), (ends_wrongly, "")],
)
def test_what_breaks_a_limit_is_found_and_kept(
    harm: Callable[[], None], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()
    app.command("import")(harm)
    app.callback()(lambda: None)

    def written(sound: object, folder: Path, rng: object) -> tuple[str, ...]:
        (folder / "input").write_text("damaged", encoding="utf-8")
        return ("import",)

    monkeypatch.setattr(cases, "app", app)
    monkeypatch.setattr(cases, "KINDS", {"any": written})
    monkeypatch.setattr(cases, "SECONDS", 1 if harm is sleeps else 600)
    monkeypatch.setattr(cases, "BYTES", 50 << 20)  # far below what is filled: a busy machine may take other pages away
    (failed,) = fuzz("any", [7], tmp_path).failed
    assert failed.startswith("any 7: qeopt import")
    assert said in failed
    assert (tmp_path / "any_7" / "input").read_text(encoding="utf-8") == "damaged"
