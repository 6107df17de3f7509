"""Models of energy: picojoules for every cycle that the model of time estimates, one number for each engine and board.

Fitted as models of time are, by least squares of relative errors, to the rows that state an energy; what was left out is predicted
from the rest.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import geometric_mean

from measurements import ENGINES, Row
from models import Errors, Fit, Model, estimate, fit_all, solve, span

DEVICES = {"NUCLEOH7A3ZI": "stm32h7a3", "NUCLEOL4R5ZI": "stm32l4r5", "NUCLEOU575ZI": "stm32u575"}
"""By board: the device that has it."""
PICO_OF_MICRO = 1e6
Of = Callable[[Row], float]
"""Estimated cycles of a row."""


@dataclass(frozen=True)
class EnergyFit:
    """A model of one engine on one board, and how far measurements lay from it, in per cent of the estimate."""

    engine: str
    device: str
    picojoules_per_cycle: int
    rows: tuple[Row, ...]
    error: Errors
    networks_out: Errors | None
    other_setups: Errors | None
    boards_out: Errors | None
    by_terms: Errors | None
    """Of networks left out, where energy has three numbers of its own: for MACs, values written and dense MACs."""


def fit_energies(rows: Iterable[Row]) -> dict[tuple[str, str], EnergyFit]:
    """A model of every engine on every board with energies, where there is a model of its time."""
    every = list(rows)
    times = fit_all(every)
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in every:
        if row.energy_uj and row.is_modelled and (row.engine, row.core) in times and row.board in DEVICES:
            groups.setdefault((row.engine, DEVICES[row.board]), []).append(row)
    return {(engine, device): _fit(engine, device, groups, times) for engine, device in sorted(groups, key=_place)}


def _place(key: tuple[str, str]) -> tuple[int, str]:
    return ENGINES.index(key[0]), key[1]


def _fit(engine: str, device: str, groups: dict[tuple[str, str], list[Row]], times: dict[tuple[str, str], Fit]) -> EnergyFit:
    rows = groups[engine, device]

    def cycles(row: Row) -> float:
        return estimate(row, times[row.engine, row.core].model)

    rate = round(per_cycle(rows, cycles))
    boards = [per_cycle(found, cycles) for (name, other), found in groups.items() if name == engine and other != device]
    on_board = [row for (_, other), found in groups.items() if other == device for row in found]
    return EnergyFit(
        engine,
        device,
        rate,
        tuple(rows),
        span(_deviations(rows, cycles, rate)) or (0, 0),
        span(_networks_out(rows, times[engine, rows[0].core])),
        span(_setups_out(rows, on_board, cycles)),
        span(_deviations(rows, cycles, geometric_mean(boards))) if boards else None,
        span(_networks_out_by_terms(rows)),
    )


def per_cycle(rows: Sequence[Row], cycles: Of) -> float:
    """Picojoules a cycle with the least squares of relative errors."""
    parts = [cycles(row) / picojoules(row) for row in rows]
    return sum(parts) / sum(part * part for part in parts)


def picojoules(row: Row) -> float:
    return (row.energy_uj or 0) * PICO_OF_MICRO


def _deviations(rows: Sequence[Row], cycles: Of, rate: float) -> list[float]:
    """By how many per cent of the estimates the measurements are higher."""
    return [100 * (picojoules(row) / (rate * cycles(row)) - 1) for row in rows]


def _networks_out(rows: Sequence[Row], time: Fit) -> list[float]:
    """Every network by models of time and energy that were fitted to the others; `ad` alone has dense layers."""
    found = []
    for name in sorted({row.network for row in rows} - {"ad"}):
        model: Model = solve([row for row in time.rows if row.network != name])

        def cycles(row: Row, model: Model = model) -> float:
            return estimate(row, model)

        rate = per_cycle([row for row in rows if row.network != name], cycles)
        found += _deviations([row for row in rows if row.network == name], cycles, rate)
    return found


def _networks_out_by_terms(rows: Sequence[Row]) -> list[float]:
    """Every network by energies for every MAC, value written and dense MAC that were fitted to the others."""
    found = []
    for name in sorted({row.network for row in rows} - {"ad"}):
        model: Model = solve([row for row in rows if row.network != name], picojoules)
        found += [100 * (picojoules(row) / estimate(row, model) - 1) for row in rows if row.network == name]
    return found


def _setups_out(rows: Sequence[Row], on_board: Sequence[Row], cycles: Of) -> list[float]:
    """Every measurement by the energy a cycle of all other engines and submitters on its board."""
    setups: dict[tuple[str, str], list[Row]] = {}
    for row in on_board:
        setups.setdefault((row.engine, row.submitter), []).append(row)
    found = []
    for name, group in setups.items():
        others = [per_cycle(other, cycles) for key, other in setups.items() if key != name]
        mine = [row for row in group if row in rows]
        if mine and others:
            found += _deviations(mine, cycles, geometric_mean(others))
    return found
