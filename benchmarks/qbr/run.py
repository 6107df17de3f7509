"""Give every instance to every engine and to every rival, check all answers in one place, and write a page of medians.

`python benchmarks/qbr/run.py instances.json docs/benchmarks-qbr.md` in the environment of `requirements.txt`, with `solvers/` on
PYTHONPATH. Times run from the AllocationProblem to the checked answer, model building included; each is the median of three.
"""

import json
import platform
import resource
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rivals import RIVALS

from qeopt_solvers import AllocationProblem, Choice, Limits, Link, LinkTerm, Row, Scope, Status, Term, TieBreak, recount, table
from qeopt_solvers.solve import solve
from qeopt_solvers.testing.networks import inverted_residuals, network_problem

SECONDS = 20.0
REPEATS = 3
SLOW_SECONDS = 0.5
"""What takes longer is not repeated."""
ENGINES = ("chain", "cp_sat", "milp", "ratio", "paper", "rusci")
PACKAGES = ("ortools", "highspy", "pyomo", "numpy", "pulp", "scipy", "model-compression-toolkit")
GROWTH = (50, 100, 200, 500, 1000)

HEAD = """# QBR benchmark

MobileNetV2 1.0 at 224 px, 52 convolutions, ideal counting: SRAM {{384, 448, 512, 768}} KiB x flash {{1, 1.5, 2}} MiB, bits
{{2,4,8}} and {{2..8}}, alone and with a bit-operations budget. Times are processor time, child processes included, from the
AllocationProblem to the answer, model building and, for our engines, reduction and recount included: per instance the median of
three (above 0.5 s a single run), here the median and the worst of a group. Every answer was recounted by
`qeopt_solvers.recount`. One thread each, limit {seconds} s, everything from one run. Our exact engines also prove both
tie-breaks; the others stop at the value. "x times" is CBC's median over this solver's. How to read it, and where the time goes:
[engines.md](engines.md#speed).

```
python benchmarks/qbr/instances.py instances.json                                       # where qeopt is installed
PYTHONPATH=solvers python benchmarks/qbr/run.py instances.json docs/benchmarks-qbr.md   # where requirements.txt is
```

Machine: {machine}
"""


@dataclass(frozen=True)
class Result:
    seconds: float
    value: int | None
    proved: bool
    note: str = ""


def read(data: dict[str, object]) -> AllocationProblem:
    def terms(items: list[dict[str, object]]) -> tuple[Term, ...]:
        return tuple(Term(item["choice"], tuple(item["costs"])) for item in items)

    return AllocationProblem(
        tuple(Choice(c["name"], tuple(c["labels"]), tuple(c["gains"])) for c in data["choices"]),
        tuple(Link(k["name"], tuple(k["choices"]), tuple(tuple(t) for t in k["allowed"])) for k in data["links"]),
        tuple(
            Row(
                r["name"], r["kind"], r["unit"], Scope(r["scope"]), r["limit"], terms(r["terms"]),
                tuple(LinkTerm(t["link"], tuple(t["costs"])) for t in r["link_terms"]), r["fixed"],
            )
            for r in data["rows"]
        ),
        tuple(TieBreak(t["name"], t["unit"], terms(t["terms"])) for t in data["tie_breaks"]),
    )  # fmt: skip


def cpu_seconds() -> float:
    """Processor time of this process and the children it waited for (CBC is one): fair on a machine that others use too."""
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


def by_engine(name: str) -> Callable[[AllocationProblem], Result]:
    def run(problem: AllocationProblem) -> Result:
        started = cpu_seconds()
        outcome = solve(problem, name, Limits(seconds=SECONDS))
        spent = cpu_seconds() - started
        handed_on = "handed on" if "reduced problem solved by" in outcome.note else ""
        return Result(spent, outcome.value, outcome.status in {Status.OPTIMAL, Status.INFEASIBLE}, handed_on)

    return run


def by_rival(name: str) -> Callable[[AllocationProblem], Result]:
    def run(problem: AllocationProblem) -> Result:
        started = cpu_seconds()
        try:
            picks, proved = RIVALS[name](problem, SECONDS)
        except NotImplementedError as error:
            return Result(0.0, None, False, f"cannot state {error}")
        broken = picks is not None and recount.violations(problem, picks)
        value = None if picks is None or broken else recount.value(problem, picks)
        return Result(cpu_seconds() - started, value, proved, "broke a budget" if broken else "")

    return run


