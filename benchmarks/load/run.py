"""Peak memory and time of the largest things that people ask for, each at several sizes: does it grow with the answer, or faster?

    python benchmarks/load/run.py                  # all, about half an hour of one core
    python benchmarks/load/run.py sweep onnx       # some
    python benchmarks/load/run.py --small          # the smaller sizes

Every row is one command of the program in a process of its own; `runs` are fifty at once. Memory is the most that one process held.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from inputs import chain_onnx, chain_study, model_study, small_study

NODES_EACH = 10
HEAD = "| what | size | exit codes | seconds | CPU seconds | most memory, MiB |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Measured:
    """What some processes that ran at once took."""

    codes: frozenset[int]
    seconds: float
    """From the start of the first to the end of the last."""
    core_seconds: float
    """Of all of them."""
    mib: float
    """The most that one of them held."""

    def row(self, what: str, size: int) -> str:
        """A line of the table."""
        codes = ", ".join(map(str, sorted(self.codes)))
        return f"| {what} | {size:,} | {codes} | {self.seconds:.1f} | {self.core_seconds:.1f} | {self.mib:,.0f} |"


def measured(commands: Sequence[Sequence[str]], folder: Path) -> Measured:
    """Start all commands of the program and wait for them; what they say is kept in `folder`."""
    started, running = time.monotonic(), []
    for number, words in enumerate(commands):
        said = os.open(folder / f"said_{number}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        actions = [(os.POSIX_SPAWN_DUP2, said, 1), (os.POSIX_SPAWN_DUP2, said, 2)]
        running.append(os.posix_spawn(sys.executable, [sys.executable, "-m", "qeopt", *words], os.environ, file_actions=actions))
        os.close(said)
    ended = [os.wait4(process, 0) for process in running]
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(
        frozenset(os.waitstatus_to_exitcode(status) for _, status, _ in ended),
        time.monotonic() - started,
        sum(used.ru_utime + used.ru_stime for _, _, used in ended),
        max(used.ru_maxrss for _, _, used in ended) * unit / 2**20,
    )


Commands = Sequence[Sequence[str]]


def sweep(folder: Path, size: int) -> Commands:
    """The best design of a space at every point of a grid of budgets."""
    study, side = small_study(folder), round(size**0.5)
    sram = ",".join(f"{6144 + 256 * step}B" for step in range(side))
    flash = ",".join(f"{4096 + 1024 * step}B" for step in range(side))
    return [["sweep", study, "--sram", sram, "--flash", flash, "--no-pictures", "--quiet", "--out", str(folder / "out")]]


def compare(folder: Path, size: int) -> Commands:
    """Greedy rules against exact engines on structures of a space."""
    return [["compare", small_study(folder), "--samples", str(size), "--no-pictures", "--quiet", "--out", str(folder / "out")]]


def runs(folder: Path, size: int) -> Commands:
    """Runs at once, each in a folder of its own."""
    study = small_study(folder)
    return [["solve", study, "--no-baselines", "--quiet", "--out", str(folder / f"out{number}")] for number in range(size)]


def network_check(folder: Path, size: int) -> Commands:
    """A network of many operators, checked."""
    return [["check", chain_study(folder, size)]]


def network_bits(folder: Path, size: int) -> Commands:
    """The same, its bits assigned and proven."""
    return [["solve", chain_study(folder, size), "--no-baselines", "--quiet", "--out", str(folder / "out")]]


def onnx(folder: Path, size: int) -> Commands:
    """A study of a model of many nodes, ten for every operator, checked."""
    return [["check", model_study(chain_onnx(folder, size // NODES_EACH, NODES_EACH), size // NODES_EACH)]]


def search(folder: Path, size: int) -> Commands:
    """A search that looks at many structures, without ever proving its best."""
    settings = ["search.strategy=evolution", "search.gap=0", "search.children=256", f"search.evaluations={size}"]
    words = [word for setting in settings for word in ("--set", setting)]
    return [["solve", "vww_256k", *words, "--no-baselines", "--quiet", "--out", str(folder / "out")]]


ASKED: Mapping[str, tuple[Callable[[Path, int], Commands], tuple[int, ...]]] = {
    "sweep": (sweep, (25, 100, 400)),
    "compare": (compare, (50, 500, 5000)),
    "runs": (runs, (1, 50)),
    "check": (network_check, (100, 1000, 10_000)),
    "bits": (network_bits, (100, 1000, 10_000)),
    "onnx": (onnx, (1000, 10_000, 100_000)),
    "search": (search, (10_000, 100_000)),
}


def rows(names: Sequence[str], *, small: bool) -> Iterator[str]:
    """Every row as it is ready."""
    for name in names:
        _, sizes = ASKED[name]
        for size in sizes[:-1] if small else sizes:
            with tempfile.TemporaryDirectory() as folder:
                yield measured(_prepared(name, Path(folder), size), Path(folder)).row(name, size)


def _prepared(name: str, folder: Path, size: int) -> Commands:
    """The commands; their inputs are made by another process, as what this one once held counts as held by what it starts."""
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        return other.submit(ASKED[name][0], folder, size).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *ASKED], metavar="WHAT", help=f"of {', '.join(ASKED)}; all unless stated")
    parser.add_argument("--small", action="store_true", help="without the largest size of each")
    given = parser.parse_args()
    print(HEAD)
    for row in rows(given.names or list(ASKED), small=given.small):
        print(row, flush=True)


if __name__ == "__main__":
    main()
