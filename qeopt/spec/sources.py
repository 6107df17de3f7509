"""The files one load reads: each once, in order, with its hash and what it was read for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from qeopt.spec.document import Document, read
from qeopt.spec.errors import Location
from qeopt.spec.library import Library, is_path


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read.

    Attributes:
        path: The file.
        sha256: Hash of its bytes, in hexadecimal digits.
        role: What it was first read for: its kind, or ``KIND (extended)``.
    """

    path: Path
    sha256: str
    role: str


@dataclass(slots=True)
class Sources:
    """Finds and reads the files of one load.

    Attributes:
        library: Where names are looked up.
        home: The folder of the file the load began with.
    """

    library: Library
    home: Path
    _documents: dict[Path, Document] = field(default_factory=dict)
    _files: list[SourceFile] = field(default_factory=list)

    def find(self, kind: str, folder: str, name: str, location: Location) -> Path:
        """Return the file that `name`, written at `location`, stands for.

        A name in a file is looked up beside that file. On the command line, a path starts from the current folder, but a
        name means what it would mean in the file the load began with.

        Raises:
            SpecError: There is no such file.
        """
        on_command_line = location.line is None
        near = (Path() if is_path(name) else self.home) if on_command_line else Path(location.file).parent
        return self.library.resolve(kind, folder, name, near, location=location)

    def read(self, path: Path, role: str, location: Location | None = None) -> Document:
        """Return the document in a file, reading it only the first time.

        Raises:
            SpecError: It cannot be read.
        """
        key = path.resolve()
        if key not in self._documents:
            self.add(read(path, location=location), role)
        return self._documents[key]

    def add(self, document: Document, role: str, *, is_file: bool = True) -> None:
        """Take a document that was read elsewhere."""
        self._documents[document.path.resolve()] = document
        if is_file:
            self._files.append(SourceFile(document.path, document.sha256, role))

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """The files read so far, in order."""
        return tuple(self._files)
