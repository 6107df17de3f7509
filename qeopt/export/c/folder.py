"""The folder of C that runs a design: tables, weights, the kernels in use, a self-test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from qeopt.design.arena import Arena
from qeopt.escape import comment
from qeopt.export.arithmetic.geometry import image_of, shape_of
from qeopt.export.arithmetic.quantised import QuantisedNetwork
from qeopt.export.c.emulator import STACK_BYTES, Machine
from qeopt.export.c.program import Place, Program, place_of
from qeopt.export.c.rendering import TEMPLATES, quoted
from qeopt.export.c.selftest import SelfTest
from qeopt.files import write_atomically
from qeopt.network import Tensor

_KERNELS = files("qeopt.export.c") / "kernels"
SELF_TEST: Mapping[str, str] = {
    "src/{prefix}_selftest.h": "selftest.h",
    "src/{prefix}_selftest.c": "selftest.c",
    "selftest/main.c": "main.c",
}
"""Templates by file of the self-test."""


@dataclass(frozen=True)
class Sources(ABC):
    """What the files of a program are written from, whoever's its kernels are."""

    API: ClassVar[str] = ""
    """Template of what the header declares."""
    FILES: ClassVar[Mapping[str, str]] = {}
    """Template by file that is written; `{prefix}` stands for the prefix."""

    title: str
    """Name of the study."""
    version: str
    """Of this project."""
    arena: Arena
    prefix: str
    tables: str
    """The header of tables, up to its last line."""
    selftest: SelfTest

    @property
    def model(self) -> QuantisedNetwork:
        """The network with its numbers."""
        return self.selftest.model

    def texts(self) -> Iterator[tuple[str, str]]:
        """Files by name."""
        api = TEMPLATES.get_template(f"{self.API}.j2").render(self._values)
        body, end = self.tables.rsplit("#endif", 1)
        yield f"src/{self.prefix}.h", f"{body}{api}\n#endif{end}"
        for name, template in self.FILES.items():
            yield name.format(prefix=self.prefix), TEMPLATES.get_template(f"{template}.j2").render(self._values)

    def board(self, machine: Machine, fill: int = 0) -> Iterator[tuple[str, str]]:
        """Files that run the self-test in the emulator, by name."""
        values = {**self._values, "machine": machine, "fill": fill, "stack_bytes": STACK_BYTES}
        for name in ("board.c", "board.ld"):
            yield name, TEMPLATES.get_template(f"{name}.j2").render(values)

    @cached_property
    def _values(self) -> Mapping[str, Any]:
        """What templates may name."""
        network, arena = self.model.network, self.arena
        regions = max(len(arena.regions), 1)
        memory = f"uint8_t *const memory[{self.prefix.upper()}_REGIONS]" if regions > 1 else "uint8_t *arena"
        return {
            "prefix": self.prefix,
            "upper": self.prefix.upper(),
            "title": quoted(self.title)[1:-1],
            "version": self.version,
            "regions": regions,
            "region_bytes": [region.bytes for region in arena.regions] if regions > 1 else [arena.bytes],
            "arena_bytes": arena.bytes,
            "memory": memory,
            "memory_name": "memory" if regions > 1 else "arena",
            "input": self._tensor(image_of(network), ""),
            "outputs": [self._tensor(tensor, f"_{n}" if n else "") for n, tensor in enumerate(network.outputs)],
            "image": self.selftest.stored(image_of(network)),
            "checks": list(self._checks()),
        }

    def _tensor(self, tensor: Tensor, number: str) -> dict[str, Any]:
        grid, place = self.model.grids[tensor.name], self._place(tensor)
        channels, height, width = shape_of(tensor)
        return {
            "comment": comment(tensor.name),
            "number": number,
            "region": place["region"],
            "offset": place["offset"],
            "bytes": place["bytes"],
            "bits": grid.bits,
            "is_signed": grid.is_signed,
            "shape": f"{height} x {width} x {channels}",
            "scale": f"{np.float32(grid.scale):.9g}f" if "." in f"{np.float32(grid.scale):.9g}" else f"{grid.scale:.9e}f",
        }

    def _place(self, tensor: Tensor) -> dict[str, int]:
        grid = self.model.grids[tensor.name]
        place = place_of(self.arena, self.model.network, tensor, grid)
        return {"region": place.region, "offset": place.offset, "bytes": -(-int(tensor.elements) * grid.bits // 8)}

    @property
    @abstractmethod
    def _step_ops(self) -> tuple[str, ...]:
        """The operator of every step."""

    def _checks(self) -> Iterator[dict[str, Any]]:
        last, latest = {op: number for number, op in enumerate(self._step_ops)}, 0
        for op, found in zip(self.model.network.ops, self.selftest.hashes, strict=True):
            latest = last.get(op.name, latest)  # what lies where it is read from is there already
            yield {"name": quoted(op.name), "hash": f"{found:#010x}u", "last_step": latest, **self._place(op.output)}


@dataclass(frozen=True)
class KernelSources(Sources):
    """What the files of a program with the kernels written here are made from."""

    API = "api.h"
    FILES: ClassVar = {
        "src/{prefix}.c": "model.c",
        "src/{prefix}_weights.h": "weights.h",
        "src/{prefix}_weights.c": "weights.c",
        "src/qc_kernels.c": "kernels.c",
        **SELF_TEST,
        "CMakeLists.txt": "CMakeLists.txt",
        "library.json": "library.json",
        "README.md": "README.md",
        "{prefix}.ld": "limit.ld",
    }

    program: Program
    counted: int = 0
    """Bytes of code and constants that the design counts; nothing where that is not known."""

    def texts(self) -> Iterator[tuple[str, str]]:
        """Files by name."""
        yield from super().texts()
        for name in self._kernel_files:
            yield f"src/{name}", (_KERNELS / name).read_text(encoding="utf-8")

    @cached_property
    def _kernel_files(self) -> tuple[str, ...]:
        found = ["qc.h", "qc_core.h", "qc_core.c", *(f"{kernel}.c" for kernel in self.program.kernels)]
        if self.program.inners:
            found += ["qc_words.h", *{f"qc_{inner.split('_')[1]}.h" for inner in self.program.inners}]
        return tuple(sorted(found))

    @cached_property
    def _values(self) -> Mapping[str, Any]:
        steps, weights, scales, shifts = self._pooled()
        return {
            **super()._values,
            "counted": self.counted,
            "kernels": self.program.kernels,
            "inners": [inner.split("_") for inner in self.program.inners],
            "steps": steps,
            "weights": weights,
            "scales": scales,
            "shifts": shifts,
            "sources": [f"src/{self.prefix}.c", f"src/{self.prefix}_weights.c", "src/qc_kernels.c"]
            + [f"src/{name}" for name in self._kernel_files if name.endswith(".c")],
        }

    @property
    def _step_ops(self) -> tuple[str, ...]:
        return tuple(step.op for step in self.program.steps)

    def _pooled(self) -> tuple[list[dict[str, Any]], bytes, list[int], list[int]]:
        """Steps as the template spells them, and the arrays that they point into."""
        weights, scales, shifts, found = bytearray(), list[int](), list[int](), []
        stored: dict[bytes, int] = {}  # operators may share their weights
        for step in self.program.steps:
            at = stored.setdefault(step.weights, len(weights))
            found.append(
                {
                    "kernel": step.kernel,
                    "inner": f"{{.{step.inner.split('_')[1]} = {step.inner}}}" if step.inner else "{0}",
                    "comment": comment(step.op),
                    "weights": f"{self.prefix}_weights + {at}" if step.weights else "0",
                    "scales": f"{self.prefix}_scales + {len(scales)}",
                    "shifts": f"{self.prefix}_shifts + {len(shifts)}",
                    "places": [_placed(place) for place in step.places],
                    "fields": ", ".join(f".{name} = {value}" for name, value in step.fields.items()),
                }
            )
            weights += step.weights if at == len(weights) else b""
            scales += step.scales
            shifts += step.shifts
        return found, bytes(weights), scales, shifts


def _placed(place: Place) -> str:
    return f"{{{place.offset}, {place.region}, {place.bits}, {int(place.is_signed)}, 0}}"


def write_folder(folder: Path, texts: Iterable[tuple[str, str]]) -> tuple[Path, ...]:
    """Write files, and return them in that order."""
    found = []
    for name, text in texts:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
        found.append(path)
    return tuple(found)
