"""What the score does not see is never a choice."""

import random
from collections.abc import Callable, Mapping

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits
from qeopt.network import Network, OpKind
from qeopt.qbr import BitChoices
from qeopt.qbr.compile import Compiled, compile_bits
from qeopt.score import QEScore
from qeopt.space import Structure
from qeopt.spec.library import Library, builtin_folder
from qeopt.spec.model import build
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt_solvers.reduce import reduce

STUDIES = sorted(
    path.relative_to(builtin_folder()).with_suffix("").as_posix()
    for folder in (builtin_folder(), builtin_folder() / "paper")
    for path in folder.glob("*.yaml")
)


def drawn(study: Study, rng: random.Random, number: int) -> list[Structure]:
    """The smallest structure and random ones that follow the rules of the space."""
    space = study.space
    found = [study.subject.smallest()]
    while space is not None and len(found) <= number:
        values = [rng.choice(values) for _, _, values in space.genes]
        for index, width in zip(space.ruled_widths, sorted(rng.sample(range(8, 400, 8), len(space.ruled_widths))), strict=True):
            values[index] = max(value for value in space.genes[index][2] if value <= max(width, space.genes[index][2][0]))
        structure = Structure(tuple(values))
        if space.follows_rules(structure):
            found.append(structure)
    return found


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("tie", ["none", "unit"])
def test_every_choice_of_a_shipped_study_matters(name: str, tie: str) -> None:
    study = load_study(name, library=Library(), overrides=[f"bits.tie={tie}"]).value
    for structure in drawn(study, random.Random(4), 4):
        compiled = study.refiner.compile(study.subject.expand(structure, study.task))
        assert isinstance(compiled, Compiled)
        assert compiled.problem.choices
        for choice in compiled.problem.choices:
            assert max(choice.gains) > min(choice.gains), choice.name


def test_widths_between_which_the_score_is_flat_are_decided_before_an_engine_sees_them() -> None:
    """6 and 8 bits gain the same, so the cheaper one is taken."""
    overrides = ["runtime=ideal", "bits.weights=[6, 8]", "bits.activations=[6, 8]"]
    study = load_study("vww_256k", library=Library(), overrides=overrides).value
    compiled = study.refiner.compile(study.subject.expand(study.subject.smallest(), study.task))
    assert isinstance(compiled, Compiled)
    assert all(len(set(choice.gains)) == 1 for choice in compiled.problem.choices)
    reduced = reduce(compiled.problem)
    assert reduced is not None
    assert {choice.labels for choice in reduced.problem.choices} == {(6,)}


def test_every_choice_of_a_random_network_matters(
    runtimes: Mapping[str, Runtime],
    random_chain: Callable[[random.Random], Network],
    random_graph: Callable[[random.Random], Network],
) -> None:
    rng = random.Random(9)
    objective = build(QEScore, {})
    choices = build(BitChoices, {"weights": [2, 4, 8], "activations": [2, 4, 8]})
    for _ in range(60):
        for network in (random_chain(rng), random_graph(rng)):
            compiled = compile_bits(network, runtimes["ideal"], Limits(), choices, objective)
            assert isinstance(compiled, Compiled)
            for choice, domain in zip(compiled.problem.choices, compiled.decisions.domains, strict=True):
                if (
                    network.tensors[-1].name not in domain.tensors
                ):  # a graph may be a piece: another piece reads what it writes last
                    assert max(choice.gains) > min(choice.gains), choice.name


@pytest.mark.parametrize("name", STUDIES)
def test_what_the_score_does_not_see_has_eight_bits(name: str) -> None:
    study = load_study(name, library=Library()).value
    network = study.subject.expand(study.subject.smallest(), study.task)
    assert network.tensors[0].bits == 8
    first = network.ops[0]
    assert first.weight_bits == (None if first.kind is OpKind.DENSE and first.is_scored else 8)  # autoencoders have no stem
    for op in network.ops:
        if op.kind is OpKind.DENSE and not op.is_scored:
            assert (op.weight_bits, op.inputs[0].bits, op.output.bits) == (8, 8, 8)
    head = [op for op in network.ops if op.is_scored][-1]
    assert head.output.bits == 8
