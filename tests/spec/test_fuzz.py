"""Whatever a file holds, it is read, or refused with located problems; nothing else ever escapes, and nothing is printed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from qeopt.spec.document import parse, read
from qeopt.spec.errors import Location, SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load, load_text
from qeopt.spec.model import Block, Reference
from qeopt.spec.node import Mapping, Node, Sequence, plain
from qeopt.spec.plugins import Table, union_of
from qeopt.spec.scalars import resolve_plain
from qeopt.spec.units import Count, PositiveByteSize

FUZZ = settings(derandomize=True, deadline=None, max_examples=300, suppress_health_check=[*HealthCheck])


class Range(Block):
    kind: Literal["range"] = "range"
    low: int
    high: int


class Fixed(Block):
    kind: Literal["fixed"] = "fixed"
    value: int | tuple[int, ...]


class Chip(Block):
    name: str = ""
    ram: PositiveByteSize | tuple[PositiveByteSize, ...]
    parts: dict[str, Annotated["Chip", Reference("chip", "chips")]] = Field(default_factory=dict)


if TYPE_CHECKING:
    AnyRange = Block
else:
    AnyRange = union_of(Table("ranges", {"range": f"{__name__}:Range", "fixed": f"{__name__}:Fixed"}))


class Plan(Block):
    name: str = ""
    chip: Annotated[Chip, Reference("chip", "chips")]
    width: Annotated[Range | Fixed, Field(discriminator="kind")] | None = None
    depth: Range | Fixed | int = 1
    height: AnyRange = Fixed(value=1)
    count: Count | None = None
    chips: tuple[Annotated[Chip, Reference("chip", "chips")], ...] = ()


VALID = """\
kind: plan  # what this is
extends: base
chip: {extends: small, ram: 256 KiB}
width: &w
  kind: range
  low: 1
  high: 8
depth: *w
height: {kind: fixed, value: [1, 2]}
count: 60 M
chips:
  - small
  - ram: [1 KiB, "2 KiB"]
    parts: {a: small, b: {ram: 1 MiB}}
"""

PIECES = (
    *(
        "\n",
        " ",
        "  ",
        "\t",
        ":",
        ": ",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "#",
        " #",
        "&a ",
        "*a",
        "*w",
        "!",
        "!!int ",
        "|",
        ">",
    ),
    *(
        "%",
        "---\n",
        "...\n",
        "<<: ",
        "@",
        "`",
        "\\",
        "\r",
        "\u2028",
        "\x85",
        "\ufeff",
        "é",
        "\x00",
        "\ud800",
        "~",
        ".inf",
        "1e9",
        "0x",
        "0o9",
    ),
    *(
        "kind: ",
        "extends: ",
        "base",
        "small",
        "plan",
        "chip",
        "ram",
        "parts",
        "null",
        "true",
        "kB",
        "-1",
        "9" * 30,
        "../",
        "a/b",
        ".yaml",
        "/",
    ),
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the files that the valid text names."""
    monkeypatch.chdir(tmp_path)
    Path("chips").mkdir()
    Path("base.yaml").write_text("kind: plan\nchip: small\n")
    Path("chips/small.yaml").write_text("kind: chip\nram: 128 KiB\n")


VALID_CHIP = """\
kind: chip
extends: small
ram: &r [256 KiB, 1 MiB, 3]
parts:
  one: {ram: *r}
  two: small
  three: {extends: small, parts: {four: small}}
"""


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """A valid text with a few pieces cut, put in, or repeated."""
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        piece = draw(st.sampled_from(PIECES) | st.just("") | st.just(text[start : start + 40]))
        text = text[:start] + piece + text[start + length :]
    return text


def load_or_refuse(text: str, *overrides: str) -> None:
    try:
        load_text(Plan, text, library=Library(), kind="plan", name="f.yaml", overrides=overrides)
    except SpecError as error:
        located = [problem.location is not None and bool(problem.message) for problem in error.problems]
        said = str(error)
    else:
        located, said = [True], "fine"
    assert located
    assert all(located)
    assert "pydantic" not in said


