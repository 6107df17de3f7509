"""Bits that are proven to find no addresses, as rows of the integer program.

A box gives every decision some of its options. Where there are no addresses even with every buffer as small as it can be within the
box, no bits of the box have any, and a row forbids exactly these. From the bits refuted first, a box grows while the proof holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from qeopt.hardware import Runtime
from qeopt.memory.arena import items_of
from qeopt.memory.buffers import Lifetimes
from qeopt.qbr.compile import Compiled
from qeopt.qbr.decisions import Holder
from qeopt_solvers import Row, Scope, Term, packing
from qeopt_solvers.rectangles import Item, Piece, live_at

KIND = "addresses"
EFFORT = 0.05
"""Deterministic time of one attempt at a larger box; what is not decided by then counts as no proof."""
MOST_STEPS = 8
"""Steps that are refuted by themselves for which rows are made at once."""

Box = tuple[frozenset[int], ...]
"""By choice of the program: options."""
Window = tuple[int, int]
"""First and last operator that a proof looks at."""


def no_goods(
    compiled: Compiled, runtime: Runtime, sram_bytes: int | None, arenas: Sequence[int], picks: Sequence[int]
) -> tuple[Row, ...]:
    """Make rows that forbid `picks` and more, each only what is proven to find no addresses; none where nothing is proven.

    Args:
        compiled: The program that the picks answer.
        runtime: Decides what is held, and how it is aligned.
        sram_bytes: The most that may be set aside; None where there is no limit.
        arenas: Bytes of each arena, where there are several.
        picks: Options for which addresses were looked for in vain.
    """
    if sram_bytes is None or not runtime.lays_out:
        return ()
    align = runtime.memory.align
    found = _Finder(compiled, Lifetimes.of(compiled.network, runtime), sram_bytes // align, [arena // align for arena in arenas])
    box: Box = tuple(frozenset((pick,)) for pick in picks)
    boxes = (found.grown(box, window) for window in found.windows(box))
    return tuple(_row(number, grown, compiled) for number, grown in enumerate(dict.fromkeys(boxes)))


@dataclass(frozen=True)
class _Finder:
    """Asks for boxes of options whether they find addresses."""

    compiled: Compiled
    lifetimes: Lifetimes
    size: int
    """The most that may be set aside, in units of the alignment."""
    arenas: Sequence[int]

    def windows(self, box: Box) -> Iterator[Window]:
        """Spans of time that refute a box by themselves: single steps, else one that is as short as halving finds."""
        items = self._items(box)
        if self._refutes(items, packing.DETERMINISTIC_LIMIT):
            steps = [(time, time) for time in live_at(items) if self._refutes(_within(items, (time, time)))]
            yield from steps[:MOST_STEPS] or (self._shortest(items),)

    def grown(self, box: Box, window: Window) -> Box:
        """Add options to a refuted box while the proof holds: first all of a choice, else its largest ones."""
        touching = self._touching(window)
        every = tuple(frozenset(range(len(choice.labels))) for choice in self.compiled.problem.choices)
        box = tuple(options if index in touching else every[index] for index, options in enumerate(box))
        known = self._items(box, window)
        for choice in sorted(touching, key=lambda choice: (self._size(choice), choice)):
            for options in self._wider(choice, box[choice]):
                tried = (*box[:choice], options, *box[choice + 1 :])
                items = self._items(tried, window)
                if items == known or self._refutes(items):
                    box, known = tried, items
                    break
        return box

    def _touching(self, window: Window) -> frozenset[int]:
        """Choices that decide what is held in a window."""
        first, last = window
        spans, pools = self.lifetimes.spans.items(), self.lifetimes.runtime.pools
        tensors = {name for name, (born, dies) in spans if born <= last and first <= dies}
        weights = set()
        for index, op in enumerate(self.compiled.network.ops):
            if any(op.kind in pool.bytes and (pool.aggregate == "global_max" or first <= index <= last) for pool in pools):
                tensors |= {op.inputs[0].name, op.output.name}
                weights.add(op.name)
        decisions = self.compiled.decisions
        holders = [decisions.activation[name] for name in tensors]
        holders += [decisions.weight[name] for name in weights if name in decisions.weight]
        return frozenset(holder.index for holder in holders if holder.index is not None)

    def _refutes(self, items: Sequence[Item], effort: float = EFFORT) -> bool:
        return packing.fits(items, self.size, self.arenas, effort) is False

    def _shortest(self, items: Sequence[Item]) -> Window:
        first, last = 0, len(self.compiled.network.ops) - 1
        low, high = first, last
        while low < high:  # the earliest end
            middle = (low + high) // 2
            low, high = (low, middle) if self._refutes(_within(items, (first, middle))) else (middle + 1, high)
        last = low if self._refutes(_within(items, (first, low))) else last
        low, high = first, last
        while low < high:  # the latest start
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._refutes(_within(items, (middle, last))) else (low, middle - 1)
        return (low if self._refutes(_within(items, (low, last))) else first), last

    def _items(self, box: Box, window: Window | None = None) -> tuple[Item, ...]:
        """What has to be placed, each buffer as small as the box allows; what lies outside a window only makes placing harder."""
        choices = self.compiled.problem.choices
        widths = [[choice.labels[option] for option in options] for choice, options in zip(choices, box, strict=True)]

        def of(holder: Holder) -> Collection[int]:
            return holder.widths if holder.index is None else widths[holder.index]

        decisions = self.compiled.decisions
        weights = {name: of(holder) for name, holder in decisions.weight.items()}
        activations = {name: of(holder) for name, holder in decisions.activation.items()}
        return items_of(self.lifetimes.buffers(weights, activations, window), self.lifetimes.runtime.memory.align)

    def _wider(self, choice: int, options: frozenset[int]) -> Iterator[frozenset[int]]:
        """All options, then without the smallest, and so on; options are ascending in bits."""
        every = range(len(self.compiled.problem.choices[choice].labels))
        for least in every:
            if options < (wider := frozenset(every[least:]) | options):
                yield wider

    def _size(self, choice: int) -> int:
        """Values that a choice decides on: small ones may grow first, so that a proof rests on few and large ones."""
        domain = self.compiled.decisions.domains[choice]
        return max((int(self.compiled.network.tensor_by_name[name].elements) for name in domain.tensors), default=0)


def _within(items: Sequence[Item], window: Window) -> tuple[Item, ...]:
    """What is held in a window."""
    first, last = window
    clipped = (
        Item(
            tuple(
                Piece(piece.size, max(piece.first, first), min(piece.last, last))
                for piece in item.pieces
                if piece.first <= last and first <= piece.last
            )
        )
        for item in items
    )
    return tuple(item for item in clipped if item.pieces)


def _row(number: int, box: Box, compiled: Compiled) -> Row:
    """Not every choice may be inside the box; without any choice outside, nothing is left."""
    choices = compiled.problem.choices
    inside = [index for index, options in enumerate(box) if len(options) < len(choices[index].labels)]
    terms = tuple(Term(index, tuple(int(option in box[index]) for option in range(len(choices[index].labels)))) for index in inside)
    return Row(f"{KIND} {number}", KIND, "", Scope.LOCAL, len(inside) - 1, terms)
