"""Turn a folded draft into a network: what is scored, whose bits are shared, what is fixed, in which order it runs."""

from __future__ import annotations

from dataclasses import replace

from qeopt.network.builder import FIXED_BITS, fix_unseen
from qeopt.network.graph import COPYING_KINDS, WEIGHTED_KINDS, Network, Op, OpKind, Tensor
from qeopt.network.importers.draft import Draft, Piece
from qeopt.network.importers.fold import fold
from qeopt.network.importers.model import ImportOptions, refuse
from qeopt.network.order import least_memory, settle
from qeopt.spec.errors import did_you_mean


def assemble(draft: Draft, options: ImportOptions) -> Network:
    """Fold a draft and build its network; what was done is added to the draft's notes.

    Raises:
        SpecError: nothing is left, or the options name an operator that does not exist.
    """
    fold(draft)
    if not draft.pieces:
        raise refuse(draft.path, "no operator leads from the image to an output")
    _drop_unread(draft)
    _check_names(draft, options)
    network = fix_unseen(_tied(_network(draft, options)))
    if options.order == "as_given":
        return settle(network)
    ordered = least_memory(network)
    if ordered.peak < ordered.given_peak:
        change = f"{ordered.given_peak:,} to {ordered.peak:,} values resident"
        draft.notes.append(f"operators run in another order than in the file ({ordered.method}): {change} at most")
    return ordered.network


def _drop_unread(draft: Draft) -> None:
    """Leave out inputs that no operator reads."""
    read = {value for piece in draft.pieces for value in piece.reads} | set(draft.results)
    images = [draft.image, *draft.more_images]
    needed = [value for value in images if value in read]
    draft.notes += [f"left out, as nothing reads it: the input {value!r}" for value in images if value not in read]
    draft.image, *draft.more_images = needed or images[:1]


def _check_names(draft: Draft, options: ImportOptions) -> None:
    names = {piece.name for piece in draft.pieces}
    for role, given in (("weight_bits", options.weight_bits), ("stages", options.stages)):
        for name in given:
            if name not in names:
                raise refuse(draft.path, f"`{role}` names {name!r}, which is no operator of the network{did_you_mean(name, names)}")


def _network(draft: Draft, options: ImportOptions) -> Network:
    tensors = {}
    for value in draft.images:
        made = Tensor(draft.titles[value], *draft.shapes[value], bits=FIXED_BITS, is_image=True)
        tensors[value] = replace(made, pixel_range=draft.pixel_ranges.get(value, made.pixel_range))
    image = tensors[draft.image]
    for value in draft.states:
        tensors[value] = Tensor(value, *draft.shapes[value], bits=FIXED_BITS, is_state=True)
    images = set(draft.images)
    seen = set(images)  # values that are the image in another form
    final = _final(draft)
    holders = _weight_holders(draft)
    stage, ends = 0, {0: image}
    ops: list[Op] = []
    for piece in draft.pieces:
        if piece.name in options.stages and ops:
            stage += 1
        home = draft.lodgings.get(piece.writes)
        output = tensors[piece.writes] = Tensor(piece.name, *draft.shapes[piece.writes], lies_in=home)
        for number, value in enumerate(piece.others, start=1):
            tensors[value] = Tensor(f"{piece.name}:{number}", *draft.shapes[value])
        scored = piece.kind in WEIGHTED_KINDS and piece.writes not in final
        bits = options.weight_bits.get(piece.name)
        if bits is None and piece.kind in WEIGHTED_KINDS:
            bits = FIXED_BITS if not scored else options.first_weight_bits if seen & set(piece.reads) else None
        if (piece.kind in COPYING_KINDS or piece.kind is OpKind.AFFINE) and seen.issuperset(piece.reads):
            seen.update(piece.written)
        others = tuple(tensors[value] for value in piece.others)
        inputs = tuple(tensors[value] for value in piece.reads)
        ops.append(_op(piece, inputs, (output, *others), stage if scored else None, bits, holders.get(piece.name, "")))
        if piece.writes not in final and piece.kind is not OpKind.POOL:
            ends[stage] = output
    read = {value for piece in draft.pieces for value in piece.reads}
    results = frozenset(tensors[value].name for value in draft.results if value in read or value in images)
    unread = {value for piece in draft.pieces for value in piece.written} - read - set(draft.results) - set(draft.lodgings)
    return Network(
        draft.path.stem,
        tuple(tensors.values()),
        tuple(ops),
        tuple(sorted(ends.items())),
        results,
        frozenset(tensors[value].name for value in unread),
        states_functions=True,
    )


