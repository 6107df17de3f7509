"""What every exporter must keep, as tests to inherit.

In a test file of your own::

    from qeopt.testing.exporters import ExporterContract

    class TestMine(ExporterContract):
        name = "netlist"
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.spec.document import parse
from qeopt.spec.errors import SpecError
from qeopt.testing.refusals import refusal
from qeopt.verbs.solve import solve

STUDY = """\
kind: study
task: {input: [16, 16, 3], classes: 2}
space:
  blocks:
    - {kind: conv, name: stem, width: [8], kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 2, width: [16], kernel: [3], ratio: [2], units: [2]}
    - {kind: conv, name: head, width: [32]}
    - {kind: classifier}
runtime: ideal
objective: {kind: qe}
search: {evaluations: 10, baselines: []}
"""
"""A network with every kind of operator that spaces have, an addition among them."""


@cache
def small_design(widths: tuple[int, ...], flash: str) -> Design:
    """A finished design of a small network, its widths among those given and its weights within `flash`."""
    terms = (
        f"bits: {{weights: {list(widths)}, activations: {list(widths)}}}\nbudgets: {{layers: 12, sram: 8 KiB, flash: {flash}}}\n"
    )
    design = solve(parse(STUDY + terms, "small_export.yaml")).design
    if design is None:
        raise AssertionError("the study of the contract has a design")
    return design


class ExporterContract:
    """Inherit, set `name`, and pytest does the rest."""

    name: str = ""
    """Its name in `qeopt export --format`."""
    options: Mapping[str, Any] = {}
    """Options that every export of these tests is given."""

    def designs(self) -> Iterator[Design]:
        """Give designs that it may be asked for: of 8 bits, of mixed ones, and of widths that few kernels have."""
        yield small_design((8,), "32 KiB")
        yield small_design((2, 4, 8), "3 KiB")
        yield small_design((3, 5, 7), "3 KiB")

    def written(self, design: Design) -> Mapping[str, bytes] | None:
        """What the exporter writes, by the name of the file; nothing where it refuses, and then nothing may lie there."""
        with tempfile.TemporaryDirectory() as place:
            folder, paths = Path(place), list[Path]()
            told = refusal(lambda: paths.extend(self.export(design, folder / "design.out")), ExportError)
            there = {path for path in folder.rglob("*") if path.is_file()}
            if told:
                assert not there, "an export that was refused left something behind"
                return None
            named = {file for path in paths for file in (path, *path.rglob("*")) if file.is_file()}
            assert paths[0] == folder / "design.out"
            assert named == there
            return {str(path.relative_to(folder)): path.read_bytes() for path in there}

    def export(self, design: Design, out: Path, **options: object) -> Sequence[Path]:
        """Export as `qeopt export` does."""
        return export(design, self.name, out, {**self.options, **options})

    def test_it_writes_what_it_says_it_wrote(self) -> None:
        """The file asked for comes first, everything else that lies there afterwards is named too, and some design exports."""
        assert any(self.written(design) for design in self.designs())

    def test_the_same_design_gives_the_same_bytes(self) -> None:
        """Nothing but the design and the options is in the files: no time, no random number, no path."""
        for design in self.designs():
            assert self.written(design) == self.written(design)

    def test_bits_reach_the_files(self) -> None:
        """A design of other bits gives other files."""
        found = [written for design in self.designs() if (written := self.written(design)) is not None]
        assert all(one != other for number, one in enumerate(found) for other in found[:number])

    def test_a_design_that_contradicts_its_study_is_refused(self) -> None:
        """Bits of an operator that there is not, or none for a tensor that there is, are a complaint about the design."""
        design = next(self.designs())
        changes: tuple[dict[str, Mapping[str, int]], ...] = ({"weights": {**design.weights, "nobody": 8}}, {"activations": {}})
        for wrong in changes:
            with tempfile.TemporaryDirectory() as folder:
                other = design.model_copy(update=wrong)
                assert refusal(partial(self.export, other, Path(folder) / "design.out"), SpecError, ExportError)
                assert list(Path(folder).iterdir()) == []

    def test_a_place_that_cannot_be_written_is_told(self) -> None:
        """A file where a folder should be is a complaint with that place in it."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "file").touch()
            out = Path(folder) / "file" / "design.out"
            assert str(out.parent) in refusal(partial(self.export, next(self.designs()), out), ExportError)

    def test_an_option_that_there_is_not_is_refused(self) -> None:
        """Options are checked before anything is written."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "design.out"
            assert refusal(partial(self.export, next(self.designs()), out, no_such_option=1), SpecError)
            assert list(Path(folder).iterdir()) == []
