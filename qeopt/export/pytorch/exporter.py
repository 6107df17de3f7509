"""A PyTorch module that trains with the bits of the design."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import ClassVar, Literal

from qeopt.design import Design
from qeopt.export.pytorch.module_text import module_text
from qeopt.files import write_atomically
from qeopt.network.lowering import RANKING
from qeopt.spec.model import Block

IMPORTS = """\
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
"""


LAYERS = "pytorch_layers.txt"
"""The template of the layers."""


class PyTorch(Block):
    """One Python file that needs PyTorch and NumPy only. It learns step sizes (LSQ) and hands what it learnt to other formats."""

    SUFFIX: ClassVar[str] = ".py"

    kind: Literal["pytorch"] = "pytorch"
    """Says that this is a PyTorch module."""

    def leaves_out(self, design: Design) -> Collection[str]:
        """All of them, as losses take what they read: see `Numbers`."""
        return RANKING

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the module."""
        write_atomically(out, module_text(design, IMPORTS, LAYERS))
        return (out,)
