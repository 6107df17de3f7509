"""Networks from files: one kind of file a module, all of them found through a table."""

from __future__ import annotations

from pathlib import Path

from qeopt.network.importers.model import ImportedModel, Importer, ImportOptions, Parameters
from qeopt.spec.errors import Location, SpecError, one_of
from qeopt.spec.plugins import Table

IMPORTERS = Table(
    "importers",
    {
        "onnx": "qeopt.network.importers.onnx:read_onnx",
        "tflite": "qeopt.network.importers.tflite:read_tflite",
        "json": "qeopt.network.importers.mcunet:read_mcunet",
    },
)
"""Importers by the suffix of the files they read."""
MODULE = "give the function that makes the module, as FILE.py:FUNCTION with --input H,W,C, or export it by torch.onnx.export"
WAYS = {
    **dict.fromkeys(("pt", "pth", "ckpt", "safetensors"), f"holds learnt values and no network that could be read; {MODULE}"),
    "pt2": f"is a program of PyTorch; {MODULE}",
    "py": f"is code; {MODULE}",
    **dict.fromkeys(("h5", "keras", "pb"), "is a model of Keras or TensorFlow; tf.lite.TFLiteConverter writes it as TFLite"),
}
"""What to do with files that people try, by their suffix."""

__all__ = ["IMPORTERS", "ImportOptions", "ImportedModel", "Importer", "Parameters", "import_model", "importer_of", "is_model"]


def is_model(path: Path) -> bool:
    """Whether a file of this name is a network of another tool; a .json is taken for a file of this project."""
    suffix = path.suffix.lower().removeprefix(".")
    return suffix != "json" and suffix in IMPORTERS.names()


def import_model(
    path: Path | str, options: ImportOptions | None = None, *, format_: str | None = None, values: bool = False
) -> ImportedModel:
    """Read a network from a file.

    Args:
        path: The file.
        options: What the file does not say, and how to take what no importer knows.
        format_: Name of the importer; the file's suffix unless stated.
        values: Whether learnt values are wanted too.

    Raises:
        SpecError: the file cannot be read as a network; the message says where and why.
        PluginError: a package that the importer needs is not installed.
    """
    path = Path(path)
    reader: Importer = IMPORTERS.load(importer_of(path, format_))
    return reader(path, options or ImportOptions(), values=values)


def importer_of(path: Path, format_: str | None = None) -> str:
    """Name the importer of a file, before any package is asked for.

    Args:
        path: The file.
        format_: Name of the importer; the file's suffix unless stated.

    Raises:
        SpecError: there is no such importer or no such file.
    """
    name = format_ or path.suffix.lower().removeprefix(".")
    if name not in IMPORTERS.names():
        if name in WAYS:
            raise SpecError.at(Location(str(path)), WAYS[name])
        raise SpecError.at(
            Location(str(path)), f"no importer reads {name or 'files without a suffix'!r}; {one_of(IMPORTERS.names())} was expected"
        )
    if not path.exists():
        raise SpecError.at(Location(str(path)), "there is no such file")
    return name
