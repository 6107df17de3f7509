"""Spaces: genes, structures, the networks they expand to, and a golden for every mistake."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.network import OpKind
from qeopt.space import Space, Structure, Task
from qeopt.space.blocks.bottleneck import round_to_8
from qeopt.space.space import BLOCKS
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load, load_text
from qeopt.spec.model import build

TASK = build(Task, {"input": [32, 32, 3], "classes": 4})


def space(text: str) -> Space:
    return load_text(Space, f"kind: space\n{text}", library=Library(), kind="space", folder="spaces").value


def shipped(name: str) -> Space:
    return load(Space, name, library=Library(), kind="space", folder="spaces").value


def chain(*blocks: dict[str, Any], widths: str = "free") -> Space:
    return build(Space, {"blocks": list(blocks), "widths": widths})


def test_the_papers_space_is_as_described() -> None:
    paper = shipped("paper_k1dwk1")
    genes = {(block, gene): values for block, gene, values in paper.genes}
    assert genes["stem", "width"] == (8, 16, 24, 32)
    for block in ("b1", "b2", "b3", "b4", "b5"):
        assert genes[block, "width"] == tuple(range(8, 1281, 8))
        assert genes[block, "kernel"] == (3, 5)
        assert genes[block, "ratio"] == (1.5, 2, 2.5, 3, 3.5, 4)
        assert genes[block, "units"] == (1, 2, 3)
    assert genes["head", "width"] == (1280,)
    task = build(Task, {"input": [224, 224, 3], "classes": 1000})
    deepest = paper.structure(
        {block: {gene: values[-1] for (name, gene), values in genes.items() if name == block} for block, _ in genes}
    )
    assert paper.expand(deepest, task).layers == 47
    assert [cell.cell.stride for cell in paper.cells(paper.smallest(), task)] == [2, 2, 2, 2, 1, 2, 1, 1]
    assert [stage for stage, _ in paper.expand(deepest, task).stage_ends] == [0, 1, 2, 3, 4]


def test_the_space_for_microcontrollers_is_as_described() -> None:
    genes = {(block, gene): values for block, gene, values in shipped("k1dwk1").genes}
    assert genes["b3", "units"] == (1, 2, 3, 4, 5)
    assert genes["head", "width"] == tuple(range(64, 1281, 32))


def test_a_unit_is_three_convolutions_and_perhaps_a_shortcut() -> None:
    found = chain(
        {"kind": "conv", "name": "stem", "width": 16, "kernel": 3, "stride": 2, "weight_bits": 8},
        {"kind": "k1dwk1", "name": "b1", "width": 16, "ratio": 2, "units": 2, "stride": 2},
        {"kind": "k1dwk1", "name": "b2", "width": 24, "ratio": 1.5, "kernel": 5},
        {"kind": "classifier"},
    )
    network = found.expand(found.smallest(), TASK)
    assert [op.name for op in network.ops] == [
        "stem",
        "b1.1.pool",
        "b1.1.expand",
        "b1.1.depthwise",
        "b1.1.project",
        "b1.1.add",
        "b1.2.expand",
        "b1.2.depthwise",
        "b1.2.project",
        "b1.2.add",
        "b2.expand",
        "b2.depthwise",
        "b2.project",
        "classifier.pool",
        "classifier",
    ]
    tensors = network.tensor_by_name
    assert (tensors["b1.1.expand"].channels, tensors["b2.expand"].channels) == (32, 32)  # 24 * 1.5 = 36 = 4.5 * 8, halves to even
    assert (tensors["b1.1.pool"].height, tensors["b2.depthwise"].channels) == (8, 32)
    assert network.op_by_name["b2.depthwise"].kernel == 5
    assert {op.unit for op in network.ops} == {"stem", "b1.1", "b1.2", "b2", "classifier"}


def test_mobilenets_block_widens_what_it_reads() -> None:
    found = chain(
        {"kind": "conv", "name": "stem", "width": 16, "kernel": 3, "stride": 2},
        {"kind": "mbconv", "name": "a", "width": 8, "ratio": 1},
        {"kind": "mbconv", "name": "b", "width": 24, "ratio": 6, "units": 2, "stride": 2},
    )
    network = found.expand(found.smallest(), TASK)
    assert [op.name for op in network.ops if op.kind is OpKind.CONV] == [
        "stem",
        "a.project",
        "b.1.expand",
        "b.1.project",
        "b.2.expand",
        "b.2.project",
    ]
    assert [network.tensor_by_name[f"b.{unit}.expand"].channels for unit in (1, 2)] == [48, 144]
    assert [op.name for op in network.ops if op.kind is OpKind.ADD] == ["b.2.add"]  # no shortcut past a stride
    assert not [op for op in network.ops if op.kind is OpKind.POOL]


@pytest.mark.parametrize(
    ("width", "ratio", "expected"),
    [(8, 1.5, 16), (24, 1.5, 32), (40, 1.5, 64), (8, 2.5, 16), (24, 2.5, 64), (8, 0.1, 8), (176, 3.5, 616)],
)
def test_middle_widths_are_rounded_as_the_authors_round(width: int, ratio: float, expected: int) -> None:
    assert round_to_8(width, ratio) == expected


@settings(derandomize=True, deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000))
def test_structures_can_be_spelled_and_read_back(seed: int) -> None:
    rng = random.Random(seed)
    found = shipped("k1dwk1")
    structure = Structure(tuple(rng.choice(values) for _, _, values in found.genes))
    if found.follows_rules(structure):
        assert found.structure(found.named(structure)) == structure
    else:
        with pytest.raises(ValueError, match="widths may not decrease from block to block"):
            found.structure(found.named(structure))


def test_the_smallest_structure_follows_the_rules() -> None:
    stair = chain(
        {"kind": "conv", "name": "a", "width": [8, 32]},
        {"kind": "conv", "name": "b", "width": [4, 16]},
        {"kind": "conv", "name": "head", "width": [2]},
        widths="non_decreasing",
    )
    assert stair.named(stair.smallest()) == {
        "a": {"width": 8, "kernel": 1},
        "b": {"width": 16, "kernel": 1},
        "head": {"width": 2, "kernel": 1},
    }
    assert not stair.follows_rules(Structure((32, 1, 16, 1, 2, 1)))
    assert stair.size == 4


def test_choices_left_out_need_to_be_clear() -> None:
    found = chain({"kind": "conv", "name": "a", "width": [8, 32]})
    assert found.structure({"a": {"width": 32}}) == Structure((32, 1))
    with pytest.raises(ValueError, match=r"a\.width cannot be None; it is one of 8, 32"):
        found.structure({})
    with pytest.raises(ValueError, match=r"a\.width cannot be 9"):
        found.structure({"a": {"width": 9}})
    with pytest.raises(ValueError, match=r"the space has no choice a\.depth"):
        found.structure({"a": {"width": 8, "depth": 3}})


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{kind: conv, name: a, width: []}", "blocks[0].width: at least one value is needed"),
        ("{kind: conv, name: a, width: [8, 8]}", "blocks[0].width: a value is listed twice"),
        ("{kind: conv, name: a, width: -8}", "blocks[0].width: values must be positive numbers"),
        ("{kind: conv, name: a, width: {from: 8, to: 4, step: 4}}", "blocks[0].width: the range from 8 to 4 is empty"),
        ("{kind: conv, name: a, width: {from: 8, to: 16}}", "blocks[0].width: a range needs exactly `from`, `to` and `step`"),
        (
            "{kind: conv, name: a, width: {from: 8, to: 16, step: 0}}",
            "blocks[0].width: a range needs integers, and a step of at least 1",
        ),
        ("{kind: conv, name: a, width: {from: 1, to: 9999, step: 1}}", "blocks[0].width: a range may hold 4096 values at most"),
        ("{kind: mbconv, name: a, width: 8, ratio: [1, 2]}", "a ratio of 1 leaves a convolution out"),
    ],
)
def test_choices_that_are_none(block: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        space(f"blocks: [{block}]")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("blocks: []", "blocks is empty; at least 1 item was expected"),
        ("blocks: [{kind: conv, name: a, width: 8}, {kind: conv, name: a, width: 8}]", "two blocks have the same name"),
        (
            "blocks: [{kind: classifier}, {kind: conv, name: a, width: 8}]",
            "the classifier 'classifier' is not the last block; one that ends the chain was expected",
        ),
        (
            "widths: non_decreasing\nblocks: [{kind: conv, name: a, width: 32}, {kind: conv, name: b, width: 8},"
            " {kind: conv, name: head, width: 8}]",
            "no structure: widths may not decrease, and 'b' is at most 8 wide after 32",
        ),
    ],
)
def test_spaces_that_are_none(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        space(text)
    assert str(caught.value).split(": ", 1)[1].endswith(message)


def test_the_space_on_its_page(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "spaces.md").read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    mine = load(Space, path, library=Library(), kind="space", folder="spaces").value
    assert mine.size == 136_080
    network = mine.expand(mine.smallest(), TASK)
    stages = {op.stage for op in network.ops if op.is_scored}
    assert stages == {0, 1, 2}, "three stages, as the page says"
    assert all(f"`{kind}`" in page for kind in BLOCKS.names())
