"""A PyTorch module whose layers are those of Brevitas."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import ClassVar, Literal

from qeopt.design import Design
from qeopt.export.errors import ExportError
from qeopt.export.pytorch.module_text import module_text
from qeopt.files import write_atomically
from qeopt.network.lowering import RANKING
from qeopt.spec.model import Block

IMPORTS = """\
from __future__ import annotations

import brevitas.nn as qnn
import torch
import torch.nn.functional as F
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat, Uint8ActPerTensorFloat
from torch import Tensor, nn
"""


class Brevitas(Block):
    """One Python file that needs PyTorch and Brevitas."""

    SUFFIX: ClassVar[str] = ".py"

    kind: Literal["brevitas"] = "brevitas"
    """Says that this is a module of Brevitas layers."""

    def leaves_out(self, design: Design) -> Collection[str]:
        """All of them, as losses take what they read: see `Numbers`."""
        return RANKING

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the module.

        Raises:
            ExportError: when weights have 1 bit, for which Brevitas has other layers.
        """
        binary = [name for name, bits in design.weights.items() if bits == 1]
        if binary:
            raise ExportError(f"these layers of Brevitas have weights of 2 bits or more; {', '.join(binary[:5])} have 1")
        write_atomically(out, module_text(design, IMPORTS, "brevitas_layers.txt"))
        return (out,)
