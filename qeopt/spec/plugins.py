"""Parts that can be added without touching this project: a plain table of strings, and entry points of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from qeopt.spec.errors import Location, PluginError, SpecError, did_you_mean, one_of, quote
from qeopt.spec.model import Block, build


@dataclass(frozen=True)
class Table:
    """The parts of one kind, by name, imported on use.

    Attributes:
        kind: What they are; others add theirs under the entry-point group ``qeopt.<kind>``.
        builtin: ``module:attribute`` of those of this project. A built-in name cannot be taken over.
    """

    kind: str
    builtin: Mapping[str, str]

    def names(self) -> tuple[str, ...]:
        """Return all names: the project's own in the order of the table, then those installed, sorted."""
        return tuple(self._targets())

    def load(self, name: str, *, location: Location | None = None) -> Any:
        """Import and return the part called `name`.

        Raises:
            SpecError: There is none of that name.
            PluginError: It cannot be imported.
        """
        targets = self._targets()
        if name not in targets:
            raise SpecError.at(location, self.unknown(name))
        module, _, attribute = targets[name].partition(":")
        try:
            return getattr(import_module(module), attribute)
        except Exception as error:  # a stranger's module may fail at import in any way
            said = f"the {self.kind} '{name}' ({targets[name]}) cannot be loaded: {type(error).__name__}: {error}"
            raise PluginError(f"{said}; reinstall or remove the package that brings it") from error

    def unknown(self, name: str) -> str:
        """Return the message for a name that is not in the table."""
        names = self.names()
        return f"there is no {self.kind} {quote(name)}; {one_of(names)} was expected{did_you_mean(name, names)}"

    def _targets(self) -> dict[str, str]:
        installed = {point.name: point.value for point in entry_points(group=f"qeopt.{self.kind}")}
        return {**self.builtin, **{name: installed[name] for name in sorted(installed) if name not in self.builtin}}


@dataclass(frozen=True)
class Plugged:
    """Marks a field whose mapping is checked by the part its ``kind:`` names: ``Annotated[SerializeAsAny[Base], Plugged(TABLE)]``.

    Every part of the table must be a subclass of `Block` that declares ``kind: Literal[NAME] = NAME``. A bare text stands
    for a mapping that gives only the kind. The part is imported when a value is checked, not before.
    """

    table: Table

    def options(self, name: str) -> type[Block]:
        """Return the model of the part called `name`.

        Raises:
            SpecError, PluginError: As `Table.load`; also if the part is not a subclass of `Block`.
        """
        model = self.table.load(name)
        if not (isinstance(model, type) and issubclass(model, Block)):
            raise PluginError(f"the {self.table.kind} '{name}' is not a subclass of qeopt.spec.model.Block")
        return model

    def check(self, value: Any) -> Block:
        """Return the checked options of a value.

        Raises:
            ValueError: It names no known part, or (as a pydantic error) does not fit the part it names.
        """
        if isinstance(value, Block):
            return value
        if isinstance(value, str):
            value = {"kind": value}
        names = self.table.names()
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            raise ValueError(f"a mapping with 'kind:' was expected; the kinds are {one_of(names)}")
        if value["kind"] not in names:
            raise ValueError(self.table.unknown(value["kind"]))
        return build(self.options(value["kind"]), value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check values by the part they name; write them out by what they are."""
        serialization = core_schema.plain_serializer_function_ser_schema(lambda block: block.model_dump(), when_used="always")
        return core_schema.no_info_plain_validator_function(self.check, serialization=serialization)

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return a schema that knows the names but not the options, so that no part is imported."""
        kind = {"type": "string", "enum": list(self.table.names())}
        return {"anyOf": [kind, {"type": "object", "properties": {"kind": kind}, "required": ["kind"]}]}
