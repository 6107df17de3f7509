"""Every design that a design file claims: the answer, and those beside it, each under the terms that it is claimed for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from qeopt.budgets import table
from qeopt.design.model import MOST_BITS, Design, Other
from qeopt.network import Bits, Network
from qeopt.qbr import PROVER, Refiner
from qeopt.study import Study

Said: TypeAlias = Design | Other
"""Bits of the widest integer that can be counted."""


@dataclass(frozen=True)
class Claim:
    """One design of a file, and the terms that it is claimed for."""

    where: str
    """Begins every complaint about it; empty for the answer."""
    said: Said
    """What is claimed."""
    refiner: Refiner
    """The terms under which its bits are said to be chosen."""
    network: Network | None
    """Its operators; None where there is no such structure."""
    faults: tuple[str, ...]
    """What keeps it from being counted at all."""
    provers: frozenset[str]
    """Engines whose certificates it must have."""

    @property
    def bits(self) -> Bits:
        """Its bits."""
        return Bits(self.said.weights, self.said.activations)


def claims_of(design: Design, study: Study) -> tuple[Claim, ...]:
    """List the designs of a file, the answer first."""
    both = frozenset({study.qbr.engine, PROVER})
    answer = _claim("", design, study, study.refiner, both)
    alternatives = [
        _claim(f"alternative {number}: ", other, study, study.refiner, both)
        for number, other in enumerate(design.alternatives, start=1)
    ]
    scout = frozenset({study.qbr.scout})
    baselines = [
        _claim(f"baseline {name}: ", other, study, study.terms(name), scout)
        for name, other in design.baselines.items()
        if name in study.search.baselines
    ]
    return (answer, *alternatives, *baselines)


def _claim(where: str, said: Said, study: Study, refiner: Refiner, provers: frozenset[str]) -> Claim:
    try:
        if isinstance(said, Design):
            network = said.network()
        else:
            network = study.subject.expand(study.subject.structure(said.structure), study.task, study.name)
    except ValueError as error:
        return Claim(where, said, refiner, None, (f"structure: {error}",), provers)
    return Claim(where, said, refiner, network, _misnamed(said, refiner, network), provers)


def _misnamed(said: Said, refiner: Refiner, network: Network) -> tuple[str, ...]:
    """Operators, tensors and budgets that a design lacks or invents, and widths at which nothing can be counted."""
    pairs = (
        ("weights", set(said.weights), {op.name for op in network.weighted_ops}),
        ("activations", set(said.activations), {tensor.name for tensor in network.tensors}),
        ("uses", set(said.uses), {name for name, record in table().items() if record.lacks(refiner.runtime) is None}),
    )
    found = [f"{what}: {name!r} is missing" for what, has, needs in pairs for name in sorted(needs - has)]
    found += [f"{what}: there is no {name!r}" for what, has, needs in pairs for name in sorted(has - needs)]
    widths = (*said.weights.values(), *said.activations.values())
    if not found and not all(1 <= width <= MOST_BITS for width in widths):
        found.append(f"bits: a width is not from 1 to {MOST_BITS}")
    return tuple(found)
