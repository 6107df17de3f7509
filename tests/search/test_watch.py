"""Ctrl-C while the bound runs: it ends with what is proven, and a resumed run ends as if uninterrupted. About 10 seconds."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

from qeopt.design.verify import verify
from qeopt.search import Phase, Progress
from qeopt.study.load import load_study
from qeopt.verbs.solve import Solution, resume, solve

sys.path.insert(0, str(Path(__file__).parent))
from small_search import write_study  # type: ignore[import-not-found]  # beside this file

TFLM = ("runtime=tflm", "budgets.sram=32 KiB")
"""A runtime that the bound leaves memory out of, so that ranges of designs are bounded one by one."""


class Reader:
    """Remembers what it is told, and asks to stop at one of the reports that are chosen."""

    def __init__(self, *stop: tuple[Phase, int]) -> None:
        self.told: list[tuple[str, Progress]] = []
        self._stop = stop

    def __call__(self, name: str, progress: Progress) -> None:
        self.told.append((name, progress))
        if (progress.phase, progress.walks) in self._stop:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_study(tmp_path_factory.mktemp("study")))


def saved(solution: Solution, path: Path) -> bytes:
    assert solution.design is not None
    solution.design.save(path)
    return path.read_bytes()


def test_every_walk_is_told_with_a_bound_that_never_rises(study: Path) -> None:
    reader = Reader()
    design = solve(study, report=reader).design
    assert design is not None
    walks = [progress for name, progress in reader.told if name == "study" and progress.phase is Phase.BOUND]
    assert [progress.walks for progress in walks] == list(range(len(walks)))
    assert walks[0].bound is None
    assert {progress.most for progress in walks} == {load_study(study).value.search.walks}
    bounds = [progress.bound for progress in walks[1:] if progress.bound is not None]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] == design.bound


def test_rounds_tell_how_full_the_budgets_are(study: Path) -> None:
    reader = Reader()
    solution = solve(study, report=reader)
    last = [progress for name, progress in reader.told if name == "study"][-1]
    assert solution.design is not None
    shares = {name: use.used / use.limit for name, use in solution.design.uses.items() if use.limit}
    assert dict(last.used) == pytest.approx(shares, abs=0.02)  # ties are settled after the search
    assert set(shares) == set(last.used)
    assert last.most == solution.loaded.value.search.evaluations


def test_time_that_is_up_ends_the_bound(study: Path) -> None:
    reader = Reader()
    design = solve(study, overrides=["search.time_limit_seconds=1e-9", "search.baselines=[]"], report=reader).design
    assert design is not None
    assert design.stopped == "time limit"
    assert design.bound is not None
    assert design.bound >= design.score
    assert max(progress.walks for _, progress in reader.told) == 1


def test_a_time_limit_counts_from_the_start_of_the_command(study: Path) -> None:
    an_hour_ago = time.monotonic() - 3600
    late = solve(study, overrides=["search.time_limit_seconds=600"], since=an_hour_ago).design
    assert late is not None
    assert late.stopped == "time limit"
    in_time = solve(study, overrides=["search.time_limit_seconds=7200"], since=an_hour_ago).design
    assert in_time is not None
    assert in_time.stopped != "time limit"


@pytest.mark.parametrize("walk", [0, 1, 3])
def test_a_bound_that_is_cut_short_is_proven_and_not_taken_for_the_whole(study: Path, tmp_path: Path, walk: int) -> None:
    whole = saved(solve(study), tmp_path / "whole.json")
    first = solve(study, run_dir=tmp_path / "run", report=Reader((Phase.BOUND, walk)))
    assert first.interrupted
    assert first.design is not None
    assert first.design.stopped == "interrupted"
    assert first.design.bound is not None
    assert first.design.bound >= first.design.score
    first.design.save(tmp_path / "first.json")
    assert verify(tmp_path / "first.json").holds
    assert saved(resume(tmp_path / "run"), tmp_path / "second.json") == whole


def test_polishing_can_be_cut_short(study: Path, tmp_path: Path) -> None:
    class Impatient(Reader):
        def __call__(self, name: str, progress: Progress) -> None:
            super().__call__(name, progress)
            if progress.phase is Phase.EVOLUTION:
                raise KeyboardInterrupt

    overrides = ("search.evaluations=4000", "search.gap=0.05")  # room to look around, and an early end
    whole = solve(study, overrides=overrides)
    reader = Impatient()
    first = solve(study, overrides=overrides, run_dir=tmp_path / "run", report=reader)
    assert first.interrupted
    assert first.design is not None
    assert first.design.bound == (whole.design.bound if whole.design else None)
    evaluated = reader.told[-1][1].evaluations
    assert 0 < evaluated < whole.histories["study"][0].evaluations, "before any structure around was looked at"
    assert saved(resume(tmp_path / "run"), tmp_path / "second.json") == saved(whole, tmp_path / "whole.json")


def test_bounding_ranges_can_be_cut_short(study: Path, tmp_path: Path) -> None:
    reader = Reader()
    whole = saved(solve(study, overrides=TFLM, report=reader), tmp_path / "whole.json")
    ranges = [progress.walks for name, progress in reader.told if (name, progress.phase) == ("study", Phase.RANGES)]
    assert ranges
    first = solve(study, overrides=TFLM, run_dir=tmp_path / "run", report=Reader((Phase.RANGES, ranges[0])))
    assert first.interrupted
    assert saved(resume(tmp_path / "run"), tmp_path / "second.json") == whole


def test_a_space_in_which_nothing_fits_is_told_with_what_it_needs_least(study: Path) -> None:
    """The same words as `qeopt check`; and the amount it names is enough."""
    solution = solve(study, overrides=["budgets.flash=1 KiB"])
    assert solution.design is None
    found = re.fullmatch(
        r"every structure of the space needs ([\d,]+) B .* of flash or more, 1,024 B .* allowed; "
        r"the smallest change: `budgets\.flash: (\d+) B` .*",
        solution.reason,
    )
    assert found is not None, solution.reason
    assert found[1].replace(",", "") == found[2]
    assert solve(study, overrides=[f"budgets.flash={found[2]} B"]).design is not None
    assert solve(study, overrides=[f"budgets.flash={int(found[2]) - 1} B"]).design is None
