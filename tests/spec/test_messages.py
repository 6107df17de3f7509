"""What does not fit a model, in our own words: a golden for every kind of mistake."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, StringConstraints, ValidationError, field_validator, model_validator

from qeopt.spec.document import parse
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load_text
from qeopt.spec.model import Block, build
from qeopt.spec.node import plain
from qeopt.spec.units import ByteSize, Count, PositiveByteSize
from qeopt.spec.wording import problems_of


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Region(Block):
    size: PositiveByteSize
    reserved: ByteSize = 0


class Choice(Block):
    choice: Annotated[tuple[int, ...], Field(min_length=1)]


class Range(Block):
    low: int
    high: int
    step: int = 8

    @model_validator(mode="after")
    def _is_ordered(self) -> "Range":
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self


class Circle(Block):
    kind: Literal["circle"] = "circle"
    radius: int


class Square(Block):
    kind: Literal["square"] = "square"
    side: int = 1


class Everything(Block):
    whole: Annotated[int, Field(ge=8, le=64, multiple_of=8)] = 8
    positive: Annotated[int, Field(gt=0)] = 1
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    flag: bool = True
    text: Annotated[str, StringConstraints(min_length=2, max_length=3, pattern="^[a-z]+$")] = "abc"
    colour: Colour = Colour.RED
    mode: Literal["fast", "slow"] = "fast"
    bits: tuple[Literal[2, 4, 8], ...] = ()
    some: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (1,)
    pair: tuple[int, str] | None = None
    table: dict[str, int] | None = None
    group: frozenset[int] = frozenset()
    flash: PositiveByteSize | Region | tuple[Region, ...] | None = None
    width: tuple[int, ...] | Range | Choice | int = 3
    names: Literal["all"] | tuple[str, ...] = "all"
    shape: Annotated[Circle | Square, Field(discriminator="kind")] = Square()
    count: Count | None = None
    folder: Path | None = None
    even: int = 2
    nested: "Everything | None" = None

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(f"{value} is odd; {{an even}} number was expected")
        return value


WORDS = {
    # Values of another type.
    "whole: x": "8: whole is 'x'; a whole number was expected",
    'whole: "8"': "8: whole is '8'; a whole number was expected",
    "whole: 8.0": "8: whole is 8.0; a whole number was expected",
    "whole: 1e9": "8: whole is 1000000000.0; a whole number was expected",
    "whole: true": "8: whole is true; a whole number was expected",
    "whole: .nan": "8: whole is nan; a whole number was expected",
    "whole:": "7: whole is null; a whole number was expected",
    "whole: [8]": "1: whole is a list; a whole number was expected",
    "whole: {a: 8}": "1: whole is a mapping; a whole number was expected",
    "share: x": "8: share is 'x'; a number was expected",
    "share: true": "8: share is true; a number was expected",
    "share: .inf": "8: share is inf; a finite number was expected",
    "flag: yes": "7: flag is 'yes'; true or false was expected",
    "flag: 1": "7: flag is 1; true or false was expected",
    "text: 3": "7: text is 3; a text was expected",
    "some: 3": "7: some is 3; a list was expected",
    "some: {a: 1}": "1: some is a mapping; a list was expected",
    "group: x": "8: group is 'x'; a list was expected",
    "table: [1]": "1: table is a list; a mapping was expected",
    "folder: 3": "9: folder is 3; a text was expected",
    # Values out of range or not among a few.
    "whole: 0": "8: whole is 0; at least 8 was expected",
    "whole: 72": "8: whole is 72; at most 64 was expected",
    "whole: 9": "8: whole is 9; a multiple of 8 was expected",
    "positive: -3": "11: positive is -3; more than 0 was expected",
    "share: 1": "8: share is 1; less than 1.0 was expected",
    "text: a": "7: text is 'a'; at least 2 characters were expected",
    "text: abcd": "7: text is 'abcd'; at most 3 characters were expected",
    "text: A1": "7: text is 'A1'; a text that matches ^[a-z]+$ was expected",
    "colour: gren": "9: colour is 'gren'; 'red' or 'green' was expected; did you mean 'green'?",
    "colour: 3": "9: colour is 3; 'red' or 'green' was expected",
    "mode: medium": "7: mode is 'medium'; 'fast' or 'slow' was expected",
    "bits: [2, 3]": "11: bits[1] is 3; 2, 4 or 8 was expected",
    "some: []": "1: some is empty; at least 1 item was expected",
    "some: [1, 2, 3]": "1: some has 3 items; at most 2 items were expected",
    "pair: [1]": "1: pair has too few items",
    "pair: []": "1: pair has too few items",
    "pair: [1, x, 2]": "1: pair has 3 items; at most 2 items were expected",
    "pair: [x, x]": "8: pair[0] is 'x'; a whole number was expected",
    "table: {a: x, 'b c': y}": "12: table.a is 'x'; a whole number was expected\n"
    "22: table.'b c' is 'y'; a whole number was expected",
    # Rules of our own.
    "even: 3": "7: even: 3 is odd; {an even} number was expected",
    "width: {low: 9, high: 8}": "1: width: low (9) is above high (8)",
    "count: 1.5": "8: count: got 1.5; a whole number was expected",
    "count: 0": "8: count: got 0; more than zero was expected",
    "count: -60 M": "8: count: got '-60 M'; more than zero was expected",
    # Keys.
    "wole: 8": "1: unknown key 'wole'; did you mean 'whole'?",
    "nested: {nested: {posit: 1}}": "19: unknown key 'posit' in nested.nested; did you mean 'positive'?",
    "shape: {kind: square, zzz: 1}": "23: unknown key 'zzz' in shape; the keys here are kind, side",
    "shape: {kind: circle, radus: 1}": "23: unknown key 'radus' in shape, and 'radius' is missing; did you mean 'radius'?",
    "shape: {kind: circle}": "1: missing 'radius' in shape",
    '"a\\nb": 1': "1: unknown key 'a\\nb'; the keys here are "
    "whole, positive, share, flag, text, colour, mode, bits, some, pair, table, group, flash, width, names, shape, count, "
    "folder, even, nested",
    # Tagged unions.
    "shape: {kind: cirle}": "1: shape: kind is 'cirle'; 'circle' or 'square' was expected; did you mean 'circle'?",
    "shape: {radius: 1}": "1: missing 'kind' in shape",
    "shape: 3": "8: shape is 3; a mapping was expected",
    # Other unions: what the member of the right shape says, or what all of them expected.
    "flash: 12kB": "8: flash: '12kB' could mean 12,000 or 12,288 bytes; write 12000 B or 12 KiB",
    "flash: 0": "8: flash: got 0; more than zero was expected",
    "flash: {size: 0, x: 1}": "15: flash.size: got 0; more than zero was expected\n"
    "18: unknown key 'x' in flash; the keys here are size, reserved",
    "flash: {siz: 1}": "9: unknown key 'siz' in flash, and 'size' is missing; did you mean 'size'?",
    "flash: [{siz: 1}, 3]": "10: unknown key 'siz' in flash[0], and 'size' is missing; did you mean 'size'?\n"
    "19: flash[1] is 3; a mapping was expected",
    "width: {low: 8}": "1: missing 'high' in width",
    "width: {low: 8, hig: 9}": "17: unknown key 'hig' in width, and 'high' is missing; did you mean 'high'?",
    "width: {choices: [1]}": "9: unknown key 'choices' in width, and 'choice' is missing; did you mean 'choice'?",
    "width: {choice: []}": "9: width.choice is empty; at least 1 item was expected",
    "width: [1, x]": "12: width[1] is 'x'; a whole number was expected",
    "width: 3.5": "8: width is 3.5; a list, a mapping or a whole number was expected",
    "names: al": "8: names is 'al'; 'all' or a list was expected; did you mean 'all'?",
    "names: [3]": "9: names[0] is 3; a text was expected",
    "names: {a: 1}": "1: names is a mapping; 'all' or a list was expected",
}


@pytest.mark.parametrize("text", WORDS)
def test_every_mistake_has_its_words(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_text(Everything, f"kind: x\n{text}", library=Library(), kind="x", name="f.yaml")
    assert str(caught.value) == "\n".join(f"f.yaml:2:{line}" for line in WORDS[text].split("\n"))


def test_a_whole_number_is_a_number_and_a_list_is_a_tuple() -> None:
    data = {"share": 0.25, "bits": [2, 8], "group": [1, 1], "colour": "green", "pair": [1, "x"], "flash": "1 KiB", "width": [8]}
    value = build(Everything, plain(parse(str(data)).root))
    assert (value.bits, value.group, value.colour, value.pair) == ((2, 8), frozenset({1}), Colour.GREEN, (1, "x"))
    assert (value.flash, value.width) == (1024, (8,))


def test_all_mistakes_are_reported_by_place() -> None:
    text = "kind: x\nwhole: 9\nflagg: true\nshape: {kind: circle}\nbits: [1, 2, 3]\n"
    with pytest.raises(SpecError) as caught:
        load_text(Everything, text, library=Library(), kind="x", name="f.yaml")
    assert [str(problem.location) for problem in caught.value.problems] == [
        "f.yaml:2:8",
        "f.yaml:3:1",
        "f.yaml:4:1",
        "f.yaml:5:8",
        "f.yaml:5:14",
    ]


def test_of_very_many_mistakes_the_first_are_shown() -> None:
    with pytest.raises(SpecError) as caught:
        load_text(Everything, "kind: x\nwhole: 9\n" + "".join(f"key{n}: 1\n" for n in range(9_000)), library=Library(), kind="x")
    *shown, last = str(caught.value).splitlines()
    assert (len(shown), last) == (100, "and more; put these right first")
    assert shown[0] == "<text>:2:8: whole is 9; a multiple of 8 was expected"


class Loose(BaseModel):
    """Not strict: gives the types of error that strict models never give."""

    number: int = 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"number": "x"}', "number is 'x'; a whole number was expected"),
        ('{"number": 1.5}', "number is 1.5; a whole number was expected"),
    ],
)
def test_errors_of_lax_models_have_words_too(data: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Loose.model_validate_json(data)
    problems = problems_of(caught.value, parse(data).root, Everything)
    assert [problem.message for problem in problems] == [message]
