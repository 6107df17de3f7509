"""The format `c`: firmware for runtimes whose kernels are written here, a header of tables for all others."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from qeopt.design import Design
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.geometry import image_of
from qeopt.export.arithmetic.numbers import Numbers, random_images, read_weights
from qeopt.export.arithmetic.quantised import Reals
from qeopt.export.arithmetic.ties import FREE
from qeopt.export.c.cmsis.arithmetic import Rounding, ties
from qeopt.export.c.cmsis.calls import calls_of
from qeopt.export.c.cmsis.folder import CmsisSelfTest, CmsisSources
from qeopt.export.c.folder import KernelSources, Sources, write_folder
from qeopt.export.c.picture import picture_of
from qeopt.export.c.program import program
from qeopt.export.c.selftest import SelfTest
from qeopt.export.c.tables import prefix_of, tables
from qeopt.export.errors import ExportError
from qeopt.files import write_atomically
from qeopt.network import Network


class C(Numbers):
    """C99: a folder with a program for designs of `qeopt-c` and of CMSIS-NN, a header of tables for all others."""

    SUFFIX: ClassVar[str] = ".h"
    RUNTIME: ClassVar[str] = "qeopt-c"
    """The kernels for which a model without a design is written."""

    kind: Literal["c"] = "c"
    """Says that this is C."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,60}$")] | None = None
    """What all names begin with; made from the name of the study unless given."""
    tables: bool = False
    """Write the header of tables alone."""
    picture: Path | None = None
    """A picture for the self-test to run, fitted to the input; otherwise the first image of the file of weights, or noise."""

    rounding: Rounding = "double"
    """How the user's CMSIS-NN rounds: `double` as it is built, `single` with CMSIS_NN_USE_SINGLE_ROUNDING."""
    per_channel_dense: bool = False
    """Whether dense layers have a scale for each output channel, for CMSIS-NN from 6.0 on: 8 bytes a channel more than counted."""

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the header, or the folder: `out` itself, or without its `.h`.

        Raises:
            ExportError: when the runtime counts memory without laying it out, or the kernels do not know something of the design.
        """
        if self.tables or not self.writes_program(design):
            write_atomically(out, tables(design, design.network(), self.prefix or prefix_of(design)))
            return (out,)
        return write_folder(out.with_suffix("") if out.suffix == ".h" else out, self.sources(design).texts())

    def leaves_out(self, design: Design) -> Collection[str]:
        """None of a table of layers: see `Numbers`."""
        return super().leaves_out(design) if self.writes_program(design) and not self.tables else ()

    def writes_program(self, design: Design) -> bool:
        """Whether there are kernels of the design's runtime."""
        return self.backend(design) is not None

    def backend(self, design: Design) -> str | None:
        """Whose kernels they are."""
        return design.load_study().runtime.firmware

    def sources(self, design: Design) -> Sources:
        """Fill a design with numbers and lay its steps out.

        Raises:
            ExportError: when the kernels do not know something of the design.
        """
        prefix, is_cmsis = self.prefix or prefix_of(design), self.backend(design) == "cmsis-nn"
        tied = ties(per_channel_dense=self.per_channel_dense) if is_cmsis else FREE
        model = quantised(design, self, tied, self.leaves_out(design))
        header, arena = tables(design, model.network, prefix), design.arena
        if arena is None:
            raise ExportError("a design without addresses")
        common = (design.study_name, design.provenance.made_by, arena, prefix, header)
        image = self.image(design, design.network())
        if is_cmsis:
            calls = calls_of(arena, model, per_channel_dense=self.per_channel_dense)
            return CmsisSources(*common, CmsisSelfTest(model, image, self.rounding), calls)
        return KernelSources(*common, SelfTest(model, image), program(arena, model), int(design.uses["flash"].used))

    def image(self, design: Design, network: Network) -> Reals:
        """What the self-test reads, shape (1, channels, height, width)."""
        image = image_of(network)
        if self.picture is not None:
            return picture_of(self.picture, image)
        if self.weights is not None and self.weights.suffix.lower() != ".onnx":
            arrays = read_weights(self.weights, network)
            if image.name in arrays:
                return np.asarray(arrays[image.name][:1], np.float64)
        return random_images(f"{design.study_name}/{design.provenance.seed}/{image.name}", image, 1)
