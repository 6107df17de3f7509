"""The folder of C that runs a design with the user's CMSIS-NN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qeopt.escape import comment
from qeopt.export.arithmetic.quantised import Integers
from qeopt.export.c.cmsis.arithmetic import Arithmetic, Rounding, zero
from qeopt.export.c.cmsis.calls import Call, texts
from qeopt.export.c.folder import Sources
from qeopt.export.c.rendering import TEMPLATES
from qeopt.export.reference import run
from qeopt.network import Tensor


@dataclass(frozen=True)
class CmsisSources(Sources):
    """What the files are written from."""

    calls: tuple[Call, ...] = ()
    rounding: Rounding = "double"

    def texts(self) -> Iterator[tuple[str, str]]:
        """Files by name."""
        prefix, values = self.prefix, self._values
        yield f"src/{prefix}.h", self._header()
        for template, name in (
            ("cmsis_model.c", f"src/{prefix}.c"),
            ("cmsis_weights.h", f"src/{prefix}_weights.h"),
            ("cmsis_weights.c", f"src/{prefix}_weights.c"),
            ("selftest.h", f"src/{prefix}_selftest.h"),
            ("selftest.c", f"src/{prefix}_selftest.c"),
            ("main.c", "selftest/main.c"),
            ("cmsis_CMakeLists.txt", "CMakeLists.txt"),
            ("cmsis_library.json", "library.json"),
            ("cmsis_README.md", "README.md"),
        ):
            yield name, TEMPLATES.get_template(f"{template}.j2").render(values)

    def _header(self) -> str:
        api = TEMPLATES.get_template("cmsis_api.h.j2").render(self._values)
        body, end = self.tables.rsplit("#endif", 1)
        return f"{body}{api}\n#endif{end}"

    @cached_property
    def _values(self) -> Mapping[str, Any]:
        """What templates may name."""
        bodies = list(texts(self.calls, self.prefix))
        grids = self.model.grids
        return {
            **super()._values,
            "calls": [{"comment": comment(call.op), "lines": lines} for call, lines in bodies],
            "steps": self.calls,
            "weights": np.frombuffer(b"".join(call.numbers.weights for call in self.calls), np.int8).tolist(),
            "bias": [value for call in self.calls for value in call.numbers.bias],
            "multipliers": [value for call in self.calls for value in call.numbers.multipliers],
            "shifts": [value for call in self.calls for value in call.numbers.shifts],
            "functions": sorted({call.function for call in self.calls} - {""}),
            "needs_position": any("position" in line for _, lines in bodies for line in lines),
            "rounding": self.rounding,
            "zeros": [zero(grids[tensor.name]) for tensor in (self.model.network.tensors[0], *self.model.network.outputs)],
        }

    @property
    def _step_ops(self) -> tuple[str, ...]:
        return tuple(call.op for call in self.calls)

    @cached_property
    def _integers(self) -> Mapping[str, Integers]:
        return run(self.model, self.image, Arithmetic(self.rounding).compute)

    def _bytes(self, values: Integers, tensor: Tensor) -> bytes:
        """As the library holds them: two's complement, zero where the grid has it."""
        stored = values[0].transpose(1, 2, 0) + zero(self.model.grids[tensor.name])
        return bytes(stored.astype(np.int8).tobytes())
