"""Two pages that are made while the others are built: the keys of files, from their schemas, and the options of verbs, from help.

A hook of mkdocs (see `mkdocs.yml`); nothing of them is in the repository, so nothing can fall behind.
"""

from __future__ import annotations

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
    tables = _Tables()
    lines = ["# Keys of files", "", "What `qeopt schema` gives to editors, in words. A key without a default is needed."]
    for name, kind in KINDS.items():
        schema = schema_of(kind)
        tables.definitions |= schema.get("$defs", {})
        lines += ["", f"## Files of the kind `{name}`", ""]
        for form in schema.get("anyOf", [schema]) if "properties" not in schema or len(schema["properties"]) == 1 else [schema]:
            lines += tables.of(form)
    lines += ["", "## Blocks", ""]
    while tables.waiting:
        title = next(iter(tables.waiting))
        schema = tables.waiting.pop(title)
        tables.done.add(title)
        lines += [f"### {title}", "", *tables.of(schema)]
    return "\n".join(lines) + "\n"


class _Tables:
    """Tables of keys, and the blocks that they speak of and that are not told yet."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}
        self.waiting: dict[str, Schema] = {}
        self.done: set[str] = set()

    def of(self, schema: Schema) -> Iterator[str]:
        if schema.get("description"):
            yield from (_cell(schema["description"]), "")
        if "properties" not in schema:
            yield from (f"{self.words(schema)}.", "")
            return
        needed = set(schema.get("required", ()))
        for option in schema.get("anyOf", ()):  # a file may extend another instead
            needed |= set(option["required"]) - {"extends"}
        yield from ("| key | values | default | meaning |", "|---|---|---|---|")
        for key, value in schema["properties"].items():
            default = "" if key in needed or "default" not in value else _default(value["default"])
            yield f"| `{key}` | {_cell(self.words(value))} | {default} | {_cell(value.get('description', ''))} |"
        yield ""

    def words(self, schema: Schema) -> str:
        """What a value may be."""
        if "$ref" in schema:
            return self._link(_title(schema["$ref"]), self.definitions[schema["$ref"].rsplit("/", 1)[1]])
        if "properties" in schema and "title" in schema:
            return self._link(schema["title"], schema)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return " or ".join(dict.fromkeys(self.words(option) for option in schema[key]))
        if "prefixItems" in schema:
            return ", ".join(map(self.words, schema["prefixItems"]))
        if schema.get("type") == "array":
            return f"list of {self.words(schema.get('items', {}))}"
        inner = schema.get("additionalProperties")
        return f"mapping to {self.words(inner)}" if isinstance(inner, Mapping) else _scalar(schema)

    def _link(self, title: str, schema: Schema) -> str:
        if title not in self.done:
            self.waiting[title] = schema
        return f"[{title}](#{title.lower()})"


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


def _title(reference: str) -> str:
    """The name of a block; one that two modules have carries its module."""
    return reference.rsplit("/", 1)[1].removeprefix("qeopt__").replace("__", "-")


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
            lines += ["| | |", "|---|---|", *(f"| {_cell(f'`{name}`')} | {_cell(text)} |" for name, text in told), ""]
    return "\n".join(lines) + "\n"
