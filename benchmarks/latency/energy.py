"""Fit every model of energy and show what it is worth: `python benchmarks/latency/energy.py [FILE]`.

First the energy of a cycle by engine and board with its errors, as runtimes state it; then the power that submissions come to.
"""

import sys
from pathlib import Path
from statistics import geometric_mean

from energies import EnergyFit, fit_energies
from measurements import ENGINES, FILE, Row, read
from models import Errors

COLUMNS = (
    *("engine", "device", "pJ a cycle", "rows", "fitted rows", "networks left out", "other setups of the board", "other boards"),
    "three numbers, networks left out",
)


def blocks(path: Path = FILE) -> dict[str, dict[str, dict[str, object]]]:
    """By runtime and device: the model, in whole picojoules, and its evidence."""
    found: dict[str, dict[str, dict[str, object]]] = {}
    for (engine, device), fit in fit_energies(read(path)).items():
        found.setdefault(engine, {})[device] = {"picojoules_per_cycle": fit.picojoules_per_cycle, "measured": _measured(fit)}
    return found


def _measured(fit: EnergyFit) -> dict[str, object]:
    counts = {
        "rows": len(fit.rows),
        "networks": len({row.network for row in fit.rows}),
        "submitters": len({row.submitter for row in fit.rows}),
    }
    errors = {
        "error": fit.error,
        "leave_one_network_out": fit.networks_out,
        "other_setups": fit.other_setups,
        "leave_one_board_out": fit.boards_out,
    }
    return counts | {name: list(found) for name, found in errors.items() if found is not None}


def _said(errors: Errors | None) -> str:
    return "" if errors is None else f"{errors[0]:+d} to {errors[1]:+d} %"


def _print_models(path: Path) -> None:
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for fit in fit_energies(read(path)).values():
        errors = (_said(found) for found in (fit.error, fit.networks_out, fit.other_setups, fit.boards_out, fit.by_terms))
        print(f"| {' | '.join((fit.engine, fit.device, str(fit.picojoules_per_cycle), str(len(fit.rows)), *errors))} |")


def _print_powers(path: Path) -> None:
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in read(path):
        if row.energy_uj and not row.excluded and row.engine in ENGINES:
            groups.setdefault((row.engine, row.board, row.submitter), []).append(row)
    print("| engine | board | submitter | rows | mW | energy beside mW x ms |")
    print("|---|---|---|---|---|---|")
    for key, rows in sorted(groups.items()):
        powers = [(row.energy_uj or 0) / row.ms for row in rows]
        mean = geometric_mean(powers)
        low, high = (100 * (power / mean - 1) for power in (min(powers), max(powers)))
        print(f"| {' | '.join(key)} | {len(rows)} | {mean:.1f} | {low:+.0f} to {high:+.0f} % |")


def main(path: Path = FILE) -> None:
    _print_models(path)
    print()
    _print_powers(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
