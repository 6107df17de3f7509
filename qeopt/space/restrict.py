"""A part of a space: some of the values of some of its genes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

from qeopt.space.blocks.base import BlockKind
from qeopt.space.genes import Value
from qeopt.space.space import Space

Where: TypeAlias = Mapping[str, Mapping[str, tuple[Value, ...]]]
"""Values by block and gene; a gene that is not named keeps all of its own. Empty: the whole space."""


def restricted(space: Space, where: Where) -> Space:
    """The space with fewer values of some genes. It has as many genes, so that structures of it are structures of the whole.

    Raises:
        ValueError: a block or gene is unknown, a value is not declared, the block means something else with fewer values, or
            no structure is left.
    """
    unknown = set(where) - {block.name for block in space.blocks}
    if unknown:
        raise ValueError(f"the space has no block {min(unknown)!r}")
    if not where:
        return space
    return Space(
        name=space.name, title=space.title, widths=space.widths, blocks=tuple(_block(block, where) for block in space.blocks)
    )


def _block(block: BlockKind, where: Where) -> BlockKind:
    chosen = where.get(block.name)
    if not chosen:
        return block
    whole = {gene.name: gene.values for gene in block.genes}
    wanted = {name: tuple(value for value in values if value in chosen.get(name, values)) for name, values in whole.items()}
    declared = set(chosen) <= set(whole) and all(values and set(values) <= set(whole[name]) for name, values in chosen.items())
    if not declared or not hasattr(type(block), "model_validate"):
        raise ValueError(f"the block {block.name!r} has no such choices")
    data = {name: getattr(block, name) for name in type(block).model_fields} | {name: wanted[name] for name in chosen}  # type: ignore[attr-defined]
    found: BlockKind = type(block).model_validate(data)  # type: ignore[attr-defined]
    if {gene.name: gene.values for gene in found.genes} != wanted:
        raise ValueError(f"the block {block.name!r} cannot have fewer choices")
    return found


def covers(space: Space, parts: Sequence[Where]) -> bool:
    """Whether every structure of a space is in one of its parts."""
    genes = {(block, gene): frozenset(values) for block, gene, values in space.genes}
    boxes = [{key: _values(part, key, values) for key, values in genes.items()} for part in parts]
    return _covered(genes, boxes)


Box: TypeAlias = Mapping[tuple[str, str], frozenset[Value]]


def _values(part: Where, key: tuple[str, str], values: frozenset[Value]) -> frozenset[Value]:
    block, gene = key
    return values & frozenset(part.get(block, {}).get(gene, tuple(values)))


def _covered(whole: Box, boxes: Sequence[Box]) -> bool:
    """Divide the whole by a gene of which some box has a part, until each piece lies in one box or in none."""
    meeting = [box for box in boxes if all(box[key] & values for key, values in whole.items())]
    if not meeting:
        return False
    cut = next(_cuts(whole, meeting), None)
    if cut is None or any(all(values <= box[key] for key, values in whole.items()) for box in meeting):
        return True
    key, inside = cut
    pieces = (inside, whole[key] - inside)
    return all(_covered({**whole, key: piece}, meeting) for piece in pieces)


def _cuts(whole: Box, boxes: Sequence[Box]) -> Iterator[tuple[tuple[str, str], frozenset[Value]]]:
    """Genes of which a box has some of the values and not all, with those that it has."""
    each = ((key, values & box[key], values) for box in boxes for key, values in whole.items())
    return chain((key, inside) for key, inside, values in each if inside != values)
