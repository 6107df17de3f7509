"""What is drawn while a search runs: two lines that fit a terminal, and nothing where there is none."""

import io
import math

import pytest
from rich.console import Console

from qeopt.report.progress import Board, ProgressLine
from qeopt.report.words import seconds
from qeopt.search import Phase, Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def walk(number: int, bound: float | None, phase: Phase = Phase.BOUND) -> Progress:
    return Progress(0, 0, 0, 0, None, bound, 0.5 * number, phase, number, 40)


def round_(evaluations: int, at: float, score: float | None = 1302.8104, bound: float | None = 1303.1030) -> Progress:
    return Progress(4, evaluations, 5, 5, score, bound, at, most=2000, used={"sram": 0.9771, "flash": 0.9999, "layers": 1.0})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(clock)


def test_before_anything_is_known(board: Board, clock: Clock) -> None:
    clock.now += 2
    assert board.lines() == ("starting, 2 s elapsed",)


def test_the_bound(board: Board, clock: Clock) -> None:
    board.take("study", walk(0, None))
    assert board.lines()[0] == "study: bounding the space, walk 1 of at most 40"
    board.take("study", walk(3, 1303.1030))
    clock.now += 125
    assert board.lines() == (
        "study: bounding the space, walk 4 of at most 40, no design exceeds 1303.1030",
        "2:05 min elapsed, remaining time not known before the bound is",
    )
    board.take("study", walk(4, -math.inf))
    assert board.lines()[0] == "study: nothing fits, proven"
    board.take("study", walk(4, 1303.1030, Phase.RANGES))
    assert board.lines()[0] == "study: bounding by memory beside tensors, walk 5, no design exceeds 1303.1030"


def test_rounds(board: Board, clock: Clock) -> None:
    board.take("study", walk(3, 1303.1030))
    board.take("study", round_(5, 3.0))
    assert board.lines()[1] == "5 structures, sram 97 %, flash 99 %, layers 100 %"
    board.take("study", round_(505, 3.5))
    clock.now += 4
    assert board.lines() == (
        "study: best 1302.8104, bound 1303.1030, gap 0.023 %, 4 s elapsed",
        "at most 1 s left, 505 structures, 1,000/s, sram 97 %, flash 99 %, layers 100 %",
    )
    board.take("eight_bits", round_(5, 0.3, None))
    assert board.lines() == ("8 bits: none fits yet, 4 s elapsed", "5 structures, sram 97 %, flash 99 %, layers 100 %")
    board.take("eight_bits", round_(5, 0.4, bound=None))
    assert board.lines()[0] == "8 bits: best 1302.8104, no bound, 4 s elapsed"


def test_the_rate_of_a_resumed_run_is_that_of_this_process(board: Board) -> None:
    board.take("study", round_(1000, 60.0))
    board.take("study", round_(1100, 61.0))
    assert "9 s left, 1,100 structures, 100/s" in board.lines()[1]


def test_a_search_of_another_name_is_called_what_was_said(board: Board) -> None:
    board.take("point at sram 1,024", walk(0, None))
    assert board.lines()[0].startswith("point at sram 1,024: bounding")
    board.said = "sweeping: 1 of 4 points"
    assert board.lines()[0].startswith("sweeping: 1 of 4 points: bounding")


@pytest.mark.parametrize("width", [80, 40])
def test_two_lines_whatever_the_width(board: Board, width: int) -> None:
    board.take("study", round_(5, 3.0))
    board.take("study", round_(1505, 3.5))
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(board)
    lines = capture.get().splitlines()
    assert len(lines) == 2
    assert all(len(line) <= width for line in lines)
    assert lines[0][2:].startswith("study: best 1302.8104")


def test_nothing_where_there_is_no_terminal() -> None:
    for console, quiet in ((Console(file=io.StringIO()), False), (Console(file=io.StringIO(), force_terminal=True), True)):
        with ProgressLine(console, quiet=quiet) as line:
            line("study", walk(1, 5.0))
            line("study", round_(5, 3.0))
            line.say("anything")
        assert isinstance(console.file, io.StringIO)
        assert console.file.getvalue() == ""
        assert [progress.phase for _, progress in line.history] == [Phase.EVOLUTION]


def test_a_terminal_is_left_clean() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with ProgressLine(console) as line:
        line("study", round_(5, 3.0))
    assert isinstance(console.file, io.StringIO)
    assert "best 1302.8104" in console.file.getvalue()
    assert console.file.getvalue().endswith("\x1b[2K")


@pytest.mark.parametrize(
    ("number", "said"), [(-0.2, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (60, "1:00 min"), (3599, "59:59 min"), (3725, "1:02:05 h")]
)
def test_seconds(number: float, said: str) -> None:
    assert seconds(number) == said
