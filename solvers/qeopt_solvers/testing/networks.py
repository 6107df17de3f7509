"""Allocation problems shaped like real ones: bits for the weights and activations of MobileNetV2-like networks.

Written from the published layer table alone, so that engines can be tested and tuned without any other package. Gains are the
entropy terms of the QE-Score in units of 1e-6 nat; the rows are peak memory per step, flash, and on request bit operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, log, sqrt
from random import Random

from qeopt_solvers.allocation import AllocationProblem, Choice, Link, LinkTerm, Row, Scope, Term, TieBreak

MOBILENET_V2: tuple[tuple[int, int, int, int], ...] = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, output channels, repeats, stride (Sandler et al., 2018, table 2)."""

STAGE_WEIGHTS = {1: 8, 2: 8, 3: 8, 4: 8, 5: 7, 6: 6}
"""How often a convolution counts, by how often its input was halved (one more for the stem's own stride)."""


@dataclass(frozen=True, slots=True)
class Conv:
    """One convolution of the network and where its input and output come from and go to."""

    name: str
    weights: int
    macs: int
    source: int
    """Index of the input tensor."""
    target: int
    """Index of the output tensor."""
    held: int | None
    """Index of a shortcut tensor resident meanwhile."""
    stage_weight: int


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Tensor sizes in elements and the convolutions in order; the first and last tensor are fixed at 8 bits."""

    tensors: tuple[int, ...]
    convs: tuple[Conv, ...]


def inverted_residuals(
    table: Sequence[tuple[int, int, int, int]] = MOBILENET_V2, *, side: int = 224, stem: int = 32, head: int = 1280
) -> NetworkShape:
    """Expand a table of (expansion, channels, repeats, stride) to its convolutions."""
    tensors = [side * side * 3]
    convs: list[Conv] = []
    size, channels, halvings = side, 3, 0

    def add(name: str, kernel: int, out: int, stride: int, *, depthwise: bool = False, held: int | None = None) -> None:
        nonlocal size, channels, halvings
        size = -(-size // stride)
        weights = kernel * kernel * (1 if depthwise else channels) * out
        weight = STAGE_WEIGHTS[min(6, max(1, halvings + 1))]
        tensors.append(size * size * out)
        convs.append(Conv(name, weights, weights * size * size, len(tensors) - 2, len(tensors) - 1, held, weight))
        channels = out
        halvings += stride == 2

    add("stem", 3, stem, 2)
    number = 0
    for expansion, out, repeats, first_stride in table:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            entry, wide = len(tensors) - 1, channels * expansion
            held = entry if stride == 1 and channels == out else None
            if expansion > 1:
                add(f"b{number}.expand", 1, wide, 1)
            add(f"b{number}.depthwise", 3, wide, stride, depthwise=True, held=held)
            add(f"b{number}.project", 1, out, 1, held=held)
            number += 1
    add("head", 1, head, 1)
    return NetworkShape(tuple(tensors), tuple(convs))


def network_problem(
    shape: NetworkShape,
    bits: tuple[int, ...],
    *,
    sram_bytes: int,
    flash_bytes: int,
    bitops_share: float | None = None,
    legal: Sequence[tuple[int, int, int]] | None = None,
) -> AllocationProblem:
    """State the bits of `shape` as a problem.

    Args:
        shape: The network.
        bits: Options of every free tensor.
        sram_bytes: Limit of each step's live tensors.
        flash_bytes: Limit of all packed weights.
        bitops_share: Limit of the bit operations as a share of those at 8 bits everywhere; None for no such row.
        legal: Allowed (input, weight, output) bits of each convolution; None allows all.
    """
    weight_of: dict[int, int] = {}
    tensor_of: dict[int, int] = {}
    choices: list[Choice] = []
    last = len(shape.tensors) - 1
    for number, conv in enumerate(shape.convs):
        if number > 0:
            weight_of[number] = len(choices)
            choices.append(Choice(f"{conv.name}.weight", bits, _gains(bits, 4, conv.stage_weight)))
        if conv.target != last:
            tensor_of[conv.target] = len(choices)
            readers = sum(other.stage_weight for other in shape.convs if other.source == conv.target)
            choices.append(Choice(f"{conv.name}.out", bits, _gains(bits, 5, readers)))
    rows = [_sram_row(shape, conv, tensor_of, bits, sram_bytes) for conv in shape.convs]
    flash = tuple(Term(index, _bytes(shape.convs[number].weights, bits)) for number, index in weight_of.items())
    rows.append(Row("flash", "flash", "B", Scope.TOTAL, flash_bytes, flash, fixed=shape.convs[0].weights))
    links, bitops = _links(shape, weight_of, tensor_of, bits, bitops_share=bitops_share, legal=legal)
    traffic = tuple(Term(index, _bytes(shape.tensors[tensor], bits)) for tensor, index in tensor_of.items())
    ties = (TieBreak("flash", "B", flash), TieBreak("traffic", "B", traffic))
    return AllocationProblem(tuple(choices), links, (*rows, *bitops), ties)


def mobilenet_instances(bits: tuple[int, ...], bitops_share: float | None = None) -> dict[str, AllocationProblem]:
    """The twelve budgets (SRAM x flash) of MobileNetV2 1.0 at 224 px that the benchmark uses, for one set of bits."""
    shape = inverted_residuals()
    return {
        f"{min(bits)}..{max(bits)}/{len(bits)} {sram} KiB, {flash} KiB": network_problem(
            shape, bits, sram_bytes=sram * 1024, flash_bytes=flash * 1024, bitops_share=bitops_share
        )
        for sram in (384, 448, 512, 768)
        for flash in (1024, 1536, 2048)
    }


def _sram_row(shape: NetworkShape, conv: Conv, tensor_of: dict[int, int], bits: tuple[int, ...], limit: int) -> Row:
    live = {conv.source, conv.target} | ({conv.held} if conv.held is not None else set())
    fixed = sum(shape.tensors[tensor] for tensor in live if tensor not in tensor_of)
    terms = tuple(Term(tensor_of[tensor], _bytes(shape.tensors[tensor], bits)) for tensor in sorted(live) if tensor in tensor_of)
    return Row(f"sram at {conv.name}", "sram", "B", Scope.LOCAL, limit, terms, fixed=fixed)


def _links(
    shape: NetworkShape,
    weight_of: dict[int, int],
    tensor_of: dict[int, int],
    bits: tuple[int, ...],
    *,
    bitops_share: float | None,
    legal: Sequence[tuple[int, int, int]] | None,
) -> tuple[tuple[Link, ...], tuple[Row, ...]]:
    """Links of (input, weight) or with `legal` (input, weight, output) options, and the bit-operations row over them."""
    links: list[Link] = []
    terms: list[LinkTerm] = []
    for number, conv in enumerate(shape.convs):
        ends = tensor_of.get(conv.target)
        if number == 0 or (bitops_share is None and legal is None):
            continue
        members = (tensor_of[conv.source], weight_of[number])
        pairs = [(a, w) for a in range(len(bits)) for w in range(len(bits))]
        allowed: list[tuple[int, ...]] = list(pairs)
        if legal is not None and ends is not None:
            members = (*members, ends)  # type: ignore[assignment]
            allowed = [(a, w, o) for a, w in pairs for o in range(len(bits)) if (bits[a], bits[w], bits[o]) in legal]
        links.append(Link(conv.name, members, tuple(allowed)))
        terms.append(LinkTerm(len(links) - 1, tuple(conv.macs * bits[t[0]] * bits[t[1]] for t in allowed)))
    if bitops_share is None:
        return tuple(links), ()
    limit = int(64 * bitops_share * sum(conv.macs for conv in shape.convs))
    row = Row("bitops", "bitops", "bit", Scope.TOTAL, limit, (), tuple(terms), fixed=64 * shape.convs[0].macs)
    return tuple(links), (row,)


def _bytes(elements: int, bits: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-(-elements * width // 8) for width in bits)


def _gains(bits: tuple[int, ...], sigma: int, weight: int) -> tuple[int, ...]:
    return tuple(round(1e6 * weight * log(_sigma_hat(width, sigma))) for width in bits)


def _sigma_hat(bits: int, sigma: float) -> float:
    """Standard deviation of a rounded, clipped normal variable."""
    top = 2 ** (bits - 1)

    def above(x: float) -> float:
        return 0.5 * (1 - erf(x / sigma / sqrt(2)))

    return sqrt(2 * sum((2 * k - 1) * above(k - 0.5) for k in range(1, top + 1)))


MIXED_KERNELS = tuple((a, w, o) for a in (2, 4, 8) for w in (2, 4, 8) for o in (2, 4, 8) if w <= a or o == 8)
"""An invented set of legal (input, weight, output) bits that is not a product of sets."""


def random_network_problem(seed: int) -> AllocationProblem:
    """Make a problem of 20 to 60 convolutions: coupled or not, with legal tuples or not, often just feasible or infeasible."""
    rng = Random(seed)
    table = [
        (rng.choice((1, 3, 6)), 8 * rng.randint(1, 12), rng.randint(1, 3), rng.choice((1, 1, 2))) for _ in range(rng.randint(4, 8))
    ]
    shape = inverted_residuals(table, side=rng.choice((32, 64, 96)), stem=8 * rng.randint(1, 4), head=64 * rng.randint(1, 8))
    legal = MIXED_KERNELS if rng.random() < 0.4 else None
    bits = (2, 4, 8) if legal or rng.random() < 0.6 else (2, 3, 4, 5, 6, 7, 8)
    share = rng.uniform(0.1, 0.6) if rng.random() < 0.5 else None
    loose = network_problem(shape, bits, sram_bytes=0, flash_bytes=0, bitops_share=share, legal=legal)
    often = rng.choice((0.1, 0.5, 0.9))
    picks = [rng.randrange(len(bits)) if rng.random() < often else 0 for _ in loose.choices]
    used: dict[str, int] = {}
    for row in loose.rows:
        if row.kind != "bitops":
            units = row.fixed + sum(term.costs[picks[term.choice]] for term in row.terms)
            used[row.kind] = max(used.get(row.kind, 0), units)
    slack = rng.choice((0.8, 1.0, 1.0, 1.0, 1.1))
    return network_problem(
        shape,
        bits,
        sram_bytes=int(used["sram"] * slack),
        flash_bytes=int(used["flash"] * slack),
        bitops_share=share,
        legal=legal,
    )
