"""Parts that can be added without touching this project: a plain table of strings, and entry points of the same kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from traceback import walk_tb
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from qeopt.spec.errors import Location, PluginError, QeoptError, SpecError, did_you_mean, one_of, quote
from qeopt.spec.model import Block, build


@dataclass(frozen=True)
class Table:
    """The parts of one kind, by name, imported on use.

    Attributes:
        kind: What they are, in the plural; others add theirs under the entry-point group ``qeopt.<kind>``.
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
            said = f"'{name}' of the {self.kind} ({targets[name]}) cannot be loaded: {type(error).__name__}: {error}"
            raise PluginError(f"{said}; reinstall or remove the package that brings it") from error

    def unknown(self, name: str) -> str:
        """Return the message for a name that is not in the table."""
        names = self.names()
        return f"{quote(name)} is not among the {self.kind}; {one_of(names)} was expected{did_you_mean(name, names)}"

    def _targets(self) -> dict[str, str]:
        installed = {name: target for name, target in installed_parts(f"qeopt.{self.kind}") if name not in self.builtin}
        return {**self.builtin, **installed}


@cache
def installed_parts(group: str) -> tuple[tuple[str, str], ...]:
    """Return name and ``module:attribute`` of the entry points of a group, sorted; read once, as that takes milliseconds."""
    return tuple(sorted((point.name, point.value) for point in entry_points(group=group)))


def named(error: Exception) -> PluginError | None:
    """Name the plug-in that an exception came out of, by its entry point; None where it came out of none."""
    groups = [group for group in entry_points().groups if group.startswith("qeopt.")]
    points = [point for group in sorted(groups) for point in entry_points(group=group)]
    for frame, _ in walk_tb(error.__traceback__):
        outer = frame.f_code.co_qualname.partition(".")[0]
        of_module = [point for point in points if point.module == frame.f_globals.get("__name__")]
        for point in sorted(of_module, key=lambda point: point.attr != outer)[:1]:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            return PluginError(f"the plug-in {point.name!r} of {point.group} ({point.value}) fails with {said}")
    return None


@contextmanager
def naming_plugins() -> Iterator[None]:
    """Let no exception of a plug-in out without its name: its traceback gets lost on the way from another process.

    Raises:
        PluginError: in place of an exception that came out of a plug-in; those that users can put right stay as they are.
    """
    try:
        yield
    except QeoptError:
        raise
    except Exception as error:
        found = named(error)
        if found is None:
            raise
        raise found from error


def union_of(table: Table) -> Any:
    """Return the annotation "a model of `table`, told apart by ``kind:``"; see `Plugged`."""
    return Annotated[Any, Plugged(table)]


@dataclass(frozen=True)
class Plugged:
    """Marks a field whose mapping is checked by the part of a table that its ``kind:`` names.

    Every part of the table must be a `Block` that declares ``kind: Literal[NAME] = NAME``. A bare text stands for a mapping
    that gives only the kind. A part is imported when a value names it, so that a broken one hurts nobody else.
    """

    table: Table

    def options(self, name: str) -> type[Block]:
        """Return the model of the part called `name`.

        Raises:
            SpecError, PluginError: As `Table.load`; also if the part is not a `Block`.
        """
        model = self.table.load(name)
        if not (isinstance(model, type) and issubclass(model, Block)):
            raise PluginError(f"'{name}' of the {self.table.kind} is not a subclass of qeopt.spec.model.Block")
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
        if not isinstance(value, dict):
            raise ValueError(f"a mapping with 'kind' was expected; the kinds are {one_of(self.table.names())}")
        kind = value.get("kind")
        if not (isinstance(kind, str) and kind in self.table.names()):
            raise _bad_kind(self._complaint(kind), value)
        return build(self.options(kind), value)

    def _complaint(self, kind: object) -> str:
        if kind is None:
            return f"missing 'kind'; {one_of(self.table.names())} was expected"
        return self.table.unknown(kind) if isinstance(kind, str) else f"got {quote(kind)}; a name was expected"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check values by the part they name; write them out by what they are."""
        serialization = core_schema.plain_serializer_function_ser_schema(_dump, info_arg=True)
        return core_schema.no_info_plain_validator_function(self.check, serialization=serialization)

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema: a bare name, or the options of any part."""
        names = self.table.names()
        options = [model.describe(handler(model.__pydantic_core_schema__)) for model in map(self.options, names)]
        return {"anyOf": [{"type": "string", "enum": list(names)}, *options]}


def _bad_kind(message: str, value: dict[str, Any]) -> ValidationError:
    # Braces in the message would be read as placeholders.
    error = PydanticCustomError("value_error", "{error}", {"error": message})
    return ValidationError.from_exception_data("kind", [InitErrorDetails(type=error, loc=("kind",), input=value.get("kind"))])


def _dump(block: Any, info: core_schema.SerializationInfo) -> Any:
    return block.model_dump(mode=info.mode, exclude_defaults=info.exclude_defaults, exclude_unset=info.exclude_unset)
