"""One integer for every structure of a space: short to keep, to compare and to write down."""

from __future__ import annotations

from qeopt.space import Space, Structure


def encode(space: Space, structure: Structure) -> int:
    """Number a structure: its genes' places are the digits, each in the base of the gene's choices."""
    code = 0
    for (_, _, values), value in zip(space.genes, structure.values, strict=True):
        code = code * len(values) + values.index(value)
    return code


def decode(space: Space, code: int) -> Structure:
    """Return the structure of a number.

    Raises:
        ValueError: when no structure of the space has it.
    """
    if not 0 <= code < space.size:
        raise ValueError("no structure of the space has this number")
    found = []
    for _, _, values in reversed(space.genes):
        code, place = divmod(code, len(values))
        found.append(values[place])
    return Structure(tuple(reversed(found)))
