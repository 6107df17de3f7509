"""Set the shipped models against measured networks: `python benchmarks/latency/accuracy.py [FILE]`.

FILE has the columns of measured.csv. Times and energies are predicted by qeopt itself, from the runtimes as they ship. Rows that
cannot be used and engines without a model are listed.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from energies import DEVICES, PICO_OF_MICRO
from measurements import DROPS_DEAD_CHANNELS, ENGINES, FILE, STALLS, Row, read
from models import solve, terms
from networks import network

from qeopt.hardware.costs import cycles, picojoules
from qeopt.hardware.device import Device, Source
from qeopt.hardware.runtime import Runtime
from qeopt.spec.library import Library
from qeopt.spec.load import load

CLOSE, WIDE = 10, 25
"""Per cent: what the median is held to, and nine rows of ten."""


@dataclass(frozen=True)
class Prediction:
    row: Row
    ms: float

    @property
    def error(self) -> float:
        """By how many per cent of the measurement the prediction is longer."""
        return 100 * (self.ms / self.row.ms - 1)


@dataclass(frozen=True)
class EnergyPrediction:
    row: Row
    microjoules: float

    @property
    def error(self) -> float:
        """By how many per cent of the measurement the prediction is higher."""
        return 100 * (self.microjoules / (self.row.energy_uj or 0) - 1)


def predict(row: Row) -> Prediction | None:
    """What the shipped runtime says of a measured network; None where it has no model of the core."""
    runtime = _runtime(row)
    timing, found = runtime.timing, network(row.network, live=row.engine in DROPS_DEAD_CHANNELS)
    if timing is None or timing.model is None:
        return None
    total = sum(int(cycles(runtime, op, 8, 8, 8)) for op in found.ops)
    return Prediction(row, total / _device(row).cycles_per_ms)


def predict_energy(row: Row) -> EnergyPrediction | None:
    """The same of its energy; None where that was not measured, or the runtime has no model of the board."""
    runtime = _runtime(row)
    if runtime.powering is None or not row.energy_uj:
        return None
    ops = network(row.network, live=row.engine in DROPS_DEAD_CHANNELS).ops
    return EnergyPrediction(row, sum(int(picojoules(runtime, op, 8, 8, 8)) for op in ops) / PICO_OF_MICRO)


def _runtime(row: Row) -> Runtime:
    return load(Runtime, row.engine, library=Library(), kind="runtime", folder="runtimes").value.on(_device(row))


def _device(row: Row) -> Device:
    return Device(
        name=DEVICES.get(row.board, row.board),
        sram=1 << 20,
        flash=1 << 20,
        core=row.core,
        clock_mhz=row.clock_mhz,
        stall_factor=STALLS.get(row.board, 1),
        source=Source(url=f"https://github.com/mlcommons/tiny_results_v{row.round}", date="2026-11-28"),
    )


def without(rows: list[Row], name: str) -> list[Prediction]:
    """A network predicted by models of each engine and core that were fitted to the other networks."""
    found = []
    for engine, core in sorted({(row.engine, row.core) for row in rows}):
        group = [row for row in rows if (row.engine, row.core) == (engine, core)]
        rest = [row for row in group if row.network != name]
        if {row.network for row in rest} == {"ad", "ic", "kws", "vww"} - {name} and name != "ad":  # no other network is dense
            model = solve(rest)
            found += [
                Prediction(row, sum(a * b for a, b in zip(model, terms(row), strict=True)) * row.stall / row.clock_mhz / 1000)
                for row in group
                if row.network == name
            ]
    return found


def summary(found: Sequence[Prediction | EnergyPrediction]) -> str:
    errors = [abs(one.error) for one in found]
    if not errors:
        return "none"
    share = sum(error <= WIDE for error in errors) / len(errors)
    return f"{len(errors)} rows, median {median(errors):.1f} %, largest {max(errors):.1f} %, within {WIDE} %: {100 * share:.0f} %"


def main(path: Path) -> None:
    rows = read(path)
    used = [row for row in rows if row.is_modelled]
    predictions = [found for row in used if (found := predict(row)) is not None]
    print("| round | engine | core | board | network | MHz | measured ms | predicted ms | error |")
    print("|---|---|---|---|---|---|---|---|---|")
    for one in sorted(predictions, key=lambda one: (ENGINES.index(one.row.engine), one.row.core, one.row.network, one.row.round)):
        row = one.row
        said = (row.round, row.engine, row.core, row.board, row.network, f"{row.clock_mhz:g}", f"{row.ms:.2f}", f"{one.ms:.2f}")
        print(f"| {' | '.join(said)} | {one.error:+.1f} % |")
    print(f"\nall modelled rows: {summary(predictions)}")
    for name in ("kws", "vww", "ic", "ad"):
        left_out = summary(without(used, name))
        print(f"{name}: {summary([one for one in predictions if one.row.network == name])}; left out of the fit: {left_out}")
    energies = [found for row in used if (found := predict_energy(row)) is not None]
    print(f"energy: {summary(energies)}")
    for device in sorted({DEVICES[one.row.board] for one in energies}):
        print(f"energy on {device}: {summary([one for one in energies if DEVICES[one.row.board] == device])}")
    undone = [one for row in rows if row.excluded and row.engine in ENGINES and row.core and (one := predict(_full_clock(row)))]
    print("\nnot used, by reason:")
    for (reason, engine), number in sorted(Counter((row.excluded, row.engine) for row in rows if row.excluded).items()):
        hits = [one for one in undone if (one.row.excluded, one.row.engine) == (reason, engine)]
        print(f"  {number:3} {engine}: {reason}" + (f" (predicted all the same: {summary(hits)})" if hits else ""))
    print("\nnot modelled:")
    others = Counter((row.engine, row.core) for row in rows if not row.excluded and not row.is_modelled)
    for (engine, core), number in sorted(others.items()):
        print(f"  {number:3} {engine} on {core}")


def _full_clock(row: Row) -> Row:
    """A row of round 1.3 at the clock that its board ran at a round before."""
    full = {"states 70 MHz": 120, "states 60 MHz": 160}
    clock = next((mhz for said, mhz in full.items() if row.excluded.startswith(said)), row.clock_mhz)
    return replace(row, clock_mhz=clock)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