def _weight_holders(draft: Draft) -> dict[str, str]:
    """By operator that reads the same stored weights as one before it: the name of that one."""
    first: dict[tuple[str, OpKind, tuple[int, ...]], str] = {}
    found = {}
    for piece in draft.pieces:
        if piece.kind not in WEIGHTED_KINDS or piece.weights is None or not piece.weights.key:
            continue
        stored = (piece.weights.key, piece.kind, piece.weights.dims)
        if stored in first:
            found[piece.name] = first[stored]
        first.setdefault(stored, piece.name)
    return found


def _op(
    piece: Piece, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], stage: int | None, bits: int | None, holder: str
) -> Op:
    (height, width), (down, right) = piece.window, piece.stride
    return Op(
        piece.name,
        piece.kind,
        inputs,
        outputs[0],
        height,
        down,
        stage,
        bits,
        kernel_width=None if width == height else width,
        stride_width=None if right == down else right,
        dilation=piece.dilation,
        groups=piece.groups,
        pads=piece.pads,
        function=piece.function,
        terms=piece.terms,
        others=outputs[1:],
        weights_of=holder,
        constants=piece.constants,
        moves=piece.moves,
        begins=piece.begins,
        every=piece.every,
        channel_pads=piece.channel_pads,
        counts_padding=piece.counts_padding,
        reduces=piece.reduces,
    )


def _final(draft: Draft) -> set[str]:
    """What is written after the last weights of every path: by classifiers, and by what follows the last convolutions."""
    followed: set[str] = set()
    final: set[str] = set()
    for piece in reversed(draft.pieces):
        is_last = followed.isdisjoint(piece.written)
        if is_last and (piece.kind is OpKind.DENSE or piece.kind not in WEIGHTED_KINDS):
            final.update(piece.written)
        if not is_last or piece.kind in WEIGHTED_KINDS:
            followed.update(piece.reads)
    return final


def _tied(network: Network) -> Network:
    """Let tensors share bits where kernels copy values, and where the score sees only what a tensor becomes."""
    owner = {tensor.name: tensor.name for tensor in network.tensors}
    fixed = {tensor.name for tensor in network.tensors if tensor.bits is not None}

    def root(name: str) -> str:
        while owner[name] != name:
            name = owner[name]
        return name

    for op in network.ops:
        if op.output.lies_in is not None:
            owner[root(op.output.name)] = owner[root(op.inputs[0].name)] = root(op.output.lies_in)
            continue
        for tensor in op.outputs if _copies(op) else ():
            owner[root(tensor.name)] = root(op.inputs[0].name)
    seen = {root(op.inputs[0].name) for op in network.ops if op.is_scored}
    for op in reversed(network.ops):
        target = root(op.output.name)
        if op.has_weights or target not in seen or target in fixed:
            continue
        for tensor in op.inputs:
            group = root(tensor.name)
            if group not in seen and group not in fixed:
                owner[group] = target
    ties = {name: root(name) for name in owner}
    final = {
        tensor.name: tensor if ties[tensor.name] == tensor.name else replace(tensor, tied_to=ties[tensor.name])
        for tensor in network.tensors
    }
    return network.with_tensors(final)


def _copies(op: Op) -> bool:
    averages_window = op.kind is OpKind.POOL and (op.output.height, op.output.width) != (1, 1)
    return op.kind in COPYING_KINDS or averages_window or op.kind is OpKind.RESIZE
