"""Plan the memory of the networks of all shipped studies and of 200 generated ones, and write a page of medians.

`python benchmarks/arena/run.py docs/benchmarks-arena.md` where qeopt is installed.
"""

from __future__ import annotations

import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from generated import chain, graph

from qeopt.hardware import Runtime
from qeopt.memory.arena import items_of
from qeopt.memory.buffers import buffers
from qeopt.network import Bits, Network
from qeopt.space import Structure
from qeopt.spec.library import Library, builtin_folder
from qeopt.spec.load import load
from qeopt.study.load import load_study
from qeopt_solvers import Status
from qeopt_solvers.packing import fits, pack
from qeopt_solvers.rectangles import Item, first_fit, height_of, most_live

REPEATS = 3
STRUCTURES = 5
"""Random structures of every shipped space, beside its smallest one."""
GENERATED = 200
RUNTIMES = ("ideal", "cmix-nn", "cmsis-nn", "tflm", "tinyengine")
SHARES = (0.8, 0.4, 0.2)
"""Sizes of three memories that do not join, as shares of what is live at once; each buffer lies in one of them as a whole."""

HEAD = """# Arena benchmark

Addresses for all buffers of the networks of every shipped study (its smallest structure and {structures} random ones) and of
{generated} generated networks (half chains of cells with shortcuts, half graphs whose operators read any earlier tensor), each at 8
bits and at random bits of 2, 4 and 8. Studies under the runtime `paper`, which has no plan, are laid out by `ideal`; generated
networks take {runtimes} in turn.
Times are processor time of one core in ms, the median of {repeats}, OR-Tools loaded; median and worst of a row. The plan includes
first fit, and where that needs no more than what is live, nothing else is asked.

```
python benchmarks/arena/run.py docs/benchmarks-arena.md     # about {minutes} of processor time
```

Machine: {machine}
"""


@dataclass(frozen=True)
class Case:
    group: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Result:
    group: str
    buffers: int
    simple_ms: float
    plan_ms: float
    live: int
    simple: int
    plan: int
    proven: bool
    spread_ms: float
    spread: bool | None


def laid_out(runtime: Runtime) -> Runtime:
    """The runtime, or `ideal` where it only counts."""
    return runtime if runtime.lays_out else named("ideal")


def named(name: str) -> Runtime:
    return load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value


def random_bits(network: Network, rng: random.Random) -> Bits:
    owners = {tensor.name: network.bits_owner(tensor) for tensor in network.tensors}
    drawn = {tensor.name: tensor.bits or rng.choice((2, 4, 8)) for tensor in network.tensors}
    weights = {op.name: op.weight_bits or rng.choice((2, 4, 8)) for op in network.weighted_ops}
    return Bits(weights, {name: drawn[owner.name] for name, owner in owners.items()})


def at_both(group: str, network: Network, runtime: Runtime, rng: random.Random) -> Iterator[Case]:
    for bits in (Bits.uniform(network, 8), random_bits(network, rng)):
        yield Case(group, items_of(buffers(network, runtime, bits), runtime.memory.align))


