"""Exact bits for one network, without a study file: the study is written on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qeopt.escape import yaml_flow
from qeopt.hardware.lowered import lowered
from qeopt.network.document import document
from qeopt.network.importers import ImportedModel, ImportOptions, Parameters, import_model
from qeopt.network.importers.torch import from_torch
from qeopt.network.text import network_lines
from qeopt.spec.document import parse
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library, is_path
from qeopt.verbs.implied import at_options
from qeopt.verbs.solve import Solution, solve

WIDTHS = (2, 4, 8)
UNLIMITED = {"sram": "unlimited", "flash": "unlimited"}


@dataclass(frozen=True)
class BitsAnswer:
    """Bits for a network, and the study that asks for them."""

    solution: Solution
    model: Path
    """The model file; of a module, the name under which it was read."""
    study_text: str
    """YAML; saved beside the model, `qeopt solve` answers it the same way."""
    notes: tuple[str, ...]
    """What was left out, folded or taken in another way while the model was read."""
    weights: Mapping[str, Parameters] = field(default_factory=dict)
    """Learnt values of a module, by operator."""

    def save_weights(self, path: Path) -> None:
        """Write the learnt values of a module as an .npz, which exports take as `weights`."""
        save_weights(self.weights, path)

    def text_for(self, path: Path) -> str:
        """The study to be saved at `path`: it names the model by its way from there, or in full."""
        model, folder = self.model.resolve(), path.resolve().parent
        told = model.relative_to(folder) if model.is_relative_to(folder) else model
        return self.study_text.replace(json.dumps(self.model.name), json.dumps(str(told)), 1)


def bits(
    model: Any,
    *,
    example: tuple[Any, ...] | None = None,
    name: str | None = None,
    runtime: str,
    device: str | None = None,
    budgets: Mapping[str, int | str] | None = None,
    weights: Sequence[int] = WIDTHS,
    activations: Sequence[int] = WIDTHS,
    layers: Mapping[str, Any] | None = None,
    ends: int | None = None,
    ties: Sequence[Sequence[str]] = (),
    prefer: Sequence[str] = (),
    objective: str | Mapping[str, Any] = "qe",
    engine: str = "chain",
    search: Mapping[str, Any] | None = None,
    options: ImportOptions | None = None,
    library: Library | None = None,
    overrides: Sequence[str] = (),
) -> BitsAnswer:
    """Find the best bits for the network in `model`, prove them and count everything again.

    Args:
        model: A model file (ONNX, TFLite, MCUNet JSON), or a `torch.nn.Module`.
        example: Of a module, its arguments: one image with a batch of one.
        name: Of a module, what to call it; its class unless stated.
        runtime: Kernel library, by name or path.
        device: Chip or board, by name or path; may be left out where `budgets` give SRAM and flash.
        budgets: Instead of what the device leaves, as a study spells them (`{"sram": "64 KiB"}`).
        weights: Bits that weights may have.
        activations: Bits that activations may have.
        layers: Bits of single layers, by name or pattern, as `bits.layers` of a study spells them.
        ends: Bits of the weights of the first and last layers, and of what these read.
        ties: Groups of layers, by names or patterns, that share widths.
        prefer: Memories of the device, the first choice first.
        objective: What is maximised, as a study spells it; the paper's eq. (9) unless stated.
        engine: Engine that assigns bits; CP-SAT proves them whichever it is.
        search: What the study says of a search (`{"seed": 1}`); one network leaves nothing to search but a few details.
        options: What the file does not say, and how to take what no importer knows.
        library: Where names are looked up.
        overrides: `KEY=VALUE` texts that replace values of the study.

    Raises:
        SpecError: when the file cannot be read as a network, or a name is unknown.
        PluginError: when a package that the importer needs is not installed.
        VerificationError: when two exact engines disagree, or the recount does.
    """
    path = Path(model) if isinstance(model, str | Path) else Path(f"{name or type(model).__name__}.pt")
    read = import_model(path, options) if example is None else from_torch(model, example, name=path.stem, options=options)
    text = _study(
        path,
        read,
        {
            **({} if device is None else {"device": _from_anywhere(device)}),
            "runtime": _from_anywhere(runtime),
            **({} if budgets is None else {"budgets": dict(budgets)}),
            "bits": {
                "weights": list(weights),
                "activations": list(activations),
                **({"layers": dict(layers)} if layers else {}),
                **({} if ends is None else {"ends": ends}),
                **({"ties": [list(group) for group in ties]} if ties else {}),
            },
            **({"memory": {"prefer": list(prefer)}} if prefer else {}),
            "objective": objective if isinstance(objective, str) else dict(objective),
            "qbr": {"engine": engine},
            **({"search": dict(search)} if search else {}),
        },
        {} if options is None else options.model_dump(mode="json", exclude_unset=True),
        is_file=example is None,
    )
    # Names in the text mean what they mean beside the model, where it would be saved.
    file = str(path.with_suffix(".yaml"))
    try:
        solution = solve(parse(text, file), overrides=overrides, library=library)
    except SpecError as error:
        raise at_options(error, file, text) from None
    _, folded = lowered(read.network, solution.loaded.value.runtime)
    return BitsAnswer(solution, path, text, (*read.notes, *folded), {} if example is None else read.weights)


def study_at_eight_bits(path: Path) -> str:
    """Write the study that asks for 8 bits everywhere of a model, without budgets, to be saved beside it.

    Raises:
        SpecError, PluginError: as `bits`.
    """
    widths = {"weights": [8], "activations": [8]}
    stated = {"runtime": "ideal", "budgets": UNLIMITED, "bits": widths, "objective": "qe", "qbr": {"engine": "chain"}}
    return _study(path, import_model(path), stated, {})


def _study(path: Path, read: ImportedModel, stated: Mapping[str, Any], told: Mapping[str, Any], *, is_file: bool = True) -> str:
    """Write a study of a model: what is stated of it, and what is told of its file."""
    image, *_ = read.network.tensors
    classes = max(int(tensor.channels) for tensor in read.network.outputs)
    study: dict[str, Any] = {
        "kind": "study",
        "task": {"input": [int(image.height), int(image.width), int(image.channels)], "classes": classes},
        "network": {"file": path.name, **told} if is_file else {"name": path.stem, **document(read.network)},
        **stated,
    }
    return "".join(_study_line(key, value, is_file=is_file) for key, value in study.items())


def _study_line(key: str, value: Any, *, is_file: bool) -> str:
    if key == "network" and not is_file:
        return "".join(["network:\n", *(f"  {line}\n" for line in network_lines(value))])
    return f"{key}: {_flow(value)}\n"


def save_weights(weights: Mapping[str, Parameters], path: Path) -> None:
    """Write learnt values as an .npz under the names that exports know: OP, and OP.bias."""
    arrays = {name: parameters.weights for name, parameters in weights.items()}
    biases = {f"{name}.bias": told.bias for name, told in weights.items() if told.bias is not None}
    np.savez(path, allow_pickle=False, **arrays, **biases)


def _from_anywhere(name: str) -> str:
    """A path means the same wherever the study is saved."""
    return str(Path(name).resolve()) if is_path(name) else name


def _flow(value: Any) -> str:
    """A value as YAML on one line, plain words unquoted."""
    is_plain = isinstance(value, str) and value.replace("-", "").replace("_", "").isalnum() and value[0].isalpha()
    return str(value) if is_plain and value.lower() not in {"null", "true", "false"} else yaml_flow(value)