def test_the_text_that_is_mutated_is_valid() -> None:
    value = load_text(Plan, VALID, library=Library(), kind="plan", name="f.yaml").value
    assert value.chips[1].parts["a"] == Chip(name="small", ram=131072)
    assert value.height == Fixed(value=(1, 2))
    assert value.depth == value.width == Range(low=1, high=8)


def test_the_named_text_that_is_mutated_is_valid() -> None:
    value = load_text(Chip, VALID_CHIP, library=Library(), kind="chip", folder="chips", name="f.yaml").value
    assert value.parts["three"].parts["four"].ram == value.parts["two"].ram == 131072


@FUZZ
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda junk: VALID.encode() + junk))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    path = Path("junk.yaml")
    path.write_bytes(content)
    try:
        root: Node | None = read(path).root
    except SpecError as error:
        root = None
        said = [problem.location for problem in error.problems]
    assert isinstance(root, Mapping) or (said and all(place is not None and place.file == "junk.yaml" for place in said))


@FUZZ
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_syntax_is_read_or_refused(text: str) -> None:
    load_or_refuse(text)


@FUZZ
@given(mutated(VALID))
def test_any_mistake_in_a_file_is_refused(text: str) -> None:
    load_or_refuse(text)


@FUZZ
@given(mutated(VALID_CHIP))
def test_any_mistake_in_a_named_file_is_refused(text: str) -> None:
    Path("chips/mutant.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    load_or_refuse("kind: plan\nchip: mutant\nchips: [mutant, {extends: mutant}]")


@FUZZ
@given(st.lists(st.sampled_from((*PIECES, "=", ".", "chip.", "chips.0.", "depth")), max_size=12).map("".join))
def test_any_override_is_applied_or_refused(text: str) -> None:
    load_or_refuse(VALID, text)


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8
)
KEYS = st.sampled_from(("name", "chip", "width", "depth", "count", "chips", "ram", "parts", "kind", "low", "extends"))


@FUZZ
@given(st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=4), max_size=5))
def test_any_values_in_any_place_are_read_or_refused(values: dict[str, object]) -> None:
    load_or_refuse(as_flow({"kind": "plan", **values}))


def as_flow(value: object) -> str:
    """Write a value as YAML in brackets, texts in quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_flow(key)}: {as_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_flow, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    return {"None": "null", "True": "true", "False": "false", "inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(
        str(value), repr(value)
    )


# The merge key is refused, so no key may be '<<'.
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f<"), max_size=8)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | PRINTABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PRINTABLE, inner, max_size=4),
    max_leaves=20,
)


@FUZZ
@given(st.dictionaries(PRINTABLE, TREES, max_size=4))
def test_what_is_written_is_what_is_read(value: dict[str, object]) -> None:
    root = parse(as_flow(value)).root
    assert plain(root) == value
    assert all(place.line == 1 for place in places(root))


def places(node: Node) -> list[Location]:
    if isinstance(node, Mapping):
        return [node.location, *(place for entry in node.entries for place in (entry.location, *places(entry.value)))]
    if isinstance(node, Sequence):
        return [node.location, *(place for item in node.items for place in places(item))]
    return [node.location]


@FUZZ
@given(st.text(max_size=30) | st.floats().map(repr) | st.integers().map(str))
def test_any_plain_scalar_has_a_value(text: str) -> None:
    try:
        value = resolve_plain(text)
    except ValueError:
        value = None
    assert value is None or isinstance(value, str | int | float | bool)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    load_or_refuse(VALID)
    load_or_refuse("kind: plan\nchip: nowhere\nwidth: {}\n")
    path = Path("p.yaml")
    path.write_text(VALID)
    load(Plan, path, library=Library(), kind="plan")
    assert capfd.readouterr() == ("", "")