def cases() -> Iterator[Case]:
    """Studies first, by name, then generated networks."""
    folder = builtin_folder()
    for path in sorted((*folder.glob("*.yaml"), *(folder / "paper").glob("*.yaml"))):
        study, rng = load_study(path).value, random.Random(path.stem)
        structures = [study.subject.smallest()]
        if study.space is not None:
            genes = study.space.genes
            structures += [Structure(tuple(rng.choice(values) for _, _, values in genes)) for _ in range(STRUCTURES)]
        for structure in structures:
            yield from at_both(path.stem, study.subject.expand(structure, study.task), laid_out(study.runtime), rng)
    makers: tuple[tuple[str, Callable[[random.Random], Network]], ...] = (("generated chains", chain), ("generated graphs", graph))
    for group, make in makers:
        for number in range(GENERATED // len(makers)):
            rng = random.Random(f"{group} {number}")
            yield from at_both(group, make(rng), named(RUNTIMES[number % len(RUNTIMES)]), rng)


def timed(task: Callable[[], object]) -> float:
    """Milliseconds of processor time, the median of some runs."""
    found = []
    for _ in range(REPEATS):
        started = time.process_time()
        task()
        found.append(1000 * (time.process_time() - started))
    return statistics.median(found)


def measure(case: Case) -> Result:
    items, live = case.items, most_live(case.items)
    simple, packed = first_fit(items), pack(items)
    assert simple is not None
    assert packed.height is not None
    arenas = [int(share * live) for share in SHARES]
    return Result(
        case.group,
        len(items),
        timed(lambda: first_fit(items)),
        timed(lambda: pack(items)),
        live,
        height_of(items, simple),
        packed.height,
        packed.status is Status.OPTIMAL,
        timed(lambda: fits(items, sum(arenas), arenas)),
        fits(items, sum(arenas), arenas),
    )


def row(name: str, results: Sequence[Result]) -> str:
    def span(values: list[float]) -> str:
        return f"{statistics.median(values):.1f} | {max(values):.1f}"

    most = max(result.simple / result.plan - 1 for result in results)
    cells = (
        name,
        str(len(results)),
        f"{statistics.median(result.buffers for result in results):.0f}",
        span([result.simple_ms for result in results]),
        span([result.plan_ms for result in results]),
        str(sum(result.proven for result in results)),
        str(sum(result.simple == result.plan for result in results)),
        f"{100 * most:.0f} %" if most else "0",
        str(sum(result.plan == result.live for result in results)),
    )
    return f"| {' | '.join(cells)} |"


def spread_row(name: str, results: Sequence[Result]) -> str:
    answers = [result.spread for result in results]
    times = [result.spread_ms for result in results]
    counts = " | ".join(str(answers.count(answer)) for answer in (True, False, None))
    return f"| {name} | {len(results)} | {statistics.median(times):.1f} | {max(times):.1f} | {counts} |"


def grouped(results: Sequence[Result], line: Callable[[str, Sequence[Result]], str]) -> list[str]:
    rows = [line(group, list(members)) for group, members in groupby(results, key=lambda result: result.group)]
    return [*rows, line("all", results)]


def page(results: Sequence[Result], seconds: float) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("qeopt", "ortools"))
    machine = f"{platform.machine()} {platform.system()}, Python {platform.python_version()}, {packages}."
    head = HEAD.format(
        structures=STRUCTURES,
        generated=GENERATED,
        runtimes=", ".join(f"`{name}`" for name in RUNTIMES),
        repeats=REPEATS,
        minutes=f"{seconds:.0f} s",
        machine=machine,
    )
    lines = [
        head,
        "## One arena",
        "",
        "Proven: no plan is smaller. First fit minimal: it needed no more than that; at worst, so much more. At live: the plan",
        "needs no more than what is live at once, which no plan can go below.",
        "",
        "| networks | plans | buffers | first fit ms | worst | plan ms | worst | proven | first fit minimal | worst | at live |",
        "| --- " + "| ---: " * 10 + "|",
        *grouped(results, row),
        "",
        "## Three memories that do not join",
        "",
        f"The same buffers in memories of {', '.join(f'{100 * share:.0f} %' for share in SHARES)} of what is live at once, each "
        "buffer in one of them as a whole.",
        "",
        "| networks | questions | ms | worst | fit | proven not to | not decided |",
        "| --- " + "| ---: " * 6 + "|",
        *grouped(results, spread_row),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    started = time.process_time()
    every = list(cases())
    pack(every[-1].items)  # loads OR-Tools
    fits(every[-1].items, most_live(every[-1].items))
    results = [measure(case) for case in every]
    Path(sys.argv[1]).write_text(page(results, time.process_time() - started), encoding="utf-8")


if __name__ == "__main__":
    main()
