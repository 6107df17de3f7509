"""Which tensors share a decision, and which bits each decision may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qeopt.hardware import Runtime
from qeopt.hardware.costs import channel_multiple, channels_fit, executed, legal_tuples, shape_limits, weight_limits, weights_fit
from qeopt.hardware.runtime import Tuples
from qeopt.network import Bits, Network, Op, Tensor, fan_in
from qeopt.qbr.layers import layer_widths, tied
from qeopt.qbr.settings import BitChoices


@dataclass(frozen=True, slots=True)
class Domain:
    """A decision: the tensors that share it and the widths it may take."""

    name: str
    widths: tuple[int, ...]
    ops: tuple[str, ...] = ()
    """Operators whose weights take these bits."""
    tensors: tuple[str, ...] = ()
    """Activation tensors that take these bits."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Where a tensor's bits come from: a decision by index, or a fixed width (`index` None)."""

    index: int | None
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Decisions:
    """Every decision, in execution order, and who holds which."""

    domains: tuple[Domain, ...]
    weight: Mapping[str, Holder]
    activation: Mapping[str, Holder]
    tuples: Mapping[str, tuple[Tuples, ...]]
    """By operator, one entry per input: the legal (in, weight, out) bits left."""

    def holders(self, op: Op, number: int = 0) -> tuple[Holder, Holder, Holder]:
        """Who holds the (in, weight, out) bits of `op` for its input `number`."""
        weight = self.weight.get(op.name, Holder(None, (0,)))
        return self.activation[op.inputs[number].name], weight, self.activation[op.output.name]

    def bits(self, network: Network, labels: Sequence[int]) -> Bits:
        """Spell a width per decision as bits of every tensor."""

        def read(holder: Holder) -> int:
            return holder.widths[0] if holder.index is None else labels[holder.index]

        return Bits(
            {name: read(holder) for name, holder in self.weight.items()},
            {name: read(holder) for name, holder in self.activation.items()},
        )


def decide(network: Network, runtime: Runtime, choices: BitChoices) -> Decisions | str:
    """Group the tensors of `network` into decisions and narrow their widths to what the runtime can execute.

    Narrowing repeats until no operator rules out another width. Returns the reason where nothing is left.
    """
    weight_key, activation_key = _keys(network, choices)
    widths = _allowed(network, choices, weight_key, activation_key)
    clash = next((key for key, left in widths.items() if not left), None)
    if clash is not None:
        return _clash(clash, weight_key if clash[0] == "w" else activation_key)
    tuples: dict[str, tuple[Tuples, ...]] = {}
    changed = True
    while changed:
        changed = False
        for op in network.ops:
            found = []
            for source in op.inputs:
                keys = (activation_key[source.name], weight_key.get(op.name, _NO_WEIGHTS), activation_key[op.output.name])
                legal = _legal(op, source, runtime, *(widths[key] for key in keys))
                if keys[0] == keys[2]:
                    legal = tuple(entry for entry in legal if entry[0] == entry[2])
                if not legal:
                    return _no_bits(op, source, runtime, [widths[key] for key in keys])
                for position, key in enumerate(keys):
                    left = {entry[position] for entry in legal}
                    if left != widths[key]:
                        widths[key] &= left
                        changed = True
                found.append(legal)
            tuples[op.name] = tuple(found)
    return _assemble(network, weight_key, activation_key, widths, tuples)


Key = tuple[str, str]
"""Names a decision: "w" or "a", and what its holders share."""
_NO_WEIGHTS: Key = ("w", "")


def _keys(network: Network, choices: BitChoices) -> tuple[dict[str, Key], dict[str, Key]]:
    """Name the decision of every weight and activation tensor; equal names share bits."""
    weight = {op.name: ("w", network.weights_owner(op).name) for op in network.weighted_ops}
    activation = {tensor.name: ("a", network.bits_owner(tensor).name) for tensor in network.tensors}
    if choices.tie == "unit":
        reader = {network.bits_owner(op.inputs[0]).name: op.unit for op in network.ops if op.is_scored}
        for op in network.weighted_ops:
            if op.weight_bits is None and op.unit:
                weight[op.name] = ("w", f"{op.unit} together")
        for name, (_, owner) in activation.items():
            if reader.get(owner) and network.tensor_by_name[owner].bits is None:
                activation[name] = ("a", f"{reader[owner]} together")
    shared = {op.name: weight[network.weights_owner(op).name] for op in network.weighted_ops}
    for group in tied(network, choices):
        _join(shared, [op.name for op in group if op.has_weights])
        _join(activation, [op.output.name for op in group])
    return shared, activation


def _join(keys: dict[str, Key], names: Sequence[str]) -> None:
    """Give some holders, and all that share with them, the decision of the first."""
    joined = {keys[name] for name in names}
    for name, key in keys.items():
        if key in joined:
            keys[name] = keys[names[0]]


