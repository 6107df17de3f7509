"""What every importer must keep, as tests to inherit.

In a test file of your own::

    from qeopt.testing.importers import ImporterContract

    class TestMine(ImporterContract):
        name = "cfg"

        def write_files(self, folder): ...
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

from qeopt.network import Network
from qeopt.network.document import GraphBlock, document
from qeopt.network.graph import weight_count
from qeopt.network.importers import IMPORTERS, ImportedModel, Importer, ImportOptions
from qeopt.spec.errors import SpecError
from qeopt.spec.model import build
from qeopt.testing.refusals import refusal


class ImporterContract:
    """Inherit, set `name`, write some files, and pytest does the rest."""

    name: str = ""
    """Its name in `network.importers`: the suffix of the files it reads."""
    damages: int = 60
    """Damaged files that are tried, for each sound one."""

    def write_files(self, folder: Path) -> Sequence[Path]:
        """Write small, sound files of the format into `folder` and return their paths."""
        raise NotImplementedError

    def reader(self) -> Importer:
        """Give the importer under test."""
        found: Importer = IMPORTERS.load(self.name)
        return found

    @contextmanager
    def files(self) -> Iterator[Sequence[Path]]:
        """Give sound files for as long as they are needed."""
        with tempfile.TemporaryDirectory() as folder:
            yield self.write_files(Path(folder))

    def read(self, path: Path, *, values: bool = False) -> ImportedModel:
        """Read a file as a user would who states nothing."""
        return self.reader()(path, ImportOptions(), values=values)

    def test_it_reads_every_file_the_same_way_twice(self) -> None:
        """Files become networks of at least one operator with weights, whatever was read before."""
        with self.files() as paths:
            assert paths
            for path in paths:
                found = self.read(path)
                assert found.network.weighted_ops
                assert found == self.read(path)

    def test_a_network_written_down_is_the_network(self) -> None:
        """What `qeopt import` writes of it and a study names later is the same network: nothing is lost on the way."""
        with self.files() as paths:
            for path in paths:
                network = self.read(path).network
                assert _written_and_read(network) == network

    def test_learnt_values_fit_their_operators(self) -> None:
        """Values, where the file has any, are those of operators with weights, one number for each weight."""
        with self.files() as paths:
            for path in paths:
                found = self.read(path, values=True)
                holders = {op.name: op for op in found.network.weighted_ops}
                assert found.weights.keys() <= holders.keys()
                for name, learnt in found.weights.items():
                    assert learnt.weights.size == weight_count(holders[name])
                assert found.network == self.read(path).network

    def test_damaged_files_are_refused_or_read(self) -> None:
        """Cut off, with bytes changed, empty: a `SpecError` that says where, or a network; never anything else."""
        rng = Random(self.name)
        with self.files() as paths:
            for path in paths:
                sound = path.read_bytes()
                for damaged in (b"", *(_damaged(sound, rng) for _ in range(self.damages))):
                    path.write_bytes(damaged)
                    told = refusal(partial(self.read, path, values=True), SpecError)
                    assert not told or path.name in told

    def test_what_is_no_such_file_is_refused(self) -> None:
        """A file that is not there, and a folder, are complaints about the file."""
        with tempfile.TemporaryDirectory() as folder:
            for path in (Path(folder) / f"nothing.{self.name}", Path(folder)):
                assert refusal(partial(self.read, path), SpecError)

    def test_widths_that_are_stated_are_kept(self) -> None:
        """`weight_bits` in the options fixes the width of that operator and of no other."""
        with self.files() as paths:
            for path in paths:
                free = self.read(path).network
                name = free.weighted_ops[-1].name
                fixed = self.reader()(path, ImportOptions(weight_bits={name: 4}), values=False).network
                assert fixed.op_by_name[name].weight_bits == 4
                assert all(op.weight_bits == free.op_by_name[op.name].weight_bits for op in fixed.ops if op.name != name)


def _written_and_read(network: Network) -> Network:
    return build(GraphBlock, document(network)).network(network.name)


def _damaged(sound: bytes, rng: Random) -> bytes:
    if rng.random() < 0.5:
        return sound[: rng.randrange(len(sound))]
    changed = bytearray(sound)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)
