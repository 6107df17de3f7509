"""Ways to make one structure of two, one a file; studies name them in `search.crossovers`."""

from qeopt.search.crossovers.base import Crossover
from qeopt.spec.plugins import Table

CROSSOVERS = Table(
    "crossovers",
    {
        "cut": "qeopt.search.crossovers.cut:cross",
        "mix": "qeopt.search.crossovers.mix:cross",
    },
)

__all__ = ["CROSSOVERS", "Crossover"]
