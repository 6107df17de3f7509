"""The format `c`: firmware for runtimes whose kernels are written here, a header of tables for all others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qeopt.design import Design
from qeopt.export.c.folder import Sources, write_folder
from qeopt.export.c.program import program
from qeopt.export.c.tables import prefix_of, tables
from qeopt.export.fill import quantised
from qeopt.export.geometry import image_of, shape_of
from qeopt.export.numbers import Numbers, random_stream, read_weights
from qeopt.export.quantised import Reals
from qeopt.files import write_atomically
from qeopt.network import Network


class C(Numbers):
    """C99: a folder with a program for designs of `qeopt-c`, a header of tables for all others."""

    SUFFIX: ClassVar[str] = ".h"

    kind: Literal["c"] = "c"
    """Says that this is C."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,60}$")] | None = None
    """What all names begin with; made from the name of the study unless given."""
    tables: bool = False
    """Write the header of tables alone."""

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the header, or the folder: `out` itself, or without its `.h`.

        Raises:
            ExportError: when the runtime counts memory without laying it out, or the kernels do not know something of the design.
        """
        prefix, header = self.prefix or prefix_of(design), tables(design, design.network(), self.prefix or prefix_of(design))
        if self.tables or design.load_study().runtime.firmware is None:
            write_atomically(out, header)
            return (out,)
        return write_folder(out.with_suffix("") if out.suffix == ".h" else out, self.sources(design, prefix, header).texts())

    def sources(self, design: Design, prefix: str, header: str) -> Sources:
        """Fill a design with numbers and lay its steps out.

        Raises:
            ExportError: when the kernels do not know something of the design.
        """
        model = quantised(design, self)
        return Sources(design, model, program(design, model), prefix, header, self.image(design, model.network))

    def image(self, design: Design, network: Network) -> Reals:
        """The first image of the file of weights, or a random one; shape (1, channels, height, width)."""
        image = image_of(network)
        if self.weights is not None and self.weights.suffix.lower() != ".onnx":
            arrays = read_weights(self.weights, network)
            if image.name in arrays:
                return arrays[image.name][:1].astype(float)
        return random_stream(f"{design.study_name}/{design.provenance.seed}/{image.name}").random((1, *shape_of(image)))
