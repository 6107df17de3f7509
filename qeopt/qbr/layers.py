"""What a study says of single layers of its network: their widths, the first and the last, and which share widths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from qeopt.network import Network, Op, Tensor
from qeopt.spec.errors import did_you_mean

if TYPE_CHECKING:
    from qeopt.qbr.settings import BitChoices, LayerBits

Widths = frozenset[int]


@dataclass(frozen=True)
class LayerWidths:
    """Widths that single layers may have, where a study says so."""

    weights: Mapping[str, Widths]
    """By operator with weights of its own."""
    activations: Mapping[str, Widths]
    """By tensor that decides its bits."""

    def of_weights(self, op: Op, choices: Sequence[int]) -> set[int]:
        """Widths of the weights of an operator; `choices` where nothing is said of it."""
        return _allowed(op.weight_bits, self.weights.get(op.name), choices, is_seen=op.is_scored)

    def of_tensor(self, owner: Tensor, choices: Sequence[int]) -> set[int]:
        """Widths of a tensor that decides its bits; `choices` where nothing is said of it."""
        return _allowed(owner.bits, self.activations.get(owner.name), choices, is_seen=False)


def layer_widths(network: Network, choices: BitChoices) -> LayerWidths:
    """Read what `choices` say of the layers of `network`."""
    weights: dict[str, Widths] = {}
    activations: dict[str, Widths] = {}
    names = [op.name for op in network.ops]
    if choices.ends is not None:
        own = frozenset((choices.ends,))
        for op in first_and_last(network):
            weights[op.name] = own
            activations |= {tensor.name: own for tensor in op.inputs if network.bits_owner(tensor).bits is None}
    entries = sorted(choices.layers.items(), key=lambda entry: entry[0] in names)  # a name holds instead of patterns
    for pattern, entry in entries:
        by_role = ((weights, _weights(entry)), (activations, _activations(entry)))
        for name in matches(pattern, names):
            for found, widths in by_role:
                if widths is not None:
                    found[name] = widths if pattern in names else widths & found.get(name, widths)
    ops = network.op_by_name
    return LayerWidths(
        _common((network.weights_owner(ops[name]).name, widths) for name, widths in weights.items()),
        _common((network.bits_owner(network.tensor_by_name[name]).name, widths) for name, widths in activations.items()),
    )


def _common(found: Iterable[tuple[str, Widths]]) -> dict[str, Widths]:
    """By owner: the widths that all which is said of it has in common."""
    common: dict[str, Widths] = {}
    for owner, widths in found:
        common[owner] = widths & common.get(owner, widths)
    return common


def first_and_last(network: Network) -> tuple[Op, ...]:
    """Operators with weights that no other such operator comes before, or after."""
    fresh = {tensor.name for tensor in network.sources}
    found: dict[str, Op] = {}
    for op in network.ops:
        if any(tensor.name in fresh for tensor in op.inputs):
            if op.has_weights:
                found[op.name] = op
            else:
                fresh.update(tensor.name for tensor in op.outputs)
    followed: set[str] = set()
    for op in reversed(network.ops):
        is_last = followed.isdisjoint(tensor.name for tensor in op.outputs)
        if is_last and op.has_weights:
            found[op.name] = op
        if op.has_weights or not is_last:
            followed.update(tensor.name for tensor in op.inputs)
    return tuple(found.values())


def matches(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that a pattern fits; a name fits itself, whatever is in it."""
    known = list(names)
    return [pattern] if pattern in known else [name for name in known if fnmatchcase(name, pattern)]


def tied(network: Network, choices: BitChoices) -> Iterator[list[Op]]:
    """Operators that share widths, group by group."""
    by_name = network.op_by_name
    for group in choices.ties:
        found = dict.fromkeys(name for pattern in group for name in matches(pattern, by_name))
        yield [by_name[name] for name in found]


def unknown_layer(network: Network, choices: BitChoices) -> tuple[tuple[str | int, ...], str] | None:
    """Where `choices` name a layer that `network` does not have, and what to say of it."""
    names = [op.name for op in network.ops]
    for pattern in choices.layers:
        if not matches(pattern, names):
            return ("layers", pattern), said_of(pattern, names)
    for number, group in enumerate(choices.ties):
        for pattern in group:
            if not matches(pattern, names):
                return ("ties", number), said_of(pattern, names)
    return None


def said_of(pattern: str, names: Sequence[str]) -> str:
    """Say that nothing has a name."""
    hint = did_you_mean(pattern, names)
    return f"no layer of the network is called {pattern!r}; a name or a pattern such as '*conv*' was expected{hint}"


def _weights(entry: int | LayerBits) -> Widths | None:
    found = (entry,) if isinstance(entry, int) else entry.weights
    return None if found is None else frozenset(found)


def _activations(entry: int | LayerBits) -> Widths | None:
    found = (entry,) if isinstance(entry, int) else entry.activations
    return None if found is None else frozenset(found)


def _allowed(fixed: int | None, said: Widths | None, choices: Sequence[int], *, is_seen: bool) -> set[int]:
    """Widths of one tensor. What the score does not see is no choice: its own width where it may have that, else the widest."""
    if said is None:
        return {fixed} if fixed is not None else set(choices)
    if fixed is None or is_seen or not said:
        return set(said)
    return {fixed} if fixed in said else {max(said)}
