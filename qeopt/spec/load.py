"""From a file to a checked model: read, inherit, override, graft, validate; every problem reported at once."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from pydantic import ValidationError

from qeopt.spec.document import Document, parse, read
from qeopt.spec.errors import Problem, SpecError
from qeopt.spec.graft import Grafter, with_name
from qeopt.spec.inherit import inherit
from qeopt.spec.library import Library
from qeopt.spec.model import BlockT, build
from qeopt.spec.node import Mapping, plain
from qeopt.spec.override import Override, apply_all, blocked_message, parse_override
from qeopt.spec.slots import Slot
from qeopt.spec.sources import SourceFile, Sources
from qeopt.spec.wording import problems_of

__all__ = ["Loaded", "SourceFile", "load", "load_text"]


@dataclass(frozen=True, slots=True)
class Loaded(Generic[BlockT]):
    """What a file declares.

    Attributes:
        value: The checked model.
        files: Every file that was read, in order, the first one first.
        root: The tree the model was built from, with inheritance, overrides and references resolved; `locate` gives places in it.
        overrides: The ``KEY=VALUE`` texts that were applied.
        paths: The folders in which names were looked up before the shipped ones.
    """

    value: BlockT
    files: tuple[SourceFile, ...]
    root: Mapping
    overrides: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()


def load(
    model: type[BlockT], source: Path | Document | str, *, library: Library, kind: str, folder: str = "", overrides: Items[str] = ()
) -> Loaded[BlockT]:
    """Return what a file declares, as a checked model.

    Args:
        model: What the file is checked against.
        source: A path, a document that was read before, or a text that is a name or a path.
        library: Where names are looked up.
        kind: What ``kind:`` in the file must say.
        folder: The folder in which names of this kind are looked up; empty for none.
        overrides: ``KEY=VALUE`` texts with dotted keys, applied in order after ``extends:``; they reach into named files.

    Raises:
        SpecError: Anything is wrong; all problems that could be found are in it.
        PluginError: An installed extension that is needed cannot be loaded.
    """
    if isinstance(source, str):
        source = library.resolve(kind, folder, source, None)
    if isinstance(source, Path):
        source = read(source)
    return _Load(library, kind, folder).run(model, source, overrides)


def load_text(
    model: type[BlockT],
    text: str,
    *,
    library: Library,
    kind: str,
    folder: str = "",
    name: str = "<text>",
    overrides: Items[str] = (),
) -> Loaded[BlockT]:
    """Return what a text declares, as `load` does for a file; `name` stands for the file in messages and lookup.

    Raises:
        SpecError, PluginError: As `load`.
    """
    return _Load(library, kind, folder, is_file=False).run(model, parse(text, name), overrides)


@dataclass(frozen=True, slots=True)
class _Load:
    library: Library
    kind: str
    folder: str
    is_file: bool = True

    def run(self, model: type[BlockT], document: Document, overrides: Items[str]) -> Loaded[BlockT]:
        sources = Sources(self.library, document.path.parent)
        sources.add(document, self.kind, is_file=self.is_file)
        root = inherit(document.root, self.kind, self.folder, sources, origin=document.path)
        root = with_name(root, document.path.stem, (Slot(model),))
        root, pending = apply_all(root, _parse_all(overrides))
        grafter = Grafter(sources, pending)
        root = grafter.graft(root, model, document.path)
        problems = [*grafter.problems, *(Problem(late.location, blocked_message(root, late)) for late in grafter.out_of_reach)]
        try:
            value = build(model, plain(root))
        except ValidationError as error:
            raise SpecError([*problems, *problems_of(error, root, model, grafter.broken)]) from None
        if problems:
            raise SpecError(problems)
        return Loaded(value, sources.files, root, tuple(overrides), tuple(self.library.paths))


def _parse_all(overrides: Items[str]) -> list[Override]:
    parsed: list[Override] = []
    problems: list[Problem] = []
    for text in overrides:
        try:
            parsed.append(parse_override(text))
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return parsed
