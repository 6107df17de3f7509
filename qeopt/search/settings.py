"""The YAML block that configures the search over structures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qeopt.spec.model import Block

MOVES = ("width", "kernel", "ratio", "units")


class SearchSettings(Block):
    """How structures are explored."""

    strategy: Literal["hybrid", "bound", "evolution"] = "hybrid"
    """`bound`: the structures that the joint bound meets. `evolution`: mutation alone, no bound. `hybrid`: evolution that starts
    from the structures of the bound and ends when the bound proves the gap."""
    gap: Annotated[float, Field(ge=0)] = 0.0005
    """The search ends when no design of the whole space can be better by more than this share of the score."""
    min_generations: Annotated[int, Field(ge=0)] = 4
    """Generations that evolution runs at least, whatever the gap."""
    evaluations: Annotated[int, Field(ge=1, le=10_000_000)] = 2000
    """Distinct structures to evaluate at most; the search stops after the generation that reaches it."""
    walks: Annotated[int, Field(ge=1, le=10_000)] = 40
    """Passes of the joint bound over the space at most, each at other prices."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Same study, same seed, same design."""
    population: Annotated[int, Field(ge=2, le=100_000)] = 64
    """Structures kept from one generation to the next."""
    children: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Structures made in each generation."""
    mutations: Annotated[tuple[str, ...], Field(min_length=1)] = MOVES
    """Moves a child may differ by; see `qeopt.search.mutations`."""
    moves_per_child: Annotated[int, Field(ge=1, le=16)] = 2
    """Successive moves that make a child (the authors' search: 2)."""
    baselines: tuple[Literal["eight_bits", "tied"], ...] = ("eight_bits",)
    """Other terms under which the same search is run, to be shown beside the answer: every free tensor at 8 bits; the bits of each
    unit tied, as the paper's authors tie them."""
    time_limit_seconds: Annotated[float, Field(gt=0)] | None = None
    """A safety net; a search that it stops says so and claims no repeatability."""
