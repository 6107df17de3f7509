"""Estimates of time and energy: the published figures behind them, and the study that the documentation works through."""

import re
from pathlib import Path

import numpy as np
import pytest

from qeopt.hardware import Runtime
from qeopt.hardware.costs import cycles, picojoules
from qeopt.network import Dim, Op, OpKind, Tensor, macs
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.verbs.solve import solve

PAGE = Path(__file__).parents[2] / "docs" / "runtimes.md"
SOURCE = 'source: {url: "https://example.com", date: 2026-11-21}\n'


def runtime(name: str) -> Runtime:
    return load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value


def conv(side: Dim, c_in: Dim, c_out: Dim, kernel: int = 1, kind: OpKind = OpKind.CONV) -> Op:
    return Op("op", kind, (Tensor("in", side, side, c_in),), Tensor("out", side, side, c_out), kernel)


MACS_PER_CYCLE = {  # by bits of input and weights (arXiv 2010.04073)
    (8, 8): 2.1, (8, 4): 2.3, (8, 2): 2.5,
    (4, 8): 2.1, (4, 4): 3.5, (4, 2): 3.9,
    (2, 8): 2.2, (2, 4): 4.0, (2, 2): 6.5,
}  # fmt: skip
PICOJOULES_PER_CYCLE = (5.30 + 5.39 + 5.46 + 5.38) / 4 / 250 * 1000
"""Four powers in mW at 250 MHz, by the same authors' measurement."""


@pytest.mark.parametrize(("bits", "expected"), MACS_PER_CYCLE.items())
@pytest.mark.parametrize("kind", [OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE])
def test_mpic_costs_what_is_published(kind: OpKind, bits: tuple[int, int], expected: float) -> None:
    shown, subject = runtime("mpic"), conv(8, 64, 64, kind=kind)
    work = int(macs(subject))
    for out_bits in (2, 4, 8):
        assert work / cycles(shown, subject, *bits, out_bits) == pytest.approx(expected, rel=3e-3)
        assert picojoules(shown, subject, *bits, out_bits) == pytest.approx(work / expected * PICOJOULES_PER_CYCLE, rel=2e-3)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("channels", [16, 64, 256])
def test_pulp_nn_cannot_beat_its_inner_loop(kernel: int, channels: int) -> None:
    """Eight cores make 32 MACs in 14 cycles at most; the paper of the library reports 15.5 MACs a cycle (arXiv 1908.11263)."""
    subject = conv(16, channels, 64, kernel)
    rate = int(macs(subject)) / cycles(runtime("pulp-nn"), subject, 8, 8, 8)
    assert rate < 8 * 32 / 14
    assert rate > 15 or kernel * kernel * channels < 256  # small inner loops pay for their set-up
    assert cycles(runtime("pulp-nn"), subject, 4, 2, 8) == cycles(runtime("pulp-nn"), subject, 8, 8, 8)


def vendors_cycles(side: int, c_in: int, c_out: int, kernel: int) -> int:
    """Cycles of MAX78000's accelerator for a layer, added up row by row as the vendor's tool does."""
    passes, pad = -(-c_in // 64), (kernel - 1) // 2
    read = 2 * passes  # a column is read from data memory and written to the processors, once a pass
    written = passes * side * c_out
    padding = 2 * pad * (read + 1) + side * (read + 1)  # a row of zeros above
    filling = padding  # a row of data before the first output
    row = pad * (read + 1) + (kernel - 1 - pad) * (read + 1) + (side - pad) * read + read * pad
    total = pad * padding + (kernel - 1 - pad) * filling
    total += (side - (kernel - 1 - pad)) * (row + written)
    return total + pad * (row + written)  # rows of zeros below


@pytest.mark.parametrize("kernel", [1, 3])
def test_max78000_takes_the_vendors_cycles(kernel: int) -> None:
    """Twice, because the accelerator has half the clock of the core that the device's clock is stated for."""
    shown = runtime("max78000")
    shapes = [(side, c_in, c_out) for side in (4, 7, 32) for c_in in (3, 64, 65, 200) for c_out in (2, 16, 100)]
    expected = [2 * vendors_cycles(*shape, kernel) for shape in shapes]
    assert [cycles(shown, conv(*shape, kernel), 8, 8, 8) for shape in shapes] == expected
    side, c_in, c_out = (np.asarray(column, dtype=np.int64) for column in zip(*shapes, strict=True))
    assert np.asarray(cycles(shown, conv(side, c_in, c_out, kernel), 8, 2, 8)).tolist() == expected


def test_max78000_classifier_pool_and_sum() -> None:
    shown = runtime("max78000")
    pool = Op("pool", OpKind.POOL, (Tensor("in", 8, 8, 96),), Tensor("out", 1, 1, 96), 8)
    dense = Op("dense", OpKind.DENSE, (Tensor("in", 1, 1, 96),), Tensor("out", 1, 1, 10))
    add = Op("add", OpKind.ADD, (Tensor("a", 8, 8, 96), Tensor("b", 8, 8, 96)), Tensor("out", 8, 8, 96))
    assert cycles(shown, dense, 8, 8, 8) == 2 * (1 + 2 * (2 + 10))
    assert cycles(shown, pool, 8, 0, 8) == 2 * 2 * 63
    assert cycles(shown, add, 8, 0, 8) == 2 * 2 * 2 * 64


# The study of docs/runtimes.md


def worked_example() -> tuple[str, list[list[str]]]:
    """The study, and the rows of the table below it."""
    text = PAGE.read_text(encoding="utf-8").split("\n### A budget of energy\n", 1)[1]
    study = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    rows = re.search(r"\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", text)
    assert study is not None
    assert rows is not None
    return study.group(1), [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.group(1).splitlines()]


@pytest.mark.parametrize("row", worked_example()[1], ids=lambda row: row[0])
def test_documented_budget_of_energy(row: list[str], tmp_path: Path) -> None:
    """Its bits are proven, so its figures stay as long as costs and score do."""
    (tmp_path / "study.yaml").write_text(worked_example()[0])
    budget, *expected = row
    design = solve(tmp_path / "study.yaml", overrides=[] if budget == "as above" else [f"budgets.energy_uj={budget}"]).design
    assert design is not None
    assert design.bits is not None
    uses = design.uses
    found = [
        f"{design.score:.2f}",
        f"{uses['picojoules'].used / 1e6:.1f} uJ",
        f"{uses['sram'].used / 1024:.1f} KiB",
        f"{uses['flash'].used / 1024:.1f} KiB",
    ]
    assert found == expected
    assert all(use.limit is None or use.used <= use.limit for use in uses.values())


def test_documented_measurement_of_ones_own(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8").split("```yaml\nruntime:\n", 1)[1].split("```")[0]
    (tmp_path / "mine.yaml").write_text("kind: runtime\n" + text.replace("\n  ", "\n").removeprefix("  ") + SOURCE)
    shown = load(Runtime, tmp_path / "mine.yaml", library=Library(), kind="runtime", folder="runtimes").value
    subject = conv(8, 16, 16, 3)
    assert picojoules(shown, subject, 8, 4, 8) == 60 * int(macs(subject))
