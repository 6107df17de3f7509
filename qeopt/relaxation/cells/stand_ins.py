"""What weights are charged in cells whose shape their width does not suit.

Such a width must not look cheap there. It is charged everything that the next wider one costs that suits the cell: then it gains
less at the same cost, as long as gains grow with bits, and is never the best. Where they do not grow, or no wider one suits, what
is computed is a bound still, as nothing that can be had became dearer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qeopt.hardware import Runtime
from qeopt.hardware.costs import weights_fit
from qeopt.network import Op
from qeopt.relaxation.cells.tables import Integers, Masks


def suits(runtime: Runtime, ops: Sequence[Op], width: int, size: int) -> Masks:
    """(cells,) whether all of some operators can run with weights of a width."""
    fits = np.ones(size, dtype=np.bool_)
    for op in ops:
        fits &= weights_fit(runtime, op, width)
    return fits


def stand_ins(runtime: Runtime, ops: Sequence[Op], widths: Sequence[int], size: int) -> Integers:
    """(widths, cells) by place: the width whose costs are charged."""
    fits = np.array([suits(runtime, ops, width, size) for width in widths])
    found = np.broadcast_to(np.arange(len(widths))[:, None], fits.shape).copy()
    for place in np.argsort(widths)[::-1]:  # the widest first
        wider = [other for other in np.argsort(widths)[::-1] if widths[other] > widths[place]]
        for other in wider:  # the narrowest of them stays
            found[place] = np.where(~fits[place] & fits[other], other, found[place])
    return found
