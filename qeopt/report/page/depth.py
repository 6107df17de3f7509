"""Where the bits of a design go from front to back, beside those that a greedy rule gives the same structure."""

from __future__ import annotations

from qeopt.qbr import Impossible
from qeopt.report.counted import Counted
from qeopt.report.depth import depth_document
from qeopt.report.page.content import Part, Shown, Words
from qeopt.report.pictures.depth import depth_pictures
from qeopt.verbs.bits_by_depth import layers_of, profile

GREEDY, EXACT = "paper", "exact"
MEANING = (
    "Bits by depth, of the design and of the rule of Sun et al. (NeurIPS 2022; engine `paper`) for the same structure and budgets. "
    "The paper finds weights with many bits and activations with few in front, and the reverse behind."
)


def depth_parts(counted: Counted) -> list[Part]:
    """The paper's picture of QBR for one design; nothing where no bits were a choice."""
    study, network = counted.study, counted.network
    found = {EXACT: counted.bits}
    compiled = study.refiner.compile(network)
    greedy = None if isinstance(compiled, Impossible) else study.refiner.choose(compiled, GREEDY).bits
    if greedy is not None:
        found[GREEDY] = greedy
    profiles = tuple(profile(engine, [layers_of(network, bits)]) for engine, bits in found.items())
    if not any(width is not None for one in profiles for width in (*one.weights, *one.activations)):
        return []
    document = {"study_name": network.name, "depth": depth_document(profiles)}
    return [Words([MEANING]), *(Shown(picture) for picture in depth_pictures(document))]
