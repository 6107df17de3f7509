"""The design itself, and the schema of its layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Literal

from qeopt.design import Design
from qeopt.files import write_atomically
from qeopt.spec.model import Block


class DesignJson(Block):
    """The design as JSON; every other format follows from it."""

    SUFFIX: ClassVar[str] = ".json"

    kind: Literal["json"] = "json"
    """Says that this is the design's own format."""
    with_schema: bool = True
    """Write the JSON schema beside it, as NAME.schema.json."""

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the design, and its schema if asked for."""
        design.save(out)
        if not self.with_schema:
            return (out,)
        schema = out.with_suffix(".schema.json")
        write_atomically(schema, json.dumps(Design.model_json_schema(mode="serialization"), indent=1) + "\n")
        return out, schema
