"""The order in which operators run: where a graph leaves a choice, the one that needs least memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from qeopt.network.graph import Network, Op, OpKind, Tensor

EXACT_STATES = 20_000
"""Sets of operators already run that the exact search may meet."""
BEAM = 64
"""Sets kept after each operator where there are more."""

SYMMETRIC = frozenset({OpKind.ADD, OpKind.MUL, OpKind.MAXIMUM, OpKind.MINIMUM})
"""Kinds whose inputs may change places."""
MOST_OPS = 2000
"""Operators beyond which the given order is kept unseen."""


class Method(StrEnum):
    """How an order was found."""

    ONLY = "only order"
    """Every operator waits for the one before it."""
    EXACT = "exact"
    """No order needs less."""
    HEURISTIC = "heuristic"
    """The best of many, or the given one where none was better."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A network in some order, and what that order needs at most: values at uniform bits, or what the sizes count."""

    network: Network
    method: Method
    peak: int
    given_peak: int


@dataclass(frozen=True, slots=True)
class _State:
    peak: int
    live: int
    order: tuple[int, ...]
    ready: tuple[int, ...]
    """Operators that can run next."""


def least_memory(
    network: Network, sizes: Mapping[str, int] | None = None, *, exact_states: int = EXACT_STATES, beam: int = BEAM
) -> Ordered:
    """Order the operators of a network of plain numbers so that what is resident at once is least at most.

    An addition is taken to write into an input that nobody reads afterwards. The given order stays unless another is better.

    Args:
        network: The network.
        sizes: By tensor: what it takes, as in bytes at the bits it has; its number of values, for uniform bits, unless given.
        exact_states: Sets of operators already run that the exact search may meet.
        beam: Sets kept after each operator where there are more.
    """
    if len(network.ops) > MOST_OPS:
        return Ordered(settle(network), Method.HEURISTIC, 0, 0)
    graph = _Graph(network, sizes or {tensor.name: int(tensor.elements) for tensor in network.tensors})
    given = graph.peak(range(len(network.ops)))
    found, complete = graph.search(given, exact_states)
    method = Method.EXACT
    if not complete:
        found, _ = graph.search(given, None, beam)
        method = Method.HEURISTIC
    elif graph.is_chain:
        method = Method.ONLY
    order = found.order if found is not None else tuple(range(len(network.ops)))
    peak = given if found is None else found.peak
    return Ordered(settle(_in_order(network, order)), method, peak, given)


def in_order(network: Network, names: Sequence[str]) -> Network:
    """The operators of a network in another order.

    Raises:
        ValueError: when `names` are not those of the operators, or one comes before what it reads.
    """
    index = {op.name: number for number, op in enumerate(network.ops)}
    stranger = next((name for name in names if name not in index), None)
    if stranger is not None:
        raise ValueError(f"the order has {stranger!r}, which is no operator")
    if len(names) != len(index) or len(set(names)) != len(names):
        raise ValueError("the order does not have every operator once")
    if list(names) == list(index):
        return network
    written = {tensor.name for op in network.ops for tensor in op.outputs}
    for op in (network.ops[index[name]] for name in names):
        if any(tensor.name in written for tensor in op.inputs):
            raise ValueError(f"{op.name!r} comes before what it reads in the order")
        written -= {tensor.name for tensor in op.outputs}
    place = {name: number for number, name in enumerate(names)}
    for number, earlier in _after_reads(network).items():
        late = [
            op.name
            for position, op in enumerate(network.ops)
            if earlier >> position & 1 and place[op.name] > place[network.ops[number].name]
        ]
        if late:
            raise ValueError(f"{network.ops[number].name!r} changes a state before {late[0]!r} has read it in the order")
    return settle(_in_order(network, [index[name] for name in names]))


