"""Two pages that are made while the others are built: the keys of files, from their schemas, and the options of verbs, from help.

A hook of mkdocs (see `mkdocs.yml`); nothing of them is in the repository, so nothing can fall behind.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from typer.main import get_command

from qeopt.cli.verbs import PANELS, app
from qeopt.escape import yaml_flow
from qeopt.study.file_kinds import KINDS, schema_of

FILES, VERBS = "reference-files.md", "reference-verbs.md"
Schema = Mapping[str, Any]


def on_files(files: Any, config: Any) -> Any:
    """Add both pages."""
    from mkdocs.structure.files import File  # noqa: PLC0415  # only where pages are built

    for name, page in ((FILES, files_page()), (VERBS, verbs_page())):
        files.append(File.generated(config, name, content=page))
    return files


def files_page() -> str:
    """The keys of every kind of file."""
    schemas = {name: schema_of(kind) for name, kind in KINDS.items()}
    tables = _Tables(schemas)
    lines = ["# Keys of files", "", "What `qeopt schema` gives to editors, in words. A key without a default is needed;"]
    lines += ["where a file `extends` another, that one may have it."]
    for name, schema in schemas.items():
        lines += ["", f"## Files of the kind `{name}`", ""]
        for form in _forms(schema):
            lines += tables.of(form, schema.get("$defs", {}))
    lines += ["", "## Blocks", ""]
    while tables.waiting:
        title, (block, names) = tables.waiting.popitem(last=False)
        lines += [f"### {title}", "", *tables.of(block, names)]
    return "\n".join(lines) + "\n"


def _forms(schema: Schema) -> list[Schema]:
    """The ways in which a file of one kind may be written; a schema that has keys is the only one."""
    return [schema] if len(schema.get("properties", ())) > 1 else schema["anyOf"]


class _Tables:
    """Tables of keys, and the blocks that they speak of and that are not told yet."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self.names: Schema = {}
        """What references stand for in the schema that is told now."""
        self.waiting: OrderedDict[str, tuple[Schema, Schema]] = OrderedDict()
        self.places = {_identity(form): f"files-of-the-kind-{name}" for name, schema in schemas.items() for form in _forms(schema)}
        self.titles = _titles(schemas)

    def of(self, schema: Schema, names: Schema) -> Iterator[str]:
        self.names = names
        if schema.get("description"):
            yield from (_cell(schema["description"]), "")
        if "properties" not in schema:
            yield from (f"{self.words(schema)}.", "")
            return
        needed = set(schema.get("required", ()))
        for option in schema.get("anyOf", ()):  # a file may extend another instead
            needed |= set(option["required"])
        needed.discard("extends")
        yield from ("| key | values | default | meaning |", "|---|---|---|---|")
        for key, value in schema["properties"].items():
            default = "" if key in needed else _default(value.get("default"))
            yield f"| `{key}` | {_cell(self.words(value))} | {default} | {_cell(value.get('description', ''))} |"
        yield ""

    def words(self, schema: Schema) -> str:
        """What a value may be."""
        if "$ref" in schema:
            return self._link(self.names[schema["$ref"].rsplit("/", 1)[1]])
        if "properties" in schema and "title" in schema:
            return self._link(schema)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return " or ".join(dict.fromkeys(self.words(option) for option in schema[key]))
        if "prefixItems" in schema:
            said = [self.words(part) for part in schema["prefixItems"]]
            return ", ".join(said) if len(set(said)) > 1 else f"list of {len(said)}, each a {said[0]}"
        if schema.get("type") == "array":
            return f"list of {self.words(schema.get('items', {}))}"
        inner = schema.get("additionalProperties")
        return f"mapping to {self.words(inner)}" if isinstance(inner, Mapping) else _scalar(schema)

    def _link(self, schema: Schema) -> str:
        """A block by its title, with the place where its keys are told."""
        title = self.titles.get(_identity(schema), schema["title"])
        place = self.places.get(_identity(schema))
        if place is None:
            place = self.places[_identity(schema)] = re.sub(r"\W+", "-", title.lower()).strip("-")
            self.waiting[title] = schema, self.names
        return f"[{title}](#{place})"


def _identity(schema: Schema) -> tuple[str, ...]:
    """What makes two schemas one block: a name may stand for another block in another schema, and a file is a block with a kind."""
    keys = set(schema.get("properties", ())) - {"kind", "extends"}
    return (schema.get("title", ""), schema.get("description", ""), *sorted(keys))


def _titles(schemas: Mapping[str, Schema]) -> dict[tuple[str, ...], str]:
    """The name of each block; where several have one name, it carries the package that each is from."""
    packages: dict[str, dict[tuple[str, ...], str]] = {}
    for schema in schemas.values():
        for reference, block in schema.get("$defs", {}).items():
            *path, name = reference.split("__")
            known = packages.setdefault(name, {})
            known[_identity(block)] = path[1] if path else known.get(_identity(block), "")
        for form in _forms(schema):
            packages.setdefault(form["title"], {}).setdefault(_identity(form), "")
    several = {name: len(known) > 1 for name, known in packages.items()}
    return {
        key: f"{name} ({package})" if several[name] else name for name, known in packages.items() for key, package in known.items()
    }


def _scalar(schema: Schema) -> str:
    """What a value without parts may be."""
    values = [schema["const"]] if "const" in schema else schema.get("enum", schema.get("examples"))
    said = ", ".join(f"`{value}`" for value in values or ())
    names = {
        "null": "nothing",
        "object": "mapping",
        "boolean": "`true` or `false`",
        "integer": f"whole number{_range(schema)}",
        "number": f"number{_range(schema)}",
        "string": f"text such as {said}" if said else "text",
    }
    return said if said and "examples" not in schema else names.get(schema.get("type", ""), "any value")


def _range(schema: Schema) -> str:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    said = [f"{sign} {schema[key]:,}" for key, sign in signs.items() if key in schema]
    return f" {' and '.join(said)}" if said else ""


def _default(value: Any) -> str:
    """A default as YAML has it; that of a block is what the defaults of its keys make."""
    if isinstance(value, Mapping):
        return "empty" if not value else "its defaults"
    return "nothing" if value is None else f"`{yaml_flow(value)}`"


def _cell(text: str) -> str:
    """Text without what ends a cell of a table, or begins a tag outside of code."""
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


def verbs_page() -> str:
    """The options of every verb."""
    group = get_command(app)
    context = group.make_context("qeopt", [], resilient_parsing=True)
    lines = ["# Verbs and options", "", "What `qeopt VERB --help` prints. How they work together: [the command line](cli.md)."]
    for panel, verbs in PANELS.items():
        lines += ["", f"## {panel}", ""]
        for verb in verbs:
            command = group.get_command(context, verb)  # type: ignore[attr-defined]  # a group has commands
            own = command.make_context(verb, [], parent=context, resilient_parsing=True)
            told = [record for param in command.get_params(own) if (record := param.get_help_record(own))]
            lines += [f"### {verb}", "", " ".join(command.help.split()), ""]
            lines += ["```sh", f"qeopt {verb} {' '.join(command.collect_usage_pieces(own))}", "```", ""]
            lines += [
                "| option | meaning |",
                "|---|---|",
                *(f"| {_cell(f'`{name}`')} | {_cell(text)} |" for name, text in told),
                "",
            ]
    return "\n".join(lines) + "\n"
