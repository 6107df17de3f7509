"""JSON Schema of a kind of file, as editors use it."""

from typing import Annotated

from pydantic import Field

from qeopt.spec.model import Block, Reference
from qeopt.spec.schema import json_schema
from qeopt.spec.units import Count, PositiveByteSize


class Chip(Block):
    ram: PositiveByteSize
    """What a program may use."""


class Board(Block):
    chip: Annotated[Chip, Reference("chip", "chips")]
    spare: Annotated[Chip, Reference("chip", "chips")] | None = None
    macs: Count | None = None
    widths: Annotated[tuple[int, ...], Field(min_length=1)] = (8,)


def test_the_schema_of_a_file() -> None:
    schema = json_schema(Board, "board")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["kind"]
    assert schema["anyOf"] == [{"required": ["extends"]}, {"required": ["chip"]}]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == ["kind", "extends", "chip", "spare", "macs", "widths"]
    assert schema["properties"]["kind"]["const"] == "board"
    assert schema["properties"]["extends"]["type"] == "string"


def test_a_reference_is_a_name_or_the_object_or_changes_to_a_named_one() -> None:
    schema = json_schema(Board, "board")
    name = {"type": "string", "description": "Name or path of a chip."}
    changes = {"type": "object", "properties": {"extends": name}, "required": ["extends"]}
    chip = [name, {"$ref": "#/$defs/Chip"}, changes]
    assert schema["properties"]["chip"]["anyOf"] == chip
    assert schema["properties"]["spare"]["anyOf"] == [*chip, {"type": "null"}]


def test_sizes_and_counts_are_numbers_or_texts_and_fields_are_described() -> None:
    schema = json_schema(Board, "board")
    ram = schema["$defs"]["Chip"]["properties"]["ram"]
    assert ram["anyOf"] == [{"type": "integer", "minimum": 1}, {"type": "string", "examples": ["256 KiB"]}]
    assert ram["description"] == "What a program may use."
    count = schema["properties"]["macs"]["anyOf"]
    assert count == [{"type": "integer", "minimum": 1}, {"type": "string", "examples": ["60 M"]}, {"type": "null"}]


def test_a_file_without_required_fields_needs_only_its_kind() -> None:
    class Options(Block):
        volume: int = 1

    schema = json_schema(Options, "options")
    assert "anyOf" not in schema
    assert schema["required"] == ["kind"]