class _Graph:
    """The operators as bits of a number: who waits for whom, what each frees."""

    def __init__(self, network: Network, sizes: Mapping[str, int]) -> None:
        self.ops = network.ops
        number = {tensor.name: index for index, op in enumerate(network.ops) for tensor in op.outputs}
        lodgers = dict.fromkeys((tensor.name for tensor in network.tensors if tensor.lies_in is not None), 0)
        self.sizes = {**sizes, **lodgers}
        self.waits = [sum({1 << number[t.name] for t in op.inputs if t.name in number}) for op in network.ops]
        for index, earlier in _after_reads(network).items():
            self.waits[index] |= earlier
        self.readers: dict[str, int] = dict.fromkeys(self.sizes, 0)
        for index, op in enumerate(network.ops):
            for tensor in op.inputs:
                self.readers[tensor.name] |= 1 << index
        self.kept = {tensor.name for tensor in network.tensors if tensor.is_state}
        self.kept |= {tensor.name for tensor in network.outputs}
        self.start = sum(self.sizes[tensor.name] for tensor in network.sources)
        self.is_chain = all(wait >> index & 1 for index, wait in enumerate(self.waits[1:]))
        self.followers = [[i for i, wait in enumerate(self.waits) if wait >> index & 1] for index in range(len(network.ops))]

    def run(self, done: int, live: int, index: int) -> tuple[int, int]:
        """Values resident while operator `index` runs after those in `done`, and after it."""
        op = self.ops[index]
        size, after = sum(self.sizes[tensor.name] for tensor in op.outputs), done | 1 << index
        freed = {t.name for t in op.inputs if t.name not in self.kept and not self.readers[t.name] & ~after}
        in_place = op.kind is OpKind.ADD and any(self.sizes[name] == size for name in freed)
        during = live if in_place else live + size
        freed |= {tensor.name for tensor in op.outputs if not self.readers[tensor.name] and tensor.name not in self.kept}
        return during, live + size - sum(self.sizes[name] for name in freed)

    def peak(self, order: Sequence[int]) -> int:
        done, live, peak = 0, self.start, 0
        for index in order:
            during, live = self.run(done, live, index)
            peak, done = max(peak, during), done | 1 << index
        return peak

    def search(self, below: int, most_states: int | None, beam: int | None = None) -> tuple[_State | None, bool]:
        """Find the least peak below `below`, operator by operator over the sets that can have run.

        Returns what was found and whether every set was looked at.
        """
        layer = {0: _State(0, self.start, (), tuple(index for index, wait in enumerate(self.waits) if not wait))}
        met = 0
        for _ in self.ops:
            following: dict[int, _State] = {}
            for done, state in layer.items():
                for index in state.ready:
                    during, live = self.run(done, state.live, index)
                    peak, after = max(state.peak, during), done | 1 << index
                    if peak < below and (after not in following or peak < following[after].peak):
                        following[after] = _State(peak, live, (*state.order, index), self._ready(state.ready, after, index))
            met += len(following)
            if most_states is not None and met > most_states:
                return None, False
            if beam is not None and len(following) > beam:
                best = sorted(following.items(), key=lambda item: (item[1].peak, item[1].live, item[1].order))[:beam]
                following = dict(best)
            layer = following
        return next(iter(layer.values()), None), True

    def _ready(self, before: tuple[int, ...], done: int, index: int) -> tuple[int, ...]:
        freed = (follower for follower in self.followers[index] if not self.waits[follower] & ~done)
        return (*(other for other in before if other != index), *freed)


def _after_reads(network: Network) -> dict[int, int]:
    """By operator that writes into memory of another tensor: the operators that read that tensor, as bits of a number.

    Those that stand before it in the network must run before it.
    """
    found: dict[int, int] = {}
    for index, op in enumerate(network.ops):
        homes = {network.home(tensor).name for tensor in op.outputs if tensor.lies_in is not None}
        earlier = (
            number for number, other in enumerate(network.ops[:index]) if any(network.home(t).name in homes for t in other.inputs)
        )
        if homes:
            found[index] = sum(1 << number for number in earlier)
    return found


def _in_order(network: Network, order: Sequence[int]) -> Network:
    ops = tuple(network.ops[index] for index in order)
    return replace(network, ops=ops, tensors=(*network.sources, *(tensor for op in ops for tensor in op.outputs)))


def settle(network: Network) -> Network:
    """Let every addition read first what it can write into: a tensor of its shape, tied to it, that nobody reads afterwards."""
    last = {tensor.name: index for index, op in enumerate(network.ops) for tensor in op.inputs}

    def fitness(index: int, op: Op, tensor: Tensor) -> tuple[bool, bool, bool]:
        dies = last[tensor.name] == index and tensor.name not in network.results
        return _shape(tensor) == _shape(op.output), dies, network.share_bits(tensor, op.output)

    ops = []
    for index, op in enumerate(network.ops):
        if op.kind in SYMMETRIC and len(op.inputs) > 1:
            best = max(op.inputs, key=lambda tensor: fitness(index, op, tensor))
            rest = list(op.inputs)
            rest.remove(best)
            op = replace(op, inputs=(best, *rest))  # noqa: PLW2901
        ops.append(op)
    return replace(network, ops=tuple(ops))


def _shape(tensor: Tensor) -> tuple[int, int, int]:
    return int(np.int64(tensor.height)), int(np.int64(tensor.width)), int(np.int64(tensor.channels))
