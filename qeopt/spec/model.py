"""The base of every model a YAML block is checked against, and the mark of a field that may name another file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic_core import core_schema

from qeopt.spec.docstrings import field_docs
from qeopt.spec.node import Plain


class Block(BaseModel):
    """A YAML mapping: frozen, strict, no unknown keys, every field documented by the docstring below it.

    Use tuples, never lists or dicts: `frozen` is shallow. A number is never read from a text or a bool.
    Data that came from YAML or JSON is checked by `build`, not by `model_validate`: only JSON semantics take a list for
    a tuple and a text for an enum while staying strict otherwise.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", revalidate_instances="never", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema with the docstrings of fields in it; they are read here, as reading them takes longer than all else."""
        found = handler(schema)
        cls.describe(handler.resolve_ref_schema(found))
        return found

    @classmethod
    def describe(cls, schema: dict[str, Any]) -> dict[str, Any]:
        """Give the properties of a schema of this class the docstrings of its fields, where they have no description."""
        properties = schema.get("properties", {})
        for name, text in field_docs(cls).items():
            field = cls.model_fields.get(name)
            key = name if field is None or field.alias is None else field.alias
            if key in properties:
                properties[key].setdefault("description", text)
        return schema


BlockT = TypeVar("BlockT", bound=Block)


@dataclass(frozen=True, slots=True)
class Reference:
    """Marks a field whose YAML may be a name, a path or an inline mapping: ``Annotated[Device, Reference("device", "devices")]``.

    Attributes:
        kind: What the ``kind:`` of the named file must say.
        folder: The folder in which a bare name is looked up; empty for none.
        foreign: Endings of files that are no YAML; a name with one of them stands for the mapping ``{file: NAME}``.
    """

    kind: str
    folder: str
    foreign: tuple[str, ...] = ()

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: Any) -> dict[str, Any]:
        """Return the schema of the field: a name or path, the object itself, or changes to a named one."""
        name = {"type": "string", "description": f"Name or path of a {self.kind}."}
        changes = {"type": "object", "properties": {"extends": name}, "required": ["extends"]}
        return {"anyOf": [name, handler(schema), changes]}


def build(model: type[BlockT], data: Plain) -> BlockT:
    """Return `data` (dicts, lists, scalars, as YAML gives them) as a model, strictly.

    Raises:
        pydantic.ValidationError: It does not fit. `qeopt.spec.load` turns this into places and our own words.
    """
    return model.model_validate_json(json.dumps(data))
