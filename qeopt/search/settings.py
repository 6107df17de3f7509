"""The YAML block that configures the search over structures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from qeopt.search.crossovers import CROSSOVERS
from qeopt.search.mutations import MUTATIONS
from qeopt.spec.model import Block
from qeopt.spec.plugins import Table


class SearchSettings(Block):
    """How structures are explored."""

    strategy: Literal["hybrid", "bound", "evolution"] = "hybrid"
    """`bound`: the structures that the joint bound meets, and those around them. `evolution`: no bound. `hybrid`: evolution that
    starts from those structures and from random ones, and ends when the bound proves the gap."""
    gap: Annotated[float, Field(ge=0)] = 0.0002
    """The search ends when no design of the whole space can be better by more than this share of the score."""
    min_generations: Annotated[int, Field(ge=0)] = 4
    """Generations that evolution runs at least, whatever the gap."""
    evaluations: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """Distinct structures to evaluate at most; the search stops after the round that reaches it."""
    walks: Annotated[int, Field(ge=1, le=10_000)] = 40
    """Passes of the joint bound over the space at most, each at other prices; as many again for each range of designs."""
    branches: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Parts that the space is divided into at most, by values of its genes, where few choices take most of a budget; each part is
    bounded by as many walks. Where a study states a number: before the search where the bound stays more than 0.5 % above the best
    structures it met, and after it where more than 0.05 % above the best design. Unless stated: after the search only, in 16 parts.
    0: the space is not divided."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Same study, same seed, same design, however many workers."""
    islands: Annotated[int, Field(ge=1, le=1024)] = 1
    """Populations that evolve side by side; as many workers as islands can be busy."""
    migration_every: Annotated[int, Field(ge=1, le=10_000)] = 4
    """Generations in a round. After each, islands learn of the best design, pass structures on, and the search may end."""
    migrants: Annotated[int, Field(ge=0, le=10_000)] = 4
    """Best structures that an island passes to the next one after each round."""
    population: Annotated[int, Field(ge=2, le=100_000)] = 64
    """Structures that an island keeps from one generation to the next."""
    children: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Structures that an island makes in each generation."""
    mutations: Annotated[tuple[str, ...], Field(min_length=1)] = ("width", "kernel", "ratio", "units")
    """Moves a child may differ by; see `qeopt.search.mutations`."""
    moves_per_child: Annotated[int, Field(ge=1, le=16)] = 2
    """Successive moves that make a child (the authors' search: 2)."""
    crossovers: tuple[str, ...] = ("cut", "mix")
    """Ways to make a child of two structures, before its moves; see `qeopt.search.crossovers`."""
    crossed: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Share of the children that have two parents."""
    alternatives: Annotated[int, Field(ge=0, le=100)] = 0
    """Other designs to report: as far from the best and each other as can be found, within `alternatives_within` of its score."""
    alternatives_within: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Share of the best score that an alternative may fall short by."""
    baselines: tuple[Literal["eight_bits", "tied"], ...] = ("eight_bits",)
    """Other terms under which the same search is run, to be shown beside the answer: every free tensor at 8 bits; the bits of each
    unit tied, as the paper's authors tie them."""
    time_limit_seconds: Annotated[float, Field(gt=0)] | None = None
    """A safety net; a search that it stops says so and claims no repeatability."""

    @field_validator("mutations")
    @classmethod
    def _mutations_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known(MUTATIONS, names)

    @field_validator("crossovers")
    @classmethod
    def _crossovers_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known(CROSSOVERS, names)


def _known(table: Table, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in table.names():
            raise ValueError(table.unknown(name))
    return names
