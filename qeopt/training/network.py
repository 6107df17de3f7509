"""The PyTorch module of a design: the file that `qeopt export --format pytorch` writes, run where it is needed."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from qeopt.design import Design
from qeopt.export.errors import require
from qeopt.export.pytorch.detection import detection_heads
from qeopt.export.pytorch.exporter import IMPORTS, LAYERS
from qeopt.export.pytorch.module_text import module_text
from qeopt.network import Network
from qeopt.network.lowering import unranked
from qeopt.training.errors import TrainingError, torch
from qeopt.training.recipe import Recipe


def module_of(design: Design) -> ModuleType:
    """Return the exported file as a module; `Network()` in it makes the network, with first weights from PyTorch's own seed.

    Raises:
        ExportError: when PyTorch is missing, or torchvision where the network has detection heads, or the network has operators
            that the module cannot have.
        TrainingError: when torchvision is of another PyTorch.
    """
    torch()
    if detection_heads(design):
        _torchvision()
    module = ModuleType("qeopt_exported_network")
    exec(compile(module_text(design, IMPORTS, LAYERS), "<exported network>", "exec"), module.__dict__)
    return module


def network_for(module: ModuleType, recipe: Recipe) -> Any:
    """A network of a module of `module_of`, with the grids that a recipe asks for."""
    network = module.Network()
    for layer in network.modules():
        if hasattr(layer, "folds"):
            layer.folds = recipe.normalisation == "folded"
        if hasattr(layer, "round_weight") and recipe.weight_steps == "tensor":
            layer.round_weight.step = torch().nn.Parameter(torch().ones(1))
    return network


def refuse_detectors(network: Network) -> None:
    """Refuse a network that does not tell classes of images apart. Values and their softmax count as one output.

    Raises:
        TrainingError: it has several outputs, as one with detection heads has.
    """
    if len(unranked(network)[0].outputs) > 1:
        names = ", ".join(tensor.name for tensor in network.outputs)
        raise TrainingError(
            f"the network has {len(network.outputs)} outputs ({names}); one with a value per class, or blocks of the kind "
            "`detection`, were expected"
        )


def _torchvision() -> None:
    try:
        require("torchvision", "boxes", "boxes")
    except RuntimeError as error:  # its operators were built for another PyTorch
        said = (str(error).splitlines() or ["cannot be imported"])[0][:120]
        raise TrainingError(f"torchvision does not fit this PyTorch ({said}); both of one release were expected") from None


def grids(network: Any) -> list[Any]:
    """Every grid of a network whose step is learnt, in the order in which values meet them."""
    return [part for part in network.modules() if hasattr(part, "is_set") and part.step.requires_grad]