def median(run: Callable[[AllocationProblem], Result], problem: AllocationProblem) -> Result:
    results = [run(problem)]
    while len(results) < REPEATS and results[0].seconds < SLOW_SECONDS:
        results.append(run(problem))
    middle = statistics.median(result.seconds for result in results)
    return Result(middle, results[-1].value, all(result.proved for result in results), results[-1].note)


def group_of(instance: dict[str, object]) -> str:
    bits = "{2,4,8}" if len(instance["bits"]) == 3 else "{2..8}"
    names = {None: "SRAM and flash", 24: "and BitOps at 24/64", 16: "and BitOps at 16/64"}
    return f"{bits}, {names[instance['share']]}"


def main(source: Path, page: Path) -> None:
    solvers = {name: by_engine(name) for name in ENGINES} | {name: by_rival(name) for name in RIVALS}
    groups: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    instances = json.loads(source.read_text(encoding="utf-8"))
    warm_up = read(instances[0]["problem"])
    for run in solvers.values():
        run(warm_up)  # imports
    times = growth(solvers["chain"])
    for number, instance in enumerate(instances, start=1):
        problem = read(instance["problem"])
        for name, run in solvers.items():
            groups[group_of(instance)][name].append(median(run, problem))
        page.write_text(page_of(groups, times), encoding="utf-8")
        print(f"{number}/{len(instances)}", file=sys.stderr, flush=True)


def growth(run: Callable[[AllocationProblem], Result]) -> list[tuple[int, float]]:
    """Time of `chain` on uncoupled networks of more and more convolutions."""
    found = []
    for count in GROWTH:
        blocks = max(1, round((count - 4) / 6))
        rows = ((1, 16, 1, 1), (6, 24, blocks, 2), (6, 32, blocks, 2))
        problem = network_problem(inverted_residuals(rows), (2, 4, 8), sram_bytes=512 * 1024 * 2, flash_bytes=3 * 1024 * count)
        found.append((len([c for c in problem.choices if c.name.endswith("weight")]) + 1, median(run, problem).seconds))
    return found


def page_of(groups: dict[str, dict[str, list[Result]]], times: list[tuple[int, float]]) -> str:
    machine = f"{platform.machine()} {platform.system()}, 2 cores, Python {platform.python_version()}. {versions()}"
    lines = [HEAD.format(seconds=f"{SECONDS:.0f}", machine=machine)]
    for group, by_solver in groups.items():
        lines += table_of(group, by_solver)
    lines += ["## Growth of `chain`, uncoupled", "", "| convolutions | ms |", "| ---: | ---: |"]
    lines += [f"| {count} | {seconds * 1e3:.1f} |" for count, seconds in times]
    return "\n".join([*lines, ""])


def table_of(group: str, by_solver: dict[str, list[Result]]) -> list[str]:
    best = [max(r.value or 0 for r in results) for results in zip(*by_solver.values(), strict=True)]
    cbc = statistics.median(result.seconds for result in by_solver["pulp_cbc"])
    lines = [
        f"## Bits {group}",
        "",
        "| solver | median ms | worst ms | proved | below the best, at worst | x times | notes |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, results in by_solver.items():
        notes = sorted({result.note for result in results if result.note})
        if all(result.note.startswith("cannot") for result in results):
            lines.append(f"| {name} | | | | | | {notes[0]} |")
            continue
        seconds = [result.seconds for result in results]
        middle = statistics.median(seconds)
        below = max(1 - (r.value or 0) / top for r, top in zip(results, best, strict=True))
        proved = "-" if name in ENGINES and not table.traits(name).exact else f"{sum(r.proved for r in results)}/{len(results)}"
        times = f"{middle * 1e3:.2f} | {max(seconds) * 1e3:.1f}"
        lines.append(f"| {name} | {times} | {proved} | {below:.4%} | {cbc / middle:.1f} | {'; '.join(notes)} |")
    return [*lines, ""]


def versions() -> str:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} absent")
    return ", ".join(found) + "."


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