def _allowed(
    network: Network, choices: BitChoices, weight_key: Mapping[str, Key], activation_key: Mapping[str, Key]
) -> dict[Key, set[int]]:
    """Widths by decision, before the runtime has its say: those that everything which shares it may have."""
    said = layer_widths(network, choices)
    widths: dict[Key, set[int]] = {_NO_WEIGHTS: {0}}

    def narrow(key: Key, allowed: set[int]) -> None:
        widths[key] = widths.get(key, allowed) & allowed

    for op in network.weighted_ops:
        narrow(weight_key[op.name], said.of_weights(network.weights_owner(op), choices.weights))
    for tensor in network.tensors:
        narrow(activation_key[tensor.name], said.of_tensor(network.bits_owner(tensor), choices.activations))
    return widths


def _clash(key: Key, keys: Mapping[str, Key]) -> str:
    """Say that what shares a decision may have no width in common."""
    names = ", ".join(repr(name) for name, own in keys.items() if own == key)
    return f"the {'weights' if key[0] == 'w' else 'activations'} of {names} share one width, and none is allowed to all of them"


def _legal(op: Op, source: Tensor, runtime: Runtime, ins: set[int], weights: set[int], outs: set[int]) -> Tuples:
    ins = {bits for bits in ins if channels_fit(runtime, op, source, bits)}
    outs = {bits for bits in outs if channels_fit(runtime, op, op.output, bits)}
    if not all(fits for _, fits in shape_limits(runtime, op)):
        return ()
    weights = {bits for bits in weights if weights_fit(runtime, op, bits)}
    legal = legal_tuples(runtime, op, weights, ins | outs)
    return tuple(entry for entry in legal if entry[0] in ins and entry[2] in outs)


def _no_bits(op: Op, source: Tensor, runtime: Runtime, widths: list[set[int]]) -> str:
    refused = dict.fromkeys(text for text, fits in shape_limits(runtime, op) if not fits)
    if refused:
        window, channels = "x".join(map(str, op.window)), f"{source.channels} channels in and {op.output.channels} out"
        shape = f"this one has a window of {window}, stride {op.stride}, {channels}"
        if any("images" in text for text in refused):
            shape += f", an image of {source.height}x{source.width}"
        if any("functions" in text for text in refused):
            shape += f", the function {op.function or 'identity'!r}"
        return f"the runtime cannot execute {op.kind} {op.name!r}: it takes {'; '.join(refused)}; {shape}"
    ins, weights, outs = (", ".join(map(str, sorted(found))) or "none" for found in widths)
    text = f"no bits are legal for {op.kind} {op.name!r}: its input {source.name!r} may have {ins}, its output {outs}"
    if op.has_weights:
        text += f", its weights {weights}"
    can = legal_tuples(runtime, op, range(1, 33), range(1, 33))
    if not can:
        return f"{text}; the runtime has no {op.kind} kernel"
    tuples = ", ".join(f"{a}x{w}->{o}" if w else f"{a}->{o}" for a, w, o in can[:6]) + (", ..." if len(can) > 6 else "")
    asked = _asked(op, source, runtime, widths)
    return f"{text}; the runtime executes {tuples}, {source.channels} channels in and {op.output.channels} out{asked}"


def _asked(op: Op, source: Tensor, runtime: Runtime, widths: list[set[int]]) -> str:
    """Multiples that the widths at hand ask for and this shape does not have."""
    said = [
        f"{bits}-bit {noun} ask for a multiple of {channel_multiple(runtime, op, bits)} channels"
        for noun, tensor, found in (("inputs", source, widths[0]), ("outputs", op.output, widths[2]))
        for bits in sorted(found)
        if not channels_fit(runtime, op, tensor, bits)
    ]
    said += [
        f"{bits}-bit weights ask for {text}"
        for bits in sorted(widths[1])
        for text in dict.fromkeys(text for text, holds in weight_limits(runtime, op, bits) if not holds)
    ]
    summed = f", which has {fan_in(executed(runtime, op))}" if any("in every sum" in text for text in said) else ""
    return "".join(f"; {text}" for text in said) + summed


def _assemble(
    network: Network,
    weight_key: Mapping[str, Key],
    activation_key: Mapping[str, Key],
    widths: Mapping[Key, set[int]],
    tuples: Mapping[str, tuple[Tuples, ...]],
) -> Decisions:
    """Number the open decisions in execution order: what an operator reads, its weights, what it writes."""
    holders: dict[Key, list[str]] = {}
    for tensor in network.sources:
        holders.setdefault(activation_key[tensor.name], []).append(tensor.name)
    for op in network.ops:
        if op.has_weights:
            holders.setdefault(weight_key[op.name], []).append(op.name)
        for tensor in op.outputs:
            holders.setdefault(activation_key[tensor.name], []).append(tensor.name)
    domains: list[Domain] = []
    assigned: dict[Key, Holder] = {}
    for key, names in holders.items():
        role, shared = key
        options = tuple(sorted(widths[key]))
        assigned[key] = Holder(len(domains) if len(options) > 1 else None, options)
        if len(options) > 1:
            label = f"{shared} {'weights' if role == 'w' else 'activations'}"
            domains.append(
                Domain(label, options, ops=tuple(names) if role == "w" else (), tensors=tuple(names) if role == "a" else ())
            )
    weight = {name: assigned[key] for name, key in weight_key.items()}
    activation = {name: assigned[key] for name, key in activation_key.items()}
    return Decisions(tuple(domains), weight, activation, tuples)
