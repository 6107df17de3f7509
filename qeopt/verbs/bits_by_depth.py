"""How many bits weights and activations have from the front of a network to its back: the picture by which the paper explains QBR.

Its claim: in front, weights have many bits and activations few, behind it is the other way round. Large activations are in front,
large weights behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from qeopt.network import Bits, Network
from qeopt.qbr import Impossible, Refiner
from qeopt.verbs.compare import Comparison

GREEDY, EXACT = "paper", "exact"
PARTS = 10
"""Parts of equal depth that many networks are cut into; a single one is shown layer by layer."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution that the score sees."""

    depth: float
    """Place of its middle, from 0 at the front to 1 at the back."""
    weights: int | None
    """Bits of its weights; None where they are no choice."""
    activations: int | None
    """Bits that it reads; None where they are no choice."""


@dataclass(frozen=True, slots=True)
class DepthProfile:
    """Bits by depth of what one engine answered."""

    engine: str
    answered: int
    """Networks with bits."""
    weights: tuple[float | None, ...]
    """Mean bits of weights in each part, front to back; None where none is a choice."""
    activations: tuple[float | None, ...]
    """The same of what convolutions read."""
    weights_fall: int
    """Networks whose weights have more bits in the front half than in the back half, on average."""
    activations_rise: int
    """Networks whose activations have fewer bits in the front half."""
    both: int
    """Networks of which the paper's claim is true."""


def layers_of(network: Network, bits: Bits) -> tuple[Layer, ...]:
    """Every scored convolution, front to back, with those of its bits that were chosen."""
    ops = [op for op in network.ops if op.is_scored]
    return tuple(
        Layer(
            (number + 0.5) / len(ops),
            bits.weights[op.name] if op.weight_bits is None else None,
            bits.activations[op.inputs[0].name] if network.bits_owner(op.inputs[0]).bits is None else None,
        )
        for number, op in enumerate(ops)
    )


def bits_by_depth(found: Comparison) -> tuple[DepthProfile, ...]:
    """The profile of every engine of a comparison."""
    answers = [answer for instance in found.instances for answer in instance.answers]
    by_engine = {
        engine: [
            layers_of(answer.refined.network, answer.refined.bits)
            for answer in answers
            if answer.engine == engine and answer.refined.bits is not None
        ]
        for engine in found.engines
    }
    return tuple(profile(engine, networks) for engine, networks in by_engine.items())


def beside_greedy(refiner: Refiner, network: Network, bits: Bits) -> tuple[DepthProfile, ...]:
    """The profile of a design, and that of the paper's rule for the same structure and budgets where it finds bits.

    Nothing where no bits were a choice.
    """
    compiled = refiner.compile(network)
    greedy = None if isinstance(compiled, Impossible) else refiner.choose(compiled, GREEDY).bits
    found = {EXACT: bits} | ({} if greedy is None else {GREEDY: greedy})
    profiles = tuple(profile(engine, [layers_of(network, one)]) for engine, one in found.items())
    return profiles if any(width is not None for one in profiles for width in (*one.weights, *one.activations)) else ()


def profile(engine: str, networks: Sequence[Sequence[Layer]]) -> DepthProfile:
    """Sum up networks at the bits that one engine gave them."""
    parts = len(networks[0]) if len(networks) == 1 else PARTS
    cut: list[list[Layer]] = [[] for _ in range(parts)]
    for layers in networks:
        for layer in layers:
            cut[int(layer.depth * parts)].append(layer)
    trends = [_trend(layers) for layers in networks]
    return DepthProfile(
        engine,
        len(networks),
        tuple(_mean(layer.weights for layer in part) for part in cut),
        tuple(_mean(layer.activations for layer in part) for part in cut),
        sum(falls for falls, _ in trends),
        sum(rises for _, rises in trends),
        sum(falls and rises for falls, rises in trends),
    )


def _trend(layers: Sequence[Layer]) -> tuple[bool, bool]:
    """Whether weights fall and activations rise from the front half to the back half."""
    front, back = ([layer for layer in layers if (layer.depth < 0.5) == is_front] for is_front in (True, False))
    weights = _mean(layer.weights for layer in front), _mean(layer.weights for layer in back)
    activations = _mean(layer.activations for layer in front), _mean(layer.activations for layer in back)
    falls = weights[0] is not None and weights[1] is not None and weights[0] > weights[1]
    rises = activations[0] is not None and activations[1] is not None and activations[0] < activations[1]
    return falls, rises


def _mean(bits: Iterable[int | None]) -> float | None:
    known = [width for width in bits if width is not None]
    return fmean(known) if known else None
