"""Visual wake words at 5 frames a second, beside the benchmark's own network: `python benchmarks/latency/vww.py`.

The study `vww_5fps` on two boards, and MobileNetV1 0.25 at 96x96 (`mlperf_vww`) with its best bits under the same kernels, on the
same boards and without a limit of time. The score is a proxy: it says what was maximised, not how accurate a network becomes.
"""

import resource
from collections.abc import Iterator

from qeopt.design import Design
from qeopt.report.words import gap as said_gap
from qeopt.verbs.solve import solve

STUDY = "vww_5fps"
BOARDS = ("stm32f412", "stm32u575")
AS_PUBLISHED = ("space=null", "network=mlperf_vww", "budgets={}")
COLUMNS = ("board", "network", "SRAM B", "flash B", "MACs", "time", "frames a second", "score", "proven within")


def answer(board: str, *overrides: str) -> tuple[Design, float, float]:
    """A design, the milliseconds of an inference, and the core-seconds it took to find and prove it."""
    before = _core_seconds()
    found = solve(STUDY, overrides=(f"device={board}", *overrides))
    design, study = found.design, found.loaded.value
    if design is None or study.device is None:
        raise SystemExit(f"{board}: {found.reason}")
    ms = design.uses["cycles"].used / study.device.cycles_per_ms
    return design, ms, _core_seconds() - before


def _core_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _rows() -> Iterator[tuple[tuple[str, ...], str]]:
    for board in BOARDS:
        for network, overrides in (("found by qeopt", ()), ("MobileNetV1 0.25", AS_PUBLISHED)):
            design, ms, seconds = answer(board, *overrides)
            sizes = (f"{design.uses[name].used:,.0f}" for name in ("sram", "flash", "macs"))
            gap = "one structure, bits optimal" if design.gap is None else said_gap(design.gap)
            row = (board, network, *sizes, f"{ms:.0f} ms", f"{1000 / ms:.2f}", f"{design.score:.1f}", gap)
            yield row, f"{board}, {network}: {seconds:.1f} core-seconds"


def main() -> None:
    took = []
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for row, said in _rows():
        print(f"| {' | '.join(row)} |", flush=True)
        took.append(said)
    print("\n" + "\n".join(took))


if __name__ == "__main__":
    main()
