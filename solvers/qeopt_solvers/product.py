"""Links that only rule out single options."""

from __future__ import annotations

from math import prod

from qeopt_solvers.allocation import Link


def product_sets(link: Link) -> tuple[frozenset[int], ...] | None:
    """Return the legal options per linked choice when the link is exactly their product, else None.

    Such a link couples nothing: it is the same as removing the other options.
    """
    sets = tuple(frozenset(options) for options in zip(*link.allowed, strict=True)) if link.allowed else ()
    if len(link.allowed) == prod(len(options) for options in sets) and link.allowed:
        return sets
    return None
