"""JSON Schema of a kind of file, for editors."""

from __future__ import annotations

from typing import Any

from qeopt.spec.model import Block

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(model: type[Block], kind: str) -> dict[str, Any]:
    """Return the JSON Schema of the files of one kind: the model's fields, ``kind:`` and ``extends:``.

    Nothing but ``kind`` is required, because a file that extends another may leave out all the rest.
    """
    schema = model.model_json_schema(mode="validation")
    own = {
        "kind": {"const": kind, "description": "What this file is."},
        "extends": {"type": "string", "description": f"Name or path of the {kind} that this one changes."},
    }
    required = schema.pop("required", [])
    schema["properties"] = {**own, **schema.get("properties", {})}
    schema["required"] = ["kind"]
    if required:
        schema["anyOf"] = [{"required": ["extends"]}, {"required": required}]
    return {"$schema": DIALECT, **schema}
