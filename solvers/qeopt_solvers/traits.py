"""What an engine can do, as data: each engine module holds one `TRAITS` beside its function."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The capabilities of one engine. Tests, recipes and help texts are computed from these."""

    summary: str
    """One line for a person choosing an engine."""
    exact: bool
    """Can answer `OPTIMAL` and `INFEASIBLE`, and gives a true bound when stopped."""
    links: bool = True
    """Understands links; an engine without answers `UNKNOWN` for a problem that has them."""
    link_terms: bool = True
    """Understands rows that price linked combinations."""
    tie_breaks: bool = False
    """Minimises the tie-breaks in order, and says in `Outcome.ties_proven` whether it proved them."""
    deterministic: bool = False
    """Honours `Limits.deterministic`; a stop by it repeats exactly."""
    hint: bool = False
    """Starts from `Limits.hint`."""
    reduces: bool = False
    """Simplifies the problem itself, so `solve` need not."""
    solve_many: bool = False
    """Its module also offers `solve_many(problems, limits) -> tuple[Outcome, ...]`, faster than one call each; it takes `fallback=`
    as the engine does."""
    accepts_fallback: bool = False
    """Its function takes `fallback=`: an engine to hand what is left when its own method would grow too big."""
