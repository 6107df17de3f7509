"""PyTorch modules: PyTorch writes them as ONNX, the one reader of which sees every value; names are those of the modules."""

from __future__ import annotations

import logging
import tempfile
import warnings
from ast import literal_eval
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

from qeopt.network.importers.model import ImportedModel, ImportOptions, refuse
from qeopt.network.importers.onnx import read_onnx
from qeopt.spec.errors import Location, PluginError, Problem, SpecError

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
"""What PyTorch notes of a node: names of the modules around it and its own, outermost first; and their classes."""


def from_torch(
    module: Any, example: tuple[Any, ...], *, name: str = "model", options: ImportOptions | None = None
) -> ImportedModel:
    """Read a PyTorch module as a network.

    Operators are called after the modules that they are, as `named_modules()` spells them; what a module computes beside its
    submodules is `MODULE.OPERATOR`.

    Args:
        module: A `torch.nn.Module`; it is exported in evaluation mode, its own mode stays as it is.
        example: Its arguments: one image with a batch of one.
        name: What to call it.
        options: How to take what is not known here, by type of ONNX operator or the name of a module.

    Raises:
        SpecError: the module cannot be exported, or holds operators that nothing here can express, all of them named.
        PluginError: torch, onnx or onnxscript is not installed.
    """
    model = _exported(module, example, name)
    _rename(model.graph)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            return read_onnx(path, options or ImportOptions(), values=True)
        except SpecError as error:
            raise SpecError(_told_of(name, path, problem) for problem in error.problems) from None


def _exported(module: Any, example: tuple[Any, ...], name: str) -> Any:
    """The module as an ONNX model."""
    try:
        export = import_module("torch.onnx").export
        for package in ("onnx", "onnxscript"):
            import_module(package)
    except ImportError as error:
        said = f'reading PyTorch modules needs the package {error.name}; install it with: pip install "qeopt[torch]"'
        raise PluginError(said) from error
    was_training = module.training
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what PyTorch says of its own parts is of no use here
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            return export(module.eval(), example, dynamo=True, verbose=False).model_proto
    except Exception as error:  # exporting runs the user's own code, which may fail in any way
        raise refuse(name, f"torch.onnx.export cannot write it: {' '.join(str(error).split())[:300]}") from error
    finally:
        module.train(was_training)


def _rename(graph: Any) -> None:
    """Call nodes after their modules."""
    stored = {tensor.name for tensor in graph.initializer}
    met: Counter[str] = Counter()
    for node in graph.node:
        name = _name(node, stored)
        met[name] += 1
        node.name = name if met[name] == 1 else f"{name}_{met[name]}"


def _name(node: Any, stored: set[str]) -> str:
    """The module whose weights a node reads; else the module that it is; else where it is and what it does."""
    owner = next((value.removesuffix(".weight") for value in node.input if value in stored and value.endswith(".weight")), "")
    if owner:
        return owner
    told = {entry.key: entry.value for entry in node.metadata_props}
    scopes, classes = (_listed(told.get(key, "")) for key in (SCOPES, CLASSES))
    if len(scopes) < 2 or len(classes) != len(scopes):
        return str(node.name)
    *_, home, own = scopes
    is_whole = classes[-2].startswith("torch.nn.modules.")
    return home if is_whole and home else f"{home}.{own}".removeprefix(".")


def _listed(text: str) -> list[str]:
    try:
        found = literal_eval(text)
    except (ValueError, SyntaxError):
        return []
    return [str(item) for item in found] if isinstance(found, list) else []


def _told_of(name: str, path: Path, problem: Problem) -> Problem:
    """A problem of a file that nobody sees, told of the module."""
    return Problem(Location(name), problem.message.replace(str(path), name))
