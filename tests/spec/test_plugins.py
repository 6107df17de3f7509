"""Parts by name: the project's own table, and what others install."""

import json
import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import pytest

from qeopt.spec import plugins as module
from qeopt.spec.errors import Location, PluginError, SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load_text
from qeopt.spec.model import Block
from qeopt.spec.plugins import Table, union_of
from qeopt.spec.schema import json_schema


class Round(Block):
    kind: Literal["round"] = "round"
    radius: int = 1


class Square(Block):
    kind: Literal["square"] = "square"
    side: tuple[int, ...]


TABLE = Table("shapes", {"round": "shapes_of_a_test:Round", "square": "shapes_of_a_test:Square", "text": "json:dumps"})


if TYPE_CHECKING:
    AnyShape = Block
else:
    AnyShape = union_of(TABLE)


class Drawing(Block):
    shape: AnyShape


@pytest.fixture(autouse=True)
def shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for an installed module that defines the shapes."""

    shapes = ModuleType("shapes_of_a_test")
    shapes.__dict__.update(Round=Round, Square=Square)
    monkeypatch.setitem(sys.modules, shapes.__name__, shapes)


def installed(monkeypatch: pytest.MonkeyPatch, **targets: str) -> None:
    parts = tuple(sorted(targets.items()))
    monkeypatch.setattr(module, "installed_parts", lambda group: parts if group == "qeopt.shapes" else ())


def test_what_is_installed_is_found_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    points = (EntryPoint("b", "json:loads", "qeopt.x"), EntryPoint("a", "json:dumps", "qeopt.x"))
    monkeypatch.setattr(module, "entry_points", lambda group: points if group == "qeopt.things_of_a_test" else ())
    assert Table("things_of_a_test", {}).names() == ("a", "b")
    assert Table("nothing_of_a_test", {}).names() == ()


def test_built_in_names_come_first_and_cannot_be_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, zigzag="json:loads", arc="json:load", text="json:loads")
    assert TABLE.names() == ("round", "square", "text", "arc", "zigzag")
    assert TABLE.load("text") is json.dumps
    assert TABLE.load("zigzag") is json.loads


def test_an_unknown_name_is_said_with_the_nearest() -> None:
    with pytest.raises(SpecError) as caught:
        TABLE.load("rond", location=Location("f.yaml", 1, 2))
    assert (
        str(caught.value)
        == "f.yaml:1:2: 'rond' is not among the shapes; 'round', 'square' or 'text' was expected; did you mean 'round'?"
    )


@pytest.mark.parametrize("target", ["no_such_module_here:x", "json:no_such_attribute", "", "json", ":x", "json:"])
def test_a_part_that_cannot_be_imported_is_named(target: str) -> None:
    with pytest.raises(
        PluginError, match=r"^'bad' of the shapes .* cannot be loaded: .*; reinstall or remove the package that brings it$"
    ):
        Table("shapes", {"bad": target}).load("bad")


def test_the_part_that_is_named_checks_the_options() -> None:
    def drawing(text: str) -> Drawing:
        return load_text(Drawing, f"kind: drawing\n{text}", library=Library(), kind="drawing", name="d.yaml").value

    assert drawing("shape: {kind: square, side: [1, 2]}").shape == Square(side=(1, 2))
    assert drawing("shape: round").shape == Round()
    assert drawing("shape: round").model_dump() == {"shape": {"kind": "round", "radius": 1}}
    assert Drawing(shape=Round(radius=3)).model_dump_json() == '{"shape":{"kind":"round","radius":3}}'
    said = {}
    for text in (
        "square",
        "{kind: round, radus: 3}",
        "{kind: square, side: [x, 1.5]}",
        "{kind: oval}",
        "{radius: 3}",
        "[1]",
        "{kind: 3}",
    ):
        with pytest.raises(SpecError) as caught:
            drawing(f"shape: {text}")
        said[text] = str(caught.value)
    assert said == {
        "square": "d.yaml:2:8: missing 'side' in shape",
        "{kind: round, radus: 3}": "d.yaml:2:22: unknown key 'radus' in shape; did you mean 'radius'?",
        "{kind: square, side: [x, 1.5]}": "d.yaml:2:30: shape.side[0] is 'x'; a whole number was expected\n"
        "d.yaml:2:33: shape.side[1] is 1.5; a whole number was expected",
        "{kind: oval}": "d.yaml:2:15: shape.kind: 'oval' is not among the shapes; 'round', 'square' or 'text' was expected",
        "{radius: 3}": "d.yaml:2:1: shape: missing 'kind'; 'round', 'square' or 'text' was expected",
        "[1]": "d.yaml:2:1: shape: a mapping with 'kind' was expected; the kinds are 'round', 'square' or 'text'",
        "{kind: 3}": "d.yaml:2:15: shape.kind: got 3; a name was expected",
    }


def test_a_part_that_is_no_block_cannot_check_options() -> None:
    with pytest.raises(PluginError, match=r"^'text' of the shapes is not a subclass of qeopt\.spec\.model\.Block$"):
        load_text(Drawing, "kind: drawing\nshape: {kind: text}", library=Library(), kind="drawing")


def test_the_schema_holds_the_options_of_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "names", lambda table: ("round", "square"))
    name, *options = json_schema(Drawing, "drawing")["properties"]["shape"]["anyOf"]
    assert name == {"type": "string", "enum": ["round", "square"]}
    assert [sorted(option["properties"]) for option in options] == [["kind", "radius"], ["kind", "side"]]
    assert options[1]["required"] == ["side"]
