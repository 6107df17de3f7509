"""From files to models: inheritance, names, overrides, and all problems at once."""

import hashlib
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from qeopt.spec import library as library_module
from qeopt.spec.document import parse, read
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded, load, load_text
from qeopt.spec.model import Block, Reference
from qeopt.spec.node import locate
from qeopt.spec.units import ByteSize, PositiveByteSize


class Core(Enum):
    SMALL = "m4"
    LARGE = "m7"


class Chip(Block):
    name: str = "unnamed"
    ram: PositiveByteSize
    core: Core = Core.SMALL
    banks: tuple[ByteSize, ...] = ()


class Board(Block):
    chip: Annotated[Chip, Reference("chip", "chips")]
    pins: int = 0


class Loud(Block):
    kind: Literal["loud"] = "loud"
    volume: int = 1


class Quiet(Block):
    kind: Literal["quiet"] = "quiet"
    hush: float = 1.0


class Plan(Block):
    name: str
    chip: Annotated[Chip, Reference("chip", "chips")] | None = None
    boards: tuple[Annotated[Board, Reference("board", "boards")], ...] = ()
    by_role: dict[str, Annotated[Chip, Reference("chip", "chips")]] = Field(default_factory=dict)
    sound: Annotated[Loud | Quiet, Field(discriminator="kind")] = Loud()
    widths: tuple[int, ...] = ()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with nothing shipped."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QEOPT_PATH", raising=False)
    monkeypatch.setattr(library_module, "builtin_folder", lambda: tmp_path / "shipped")
    return tmp_path


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def plan(text: str, *overrides: str) -> Plan:
    return load(Plan, write("p.yaml", f"kind: plan\n{text}"), library=Library(), kind="plan", overrides=overrides).value


def refusal(text: str, *overrides: str) -> str:
    with pytest.raises(SpecError) as caught:
        plan(text, *overrides)
    return str(caught.value)


def roles(loaded: Loaded[Plan]) -> list[tuple[str, str]]:
    return [(file.path.as_posix(), file.role) for file in loaded.files]


