"""Every kind of file that users write: its model, and the folder where names of it are looked up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from qeopt.hardware import Device, Runtime
from qeopt.network import Network
from qeopt.network.importers import import_model
from qeopt.score.fitted import Fitted
from qeopt.space import MODEL_SUFFIXES, FileNetwork, GraphNetwork, Space
from qeopt.spec.errors import Location, SpecError, did_you_mean, one_of
from qeopt.spec.library import Found, Library, is_path, kind_of
from qeopt.spec.load import Loaded, load_text
from qeopt.spec.model import Block, Reference
from qeopt.spec.node import locate
from qeopt.spec.schema import DIALECT, json_schema
from qeopt.study.model import Study

FOREIGN = tuple(suffix for suffix in MODEL_SUFFIXES if suffix != ".json")
"""Endings of model files; one that ends in `.json` may be a design."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Attributes:
        name: What `kind:` says.
        model: What it is checked against.
        folder: Where names of it are looked up; empty for the place itself.
    """

    name: str
    model: type[Block]
    folder: str


FORMS = (Space, GraphNetwork, FileNetwork)
"""How a network may be written: blocks that leave no choice open, operators one by one, or a model file."""


class NetworkFile(Block):
    """A network by itself: what a study may name as its `network`."""

    network: Annotated[Space | GraphNetwork | FileNetwork, Reference("network", "networks", MODEL_SUFFIXES)]
    """In one of its `FORMS`."""


@dataclass(frozen=True, slots=True)
class StatedNetwork:
    """A network that states its own operators and shapes."""

    network: Network
    notes: tuple[str, ...]
    """What its importer has to say."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("study", Study, ""),
        Kind("device", Device, "devices"),
        Kind("runtime", Runtime, "runtimes"),
        Kind("space", Space, "spaces"),
        Kind("network", Space, "networks"),
        Kind("fitted", Fitted, ""),
    )
}


def kind_named(name: str) -> Kind:
    """Return a kind.

    Raises:
        SpecError: when there is none of that name.
    """
    if name not in KINDS:
        raise SpecError.at(None, f"there is no kind {name!r}; {one_of(KINDS)} was expected{did_you_mean(name, KINDS)}")
    return KINDS[name]


def check_unchanged(design: str, overrides: Sequence[str]) -> None:
    """Refuse changes to a design, which is read as it was written.

    Raises:
        SpecError: when there are any.
    """
    for change in overrides:
        said = "nothing can be set in a design, which carries its study as it was solved; change the study and solve it again"
        raise SpecError.at(Location(f"--set {change}"), f"{design}: {said}")


def load_network(path: Path, *, library: Library, overrides: Sequence[str] = ()) -> Loaded[NetworkFile]:
    """Read a network file, or a model file of another tool, as a study that names it would.

    Raises:
        SpecError: when it is no sound network; every problem with its place.
    """
    name = str(path) if path.is_absolute() else f"./{path.as_posix()}"
    text = f"kind: network\nnetwork: {json.dumps(name)}"
    return load_text(NetworkFile, text, library=library, kind="network", overrides=[f"network.{change}" for change in overrides])


def stated_network(loaded: Loaded[NetworkFile]) -> StatedNetwork | Space:
    """Return the operators of a network file; blocks, whose operators depend on a task, as they are.

    Raises:
        SpecError: when a model file cannot be read.
        PluginError: when a package that its importer needs is not installed.
    """
    declared = loaded.value.network
    if isinstance(declared, Space):
        return declared
    if isinstance(declared, GraphNetwork):
        return StatedNetwork(declared.network(declared.name), ())
    where = locate(loaded.root, ("network", "file"))
    folder = Path() if where.line is None else Path(where.file).parent
    model = import_model(folder / declared.file, declared, format_=declared.format)
    return StatedNetwork(model.network, model.notes)


def schema_of(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of the files of a kind; a network may have any of its `FORMS`."""
    if kind is not KINDS["network"]:
        return json_schema(kind.model, kind.name)
    forms = [json_schema(form, kind.name) for form in FORMS]
    definitions = {name: found for form in forms for name, found in form.pop("$defs", {}).items()}
    whole = {"$schema": DIALECT, "$defs": definitions, "type": "object"}
    for form in forms:
        del form["$schema"]
    return {**whole, "properties": {"kind": forms[0]["properties"]["kind"]}, "required": ["kind"], "anyOf": forms}


def schema(kind: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file by its name ("study", "device", ...); without one, all of them by name.

    Raises:
        SpecError: when there is no such kind.
    """
    return {name: schema_of(found) for name, found in KINDS.items()} if kind is None else schema_of(kind_named(kind))


def find(library: Library, name: str) -> tuple[tuple[Kind, Found], ...]:
    """Every file of any kind that a name could stand for; within a kind, the one that wins comes first. A path is no name."""
    if is_path(name):
        return ()
    return tuple((kind, found) for kind in KINDS.values() for found in library.candidates(kind.name, kind.folder, name))


def identify(library: Library, name: str) -> tuple[Kind, Path]:
    """Return the kind and the path of a file given by path or name; of a name, a study comes before a device and so on.

    Raises:
        SpecError: when there is no such file, or its kind is unknown.
    """
    path = Path(name)
    if name.endswith(FOREIGN):
        return KINDS["network"], path
    if is_path(name) or path.exists():
        stated = kind_of(path)
        # Without a readable kind, reading it as a study says what is wrong with it.
        return KINDS["study" if stated is None else kind_named_in(path, stated).name], path
    for kind, found in find(library, name):
        return kind, found.path
    known = {known.name for kind in KINDS.values() for known in library.available(kind.folder, kind.name)}
    raise SpecError.at(None, f"there is no file and nothing shipped named {name!r}{did_you_mean(name, known)}")


def kind_named_in(path: Path, name: str) -> Kind:
    """Return the kind that a file states.

    Raises:
        SpecError: when there is none of that name; it says which file states it.
    """
    try:
        return kind_named(name)
    except SpecError as error:
        raise SpecError.at(Location(str(path)), error.problems[0].message) from None
