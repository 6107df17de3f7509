"""Moves from a structure to a neighbour, one a file; studies name them in `search.mutations`."""

from qeopt.search.mutations.base import Move
from qeopt.spec.plugins import Table

MUTATIONS = Table(
    "mutations",
    {
        "width": "qeopt.search.mutations.width:mutate",
        "kernel": "qeopt.search.mutations.kernel:mutate",
        "ratio": "qeopt.search.mutations.ratio:mutate",
        "units": "qeopt.search.mutations.units:mutate",
    },
)

__all__ = ["MUTATIONS", "Move"]