def test_a_source_may_be_a_path_a_name_or_a_document() -> None:
    path = write("p.yaml", "kind: plan\nwidths: [8, 16]\n")
    document = read(path)
    loads = [load(Plan, source, library=Library(), kind="plan") for source in (path, "p", "p.yaml", document)]
    assert [loaded.value for loaded in loads] == [Plan(name="p", widths=(8, 16))] * 4
    assert loads[0].files[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == document.sha256
    assert str(locate(loads[0].root, ("widths", 1))) == "p.yaml:2:13"


def test_a_text_is_no_file() -> None:
    loaded = load_text(Plan, "kind: plan\nname: x", library=Library(), kind="plan")
    assert (loaded.value, loaded.files) == (Plan(name="x"), ())


def test_a_name_is_the_name_of_the_file_unless_it_says_otherwise() -> None:
    write("chips/a.yaml", "kind: chip\nram: 1 KiB")
    write("chips/b.yaml", "kind: chip\nname: Bee\nextends: a")
    write("chips/c.yaml", "kind: chip\nextends: b")
    text = "by_role: {x: a, y: b, z: c, inline: {ram: 1}}"
    assert {role: chip.name for role, chip in plan(text).by_role.items()} == {"x": "a", "y": "Bee", "z": "c", "inline": "unnamed"}


def test_a_file_changes_the_one_it_extends() -> None:
    write(
        "base.yaml",
        "kind: plan\nname: base\nwidths: [1, 2, 3]\nchip: {ram: 1 KiB, banks: [1]}\nsound: {kind: loud, volume: 9}\n"
        "by_role: {a: {ram: 1}}",
    )
    write("middle.yaml", "kind: plan\nextends: base\nchip: {banks: [2, 2]}\nby_role: {b: {ram: 2}}\nsound: {kind: quiet}")
    text = "extends: middle.yaml\nwidths: [4]\nchip: {core: m7}"
    loaded = load(Plan, write("p.yaml", f"kind: plan\n{text}"), library=Library(), kind="plan")
    assert loaded.value == Plan(
        name="p",
        widths=(4,),
        chip=Chip(ram=1024, banks=(2, 2), core=Core.LARGE),
        by_role={"a": Chip(ram=1), "b": Chip(ram=2)},
        sound=Quiet(),
    )
    assert roles(loaded) == [("p.yaml", "plan"), ("middle.yaml", "plan (extended)"), ("base.yaml", "plan (extended)")]
    places = {".".join(path): str(locate(loaded.root, path)) for path in (("chip", "ram"), ("chip", "banks"), ("chip", "core"))}
    assert places == {"chip.ram": "base.yaml:4:13", "chip.banks": "middle.yaml:3:8", "chip.core": "p.yaml:4:14"}


def test_null_takes_back_what_was_inherited() -> None:
    write("base.yaml", "kind: plan\nchip: {ram: 1}")
    assert plan("extends: base\nchip: null").chip is None


def test_files_that_extend_each_other_are_refused_with_the_circle() -> None:
    write("a.yaml", "kind: plan\nextends: b\n")
    write("b.yaml", "kind: plan\n\nextends: c\n")
    write("c.yaml", "kind: plan\nextends: b\n")
    assert refusal("extends: a") == "c.yaml:2:1: 'extends' goes round in a circle: b.yaml -> c.yaml -> b.yaml"
    assert refusal("extends: p") == "p.yaml:2:1: 'extends' goes round in a circle: p.yaml -> p.yaml"
    assert refusal("extends: ./p.yaml") == "p.yaml:2:1: 'extends' goes round in a circle: p.yaml -> p.yaml"


EXTENDS = {
    "extends: [a, b]": "p.yaml:2:10: 'extends' is a list; the name of one plan was expected",
    "extends: 3": "p.yaml:2:10: 'extends' is 3; the name of one plan was expected",
    "extends: chips/a.yaml": "chips/a.yaml:1:7: this is a chip file; a plan was expected",
    "extends: nothing": "p.yaml:2:10: there is no plan named 'nothing' (searched: ., {shipped})",
}


@pytest.mark.parametrize("text", EXTENDS)
def test_only_one_file_of_the_same_kind_can_be_extended(text: str, here: Path) -> None:
    write("chips/a.yaml", "kind: chip\nram: 1")
    assert refusal(text) == EXTENDS[text].format(shipped=here / "shipped")


KINDS = {
    "name: x": "p.yaml:1:1: missing 'kind: plan'; every file says what it is",
    "kinds: plan": "p.yaml:1:1: missing 'kind: plan'; every file says what it is; did you mean 'kind' by 'kinds'?",
    "kind: chip\nname: x": "p.yaml:1:7: this is a chip file; a plan was expected",
    "kind: plam": "p.yaml:1:7: this is a plam file; a plan was expected; did you mean 'plan'?",
    "kind: 3": "p.yaml:1:7: the kind 3 is unknown; a plan was expected",
    "kind:": "p.yaml:1:6: the kind null is unknown; a plan was expected",
    "kind: [plan]": "p.yaml:1:7: the kind a list is unknown; a plan was expected",
}


@pytest.mark.parametrize("text", KINDS)
def test_a_file_must_say_what_it_is(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(Plan, write("p.yaml", text), library=Library(), kind="plan")
    assert str(caught.value) == KINDS[text]


def test_names_paths_and_mappings_stand_for_files_anywhere() -> None:
    write("chips/a.yaml", "kind: chip\nram: 1 KiB\n")
    write("boards/one.yaml", "kind: board\nchip: ../chips/a.yaml\n")
    write("boards/two.yaml", "kind: board\nextends: one\npins: 2\n")
    write("boards/chips/near.yaml", "kind: chip\nram: 2 KiB\n")
    write("boards/three.yaml", "kind: board\nchip: near\n")
    path = write(
        "p.yaml",
        "kind: plan\nchip: a\nboards: [one, boards/two.yaml, three, {chip: a}, "
        "{extends: two, pins: 9, chip: {extends: a, ram: 3}}]\n"
        "by_role: {main: {kind: chip, ram: 5}}",
    )
    loaded = load(Plan, path, library=Library(), kind="plan")
    a = Chip(name="a", ram=1024)
    assert loaded.value == Plan(
        name="p",
        chip=a,
        boards=(
            Board(chip=a),
            Board(chip=a, pins=2),
            Board(chip=Chip(name="near", ram=2048)),
            Board(chip=a),
            Board(chip=Chip(name="a (changed)", ram=3), pins=9),
        ),
        by_role={"main": Chip(ram=5)},
    )
    assert [name for name, _ in roles(loaded)] == [
        "p.yaml",
        "chips/a.yaml",
        "boards/one.yaml",
        "boards/two.yaml",
        "boards/three.yaml",
        "boards/chips/near.yaml",
    ]


def test_a_place_in_a_named_file_is_given_in_that_file() -> None:
    write("chips/a.yaml", "kind: chip\nram: 256kB\ncor: m4\n")
    assert refusal("chip: a\nwidth: 3") == (
        "chips/a.yaml:2:6: chip.ram: '256kB' could mean 256,000 or 262,144 bytes; write 256000 B or 256 KiB\n"
        "chips/a.yaml:3:1: unknown key 'cor' in chip; did you mean 'core'?\n"
        "p.yaml:3:1: unknown key 'width'; did you mean 'widths'?"
    )


def test_what_a_name_does_not_lead_to_is_said_together_with_all_else(here: Path) -> None:
    write("chips/stm32f412.yaml", "kind: chip\nram: 1\n")
    write("chips/broken.yaml", "kind: chip\nram: [1\n")
    write("boards/one.yaml", "kind: board\nchip: stm32f421\n")
    said = refusal("chip: stm32f421\nboards: [one, {chip: broken}, two, {chip: 3}]\nwidths: [x]")
    where = here / "shipped"
    assert said.splitlines() == [
        f"boards/one.yaml:2:7: there is no chip named 'stm32f421' (searched: {Path('boards/chips')}, {where / 'chips'})",
        "chips/broken.yaml:3:1: a list or mapping in brackets is not closed, or lacks a ','",
        f"p.yaml:2:7: there is no chip named 'stm32f421'; did you mean 'stm32f412'? (searched: chips, {where / 'chips'})",
        f"p.yaml:3:31: there is no board named 'two' (searched: boards, {where / 'boards'})",
        "p.yaml:3:43: boards[3].chip is 3; the name of a chip, a path or a mapping was expected",
        "p.yaml:4:10: widths[0] is 'x'; a whole number was expected",
    ]


def test_an_override_inside_a_file_that_is_not_found_adds_nothing() -> None:
    write("chips/a.yaml", "kind: chip\nram: 1\n")
    assert refusal("chip: b", "chip.ram=3").startswith("p.yaml:2:7: there is no chip named 'b' (searched:")
    assert len(refusal("chip: b", "chip.ram=3").splitlines()) == 1


def test_extends_misspelt_is_recognised_where_it_may_stand() -> None:
    said = refusal("extend: base\nchip: {extens: a, ram: 1}\nsound: {kind: loud, extends: x}")
    assert said.splitlines() == [
        "p.yaml:2:1: unknown key 'extend'; did you mean 'extends'?",
        "p.yaml:3:8: unknown key 'extens' in chip; did you mean 'extends'?",
        "p.yaml:4:21: unknown key 'extends' in sound; the keys here are kind, volume",
    ]


def test_a_named_folder_is_no_file() -> None:
    Path("chips/a.yaml").mkdir(parents=True)
    assert refusal("chip: chips/a.yaml") == "p.yaml:2:7: there is no chip file 'chips/a.yaml'"


class Tree(Block):
    name: str = ""
    branches: "tuple[Annotated[Tree, Reference('tree', 'trees')], ...]" = ()


def test_files_that_name_each_other_are_refused_with_the_circle() -> None:
    write("trees/a.yaml", "kind: tree\nbranches: [b]")
    write("trees/b.yaml", "kind: tree\nbranches: [a]")
    with pytest.raises(SpecError) as caught:
        load(Tree, Path("trees/a.yaml"), library=Library(), kind="tree", folder="trees")
    assert str(caught.value) == "trees/b.yaml:2:12: files name each other in a circle: trees/a.yaml -> trees/b.yaml -> trees/a.yaml"


def test_a_mapping_inside_the_file_it_extends_is_refused() -> None:
    write("trees/a.yaml", "kind: tree\nbranches: [{extends: a}]")
    with pytest.raises(SpecError) as caught:
        load(Tree, Path("trees/a.yaml"), library=Library(), kind="tree", folder="trees")
    assert str(caught.value) == "trees/a.yaml:2:12: more than 16 files inside each other; do they name each other in a circle?"


def test_a_chain_of_files_that_is_long_is_no_circle() -> None:
    for level in range(14):
        write(f"trees/t{level}.yaml", f"kind: tree\nbranches: [t{level + 1}]")
    write("trees/t14.yaml", "kind: tree")
    assert len(load(Tree, "t0", library=Library(), kind="tree", folder="trees").files) == 15


def test_a_mapping_that_changes_a_named_file_says_so_in_its_name() -> None:
    write("chips/a.yaml", "kind: chip\nname: Alpha\nram: 1")
    assert plan("chip: {extends: a, ram: 2}").chip == Chip(name="a (changed)", ram=2)
    assert plan("chip: {extends: chips/a.yaml, name: Mine}").chip == Chip(name="Mine", ram=1)


def test_files_that_name_very_many_files_are_refused() -> None:
    for level in range(8):
        write(f"trees/t{level}.yaml", f"kind: tree\nbranches: [{', '.join([f't{level + 1}'] * 50)}]")
    write("trees/t8.yaml", "kind: tree")
    with pytest.raises(SpecError) as caught:
        load(Tree, Path("trees/t0.yaml"), library=Library(), kind="tree", folder="trees")
    said = "more than 256 files or 100,000 values are named in all; a spec needs a few"
    assert [problem.message for problem in caught.value.problems] == [said]


def test_files_that_name_very_many_values_are_refused() -> None:
    write("chips/big.yaml", "kind: chip\nram: 1\nbanks: [" + "0, " * 15_000 + "]")
    said = refusal("boards: [" + "{chip: big}, " * 10 + "]")
    assert said == "p.yaml:2:95: more than 256 files or 100,000 values are named in all; a spec needs a few"


def test_overrides_replace_values_in_order() -> None:
    write("chips/a.yaml", "kind: chip\nram: 1 KiB\nbanks: [1, 2]\n")
    write("chips/b.yaml", "kind: chip\nram: 2 KiB\n")
    text = "chip: a\nboards: [{chip: a}]\nwidths: [1]"
    assert plan(text, "widths=[1, 2]", "widths.0=9", "widths.1=7").widths == (9, 7)
    assert plan(text, "chip=b", "chip.ram=3 KiB").chip == Chip(name="b", ram=3072)
    assert plan(text, "chip.banks.1=5", "chip.name=new").chip == Chip(name="new", ram=1024, banks=(1, 5))
    assert plan(text, "chip=null").chip is None
    assert plan(text, "boards.0.chip.ram=7").boards == (Board(chip=Chip(name="a", ram=7, banks=(1, 2))),)
    assert plan(text, "boards.0.chip=b", "boards.0.chip.ram=8", "chip.ram=9").boards == (Board(chip=Chip(name="b", ram=8)),)
    assert plan(text, "by_role.x.ram=3").by_role == {"x": Chip(ram=3)}
    assert plan(text, "sound={kind: quiet, hush: 2}").sound == Quiet(hush=2.0)
    assert plan(text, "name=a=b").name == "a=b"


def test_an_overridden_path_starts_from_where_the_command_is_given() -> None:
    write("sub/p.yaml", "kind: plan\n")
    write("sub/chips/a.yaml", "kind: chip\nram: 1\n")
    write("mine.yaml", "kind: chip\nram: 2\n")
    values = [
        load(Plan, Path("sub/p.yaml"), library=Library(), kind="plan", overrides=[f"chip={name}"]).value.chip
        for name in ("a", "mine.yaml")
    ]
    assert values == [Chip(name="a", ram=1), Chip(name="mine", ram=2)]


OVERRIDES = {
    "widhts=[1]": "--set widhts=[1]: unknown key 'widhts'; did you mean 'widths'?",
    "widths=[x]": "--set widths=[x]: widths[0] is 'x'; a whole number was expected",
    "chip.rum=3": "--set chip.rum=3: unknown key 'rum' in chip; did you mean 'ram'?",
    "chip.core=m5": "--set chip.core=m5: chip.core is 'm5'; 'm4' or 'm7' was expected",
    "name.first=x": "--set name.first=x: 'name' holds 'p'; a mapping was expected",
    "name.first.second=x": "--set name.first.second=x: 'name' holds 'p'; a mapping was expected",
    "chip.ram.size=1": "--set chip.ram.size=1: 'chip.ram' holds 1; a mapping was expected",
    "widths.7=1": "--set widths.7=1: 'widths' holds a list; a mapping was expected",
    "widths": "--set widths: KEY=VALUE was expected, such as budgets.layers=47; dots separate nested keys",
    "=3": "--set =3: KEY=VALUE was expected, such as budgets.layers=47; dots separate nested keys",
    "a..b=3": "--set a..b=3: KEY=VALUE was expected, such as budgets.layers=47; dots separate nested keys",
    "widths=": "--set widths=: a value is missing after '='",
    "widths=[1": "--set widths=[1: a list or mapping in brackets is not closed, or lacks a ','",
    "widths=\0": "--set widths=\0: the character U+0000 is not text; a YAML file was expected",
    "kind=chip": "--set kind=chip: unknown key 'kind'; the keys here are name, chip, boards, by_role, sound, widths",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_overrides_that_do_not_fit_are_refused_where_they_were_given(override: str) -> None:
    write("chips/a.yaml", "kind: chip\nram: 1\n")
    assert refusal("chip: a\nwidths: [1, 2]", override) == OVERRIDES[override]


def test_all_bad_overrides_are_reported_at_once() -> None:
    assert len(refusal("", "a", "b", "c=[").splitlines()) == 3
    assert "KEY=VALUE was expected" in refusal("", ".".join("a" * 10_000) + "=1")


def test_a_document_that_was_read_is_not_changed() -> None:
    document = parse("kind: plan\nname: x\nwidths: [1]")
    before = document.root
    load(Plan, document, library=Library(), kind="plan", overrides=["widths=[2]"])
    assert document.root == before


def test_models_are_strict_and_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(Chip(ram=1), "ram", 2)  # noqa: B010 - the checkers know it is read-only
    with pytest.raises(ValueError, match="Extra inputs"):
        Chip(ram=1, rum=2)  # type: ignore[call-arg]
