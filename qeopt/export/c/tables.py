"""A C header: shapes and bits of every tensor and layer, and where each buffer lies in a static arena."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qeopt.design import Design
from qeopt.design.arena import Arena, arena_faults
from qeopt.export.c.rendering import TEMPLATES
from qeopt.export.errors import ExportError
from qeopt.export.functions import functions, unsigned_tensors
from qeopt.export.layers import Layer, layers, spelled
from qeopt.export.names import distinct, identifier
from qeopt.network import Network, OpKind

NONE = -1


def prefix_of(design: Design) -> str:
    """What names begin with unless an option says otherwise."""
    return identifier(f"qeopt_{design.study_name}")


def tables(design: Design, network: Network, prefix: str) -> str:
    """Write the header.

    Raises:
        ExportError: when the runtime counts memory without laying it out, or the addresses do not hold.
    """
    study, arena = design.load_study(), design.arena
    if arena is None:
        raise ExportError(
            f"the runtime {study.runtime.name!r} counts memory without laying it out, so nothing has an address in it"
        )
    faults = arena_faults(arena, network, study.runtime, design.bit_widths(), study.limits.sram_bytes, study.runs)
    if faults:
        raise ExportError(f"the design does not hold, as `qeopt verify` would say: {'; '.join(faults[:3])}")
    values = _Tables(design, prefix, network, layers(design, network), arena).values
    return TEMPLATES.get_template("tables.h.j2").render(values)


@dataclass(frozen=True)
class _Tables:
    design: Design
    prefix: str
    network: Network
    layers: tuple[Layer, ...]
    arena: Arena

    @property
    def values(self) -> Mapping[str, Any]:
        """What the template may name."""
        design, arena, ends = self.design, self.arena, functions(self.design, self.network)
        return {
            "version": design.provenance.made_by,
            "study": design.study_name,
            "prefix": self.prefix,
            "upper": self.upper,
            "arena": arena,
            "proof": "no arena is smaller" if arena.minimal else f"proven: none is smaller than {arena.bound} B",
            "uses": [
                (name.upper(), spelled(use.used) + ("" if isinstance(use.used, float) else "ull"))
                for name, use in design.uses.items()
            ],
            "regions": self.regions,
            "kinds": [f"{self.upper}_{kind.name}" for kind in OpKind],
            "functions": [self._end(name) for name in ("", *sorted(set(ends.values()) - {""}))],
            "inputs": max((len(layer.op.inputs) for layer in self.layers), default=1),
            "pools": self.pools,
            "layer_names": self._names("LAYER", (layer.op.name for layer in self.layers)),
            "buffer_names": self._names("BUFFER", arena.buffers),
            "buffers": list(self.buffer_rows(unsigned_tensors(self.network, ends))),
            "layers": list(self.layer_rows(ends)),
        }

    @property
    def upper(self) -> str:
        return self.prefix.upper()

    def _names(self, kind: str, names: Iterator[str] | Mapping[str, object]) -> list[str]:
        """Names of the design as C has them."""
        return list(distinct(f"{self.upper}_{kind}_{identifier(name).upper()}" for name in names))

    @property
    def regions(self) -> list[dict[str, Any]]:
        """What is set aside in every memory, and where that begins as far as the device states it."""
        regions = self.arena.regions
        names = self._names("REGION", (region.name for region in regions))
        return [
            {"name": name, "bytes": region.bytes, "address": region.address} for name, region in zip(names, regions, strict=True)
        ]

    @cached_property
    def scratch(self) -> Mapping[str, list[int]]:
        """Buffers of working memory by operator: its own, and what all of them share."""
        found: dict[str, list[int]] = {layer.op.name: [] for layer in self.layers}
        for number, buffer in enumerate(self.arena.buffers.values()):
            if buffer.kind != "tensor":
                for user in [buffer.op] if buffer.op else found:
                    found[user].append(number)
        return found

    @property
    def pools(self) -> int:
        """The most buffers of working memory that a layer has, at least 1 as C has no empty arrays."""
        return max((len(numbers) for numbers in self.scratch.values()), default=0) or 1

    def buffer_rows(self, unsigned: frozenset[str]) -> Iterator[tuple[str, list[int]]]:
        """Where everything lies, by name."""
        step = {layer.op.name: number for number, layer in enumerate(self.layers)}
        home = {region.name: number for number, region in enumerate(self.arena.regions)}
        for name, buffer in self.arena.buffers.items():
            tensor = self.network.tensor_by_name.get(name)
            sides = (0, 0, 0) if tensor is None else (int(tensor.height), int(tensor.width), int(tensor.channels))
            if max(sides) > 0xFFFF:
                raise ExportError(f"{name!r} has a side of more than 65535")
            bits = 0 if tensor is None else self.design.activations[tensor.name]
            sign = int(tensor is not None and tensor.name not in unsigned)
            numbers = [buffer.offset, buffer.bytes, step[buffer.first], step[buffer.last], *sides, bits, sign]
            yield name, numbers + ([home[buffer.region]] if len(home) > 1 else [])

    def layer_rows(self, ends: Mapping[str, str]) -> Iterator[tuple[str, tuple[int | str, ...]]]:
        """What reads and writes it, by name."""
        index = {name: number for number, name in enumerate(self.arena.buffers)}
        most_inputs = max((len(layer.op.inputs) for layer in self.layers), default=1)
        for layer in self.layers:
            op, window = layer.op, layer.window
            yield (
                op.name,
                (
                    _filled([index[tensor.name] for tensor in op.inputs], most_inputs),
                    index[op.output.name],
                    _filled(self.scratch[op.name], self.pools),
                    window.height,
                    window.width,
                    *window.strides,
                    *window.dilation,
                    f"{{{', '.join(map(str, window.pads))}}}",
                    op.groups,
                    f"{self.upper}_{op.kind.name}",
                    self._end(ends[op.name]),
                    layer.weight_bits,
                    layer.weights,
                    spelled(layer.weight_bytes),
                    spelled(layer.parameter_bytes),
                    layer.macs,
                ),
            )

    def _end(self, function: str) -> str:
        """Enumerator of a function."""
        return f"{self.upper}_ENDS_{identifier(function or 'linear').upper()}"


def _filled(indices: Sequence[int], length: int) -> str:
    return "{" + ", ".join(map(str, (*indices, *(NONE,) * (length - len(indices))))) + "}"
