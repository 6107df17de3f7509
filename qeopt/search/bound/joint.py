"""The joint bound: no structure and no bits of the whole space score higher.

For any prices, the best score less priced costs over the lattice plus what the budgets are worth at those prices is an upper bound.
The prices that make it least are the certificate; the structures met on the way there are candidates for the best design.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.search.bound.walk import Walk
from qeopt.search.lattice import NotSeparable, boundary_widths, build_lattice
from qeopt.search.prices import Prices
from qeopt.search.relax import Relaxer
from qeopt.space import Space, Structure, Task
from qeopt_solvers.planes import Plane, minimise

MOST_WORTH = 2000.0
"""Highest price looked at, in nats that a whole budget is worth."""
START_WORTH = 60.0
"""First price of every budget; typical of weights under a flash budget."""
ROUNDING = 1e-9
"""Relative allowance for floating-point sums: the bound is rounded outward by it."""


@dataclass(frozen=True)
class JointBound:
    """A bound over a whole space, and what proves it."""

    value: float
    """No design scores higher, in nats; -inf where none is feasible."""
    prices: Prices
    """The certificate: one walk at these prices gives `value`."""
    left_out: tuple[str, ...]
    """Rules that the bound does not use; it holds all the same."""
    structures: tuple[Structure, ...]
    """Structures that were best at some prices, those at the lowest bound first."""


def bound_space(
    space: Space,
    task: Task,
    refiner: Refiner,
    *,
    tolerance: float,
    most_walks: int,
    found: Callable[[Structure, float], bool] = lambda structure, bound: False,
) -> JointBound | None:
    """Bound every design of `space`; None where the space is no chain that can be bounded.

    Args:
        space: Structures.
        task: What the network reads and tells apart.
        refiner: The terms under which bits are chosen.
        tolerance: Stops when better prices could lower the bound by no more than this share of it.
        most_walks: Walks at most.
        found: Told every structure met and the best bound so far; True ends the search for better prices.
    """
    try:
        lattice = build_lattice(space, task, refiner)
    except NotSeparable:
        return None
    budgets = _budgets(refiner)
    names = list(budgets)
    relaxer = Relaxer(space, task, refiner)
    boundary = boundary_widths(refiner)
    met: dict[Structure, float] = {}

    def walk_at(worths: tuple[float, ...]) -> Plane:
        prices = _prices(budgets, names, worths)
        walk = Walk(lattice, prices, boundary.index(FIXED_BITS), len(boundary), refiner.limits.layers)
        value = walk.value + sum(worths)
        if walk.value == float("-inf"):
            return Plane(worths, value, (0.0,) * len(names))
        structure = space.structure(walk.structure())
        spent = relaxer.spend(structure, prices.flash, prices.bitops)
        met[structure] = min(value, met.get(structure, value))
        used = {"flash": spent.flash, "bitops": spent.bitops, "macs": spent.macs}
        return Plane(worths, value, tuple(1 - used[name] / budgets[name] for name in names))

    def stop(best: Plane) -> bool:
        return best.value == float("-inf") or found(next(reversed(met)), best.value)

    best = minimise(walk_at, [START_WORTH] * len(names), [MOST_WORTH] * len(names), tolerance=tolerance, most=most_walks, stop=stop)
    return JointBound(
        value=outward(best.value),
        prices=_prices(budgets, names, best.point),
        left_out=left_out(refiner),
        structures=tuple(sorted(met, key=lambda structure: (met[structure], structure.values))),
    )


def outward(value: float) -> float:
    """Round a bound up by more than its floating-point sums can be off; -inf stays."""
    return value + ROUNDING * abs(value) if math.isfinite(value) else value


def _budgets(refiner: Refiner) -> dict[str, float]:
    """The budgets that are paid for at a price, in the unit in which tables count them."""
    limits = refiner.limits
    found = {
        "flash": refiner.flash_limit,
        "bitops": limits.bitops,
        "macs": limits.macs,
    }
    return {name: float(limit) for name, limit in found.items() if limit is not None}


def _prices(budgets: Mapping[str, float], names: Sequence[str], worths: Sequence[float]) -> Prices:
    return Prices(**{name: worth / budgets[name] for name, worth in zip(names, worths, strict=True)})


def left_out(refiner: Refiner) -> tuple[str, ...]:
    """Rules of the study that the bound relaxes."""
    runtime, limits = refiner.runtime, refiner.limits
    kernels = () if runtime.kernels == "any" else tuple(runtime.kernels.values())
    shared = any(pool.aggregate == "global_max" and pool.bytes for pool in runtime.pools)
    rules = {
        "ties between the bits of a unit that has no shortcut": refiner.choices.tie == "unit",
        "scratch of other steps than the one that runs": shared,
        "memory that operators elsewhere hold for good": bool(runtime.memory.persistent),
        "addresses of buffers": runtime.lays_out and limits.sram_bytes is not None,
        "channel multiples of weights": any(kernel.weight_channel_multiple for kernel in kernels),
        "code of the kernels in use": bool(runtime.code) and limits.flash_bytes is not None,
        "estimated latency": limits.cycles is not None,
        "estimated energy": limits.picojoules is not None,
    }
    return tuple(name for name, is_left_out in rules.items() if is_left_out)
