"""The folder of C that runs a design with the user's CMSIS-NN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from qeopt.escape import comment
from qeopt.export.arithmetic.quantised import Integers
from qeopt.export.c.cmsis.arithmetic import Arithmetic, Rounding, zero
from qeopt.export.c.cmsis.calls import Call, texts
from qeopt.export.c.folder import SELF_TEST, Sources
from qeopt.export.c.selftest import SelfTest
from qeopt.export.reference import run
from qeopt.network import Tensor


@dataclass(frozen=True)
class CmsisSelfTest(SelfTest):
    """What the library makes of an image."""

    rounding: Rounding

    @cached_property
    def _integers(self) -> Mapping[str, Integers]:
        return run(self.model, self.image, Arithmetic(self.rounding).compute)

    def _bytes(self, values: Integers, tensor: Tensor) -> bytes:
        """As the library holds them: two's complement, zero where the grid has it."""
        stored = values[0].transpose(1, 2, 0) + zero(self.model.grids[tensor.name])
        return bytes(stored.astype(np.int8).tobytes())


@dataclass(frozen=True)
class CmsisSources(Sources):
    """What the files are written from."""

    API = "cmsis_api.h"
    FILES: ClassVar = {
        "src/{prefix}.c": "cmsis_model.c",
        "src/{prefix}_weights.h": "cmsis_weights.h",
        "src/{prefix}_weights.c": "cmsis_weights.c",
        **SELF_TEST,
        "CMakeLists.txt": "cmsis_CMakeLists.txt",
        "library.json": "cmsis_library.json",
        "README.md": "cmsis_README.md",
    }

    selftest: CmsisSelfTest
    calls: tuple[Call, ...]

    @cached_property
    def _values(self) -> Mapping[str, Any]:
        """What templates may name."""
        grids = self.model.grids
        return {
            **super()._values,
            "calls": [{"comment": comment(call.op), "lines": lines} for call, lines in texts(self.calls, self.prefix)],
            "steps": self.calls,
            "weights": np.frombuffer(b"".join(call.numbers.weights for call in self.calls), np.int8).tolist(),
            "bias": [value for call in self.calls for value in call.numbers.bias],
            "multipliers": [value for call in self.calls for value in call.numbers.multipliers],
            "shifts": [value for call in self.calls for value in call.numbers.shifts],
            "functions": sorted({call.function for call in self.calls} - {""}),
            "needs_position": any(call.positions for call in self.calls),
            "rounding": self.selftest.rounding,
            "zeros": [zero(grids[tensor.name]) for tensor in (self.model.network.tensors[0], *self.model.network.outputs)],
        }

    @property
    def _step_ops(self) -> tuple[str, ...]:
        return tuple(call.op for call in self.calls)
