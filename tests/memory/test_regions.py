"""Memories that do not join: where buffers may lie, designs that use several, and what a recount finds wrong with them."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qeopt.design import Design, load_design
from qeopt.design.recount import recount
from qeopt.export import export
from qeopt.hardware import Device, Run, Runtime
from qeopt.memory import Budgets, limits_of, runs_of
from qeopt.report.counted import Counted
from qeopt.report.pictures.arena import arena_picture
from qeopt.report.pictures.picture import write_picture
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve
from qeopt_solvers import Status

KIB = 1024
STUDY = """\
kind: study
task: {input: [32, 32, 3], classes: 2}
network:
  blocks:
    - {kind: conv, name: stem, width: 16, kernel: 3, stride: 2, weight_bits: 8}
    - {kind: k1dwk1, name: b1, width: 16, ratio: 3, units: 2, stride: 2}
    - {kind: k1dwk1, name: b2, width: 32, ratio: 2}
    - {kind: conv, name: head, width: 64}
    - {kind: classifier}
device:
  memory:
    - {name: near, size: 9 KiB, address: 0x20000000}
    - {name: "far*/", size: 5 KiB, address: 0x30000000}
    - {name: code, size: 64 KiB, holds: [weights]}
  flash: 1 MiB
  core: cortex-m7
  clock_mhz: 100
  source: {url: "https://example.org", date: 2026-01-01}
runtime: {extends: cmix-nn, memory: {banks: all}}
budgets: {flash: 10 KiB}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe}
"""


def device(name: str) -> Device:
    return load(Device, name, library=Library(), kind="device", folder="devices").value


def runtime(banks: str, reserve: int = 0) -> Runtime:
    ideal = load(Runtime, "ideal", library=Library(), kind="runtime", folder="runtimes").value
    data: Any = {**ideal.model_dump(mode="json", by_alias=True), "memory": {"banks": banks}, "reserve": {"sram": reserve}}
    return build(Runtime, data)


@pytest.fixture(scope="module")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "banks.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="module")
def design(study_file: Path) -> Design:
    found = solve(study_file).design
    assert found is not None
    return found


def test_banks_that_join_are_one_run() -> None:
    axi, dtcm, d2, d3 = device("stm32h743").runs
    assert axi == Run("AXI SRAM", 512 * KIB, 0x24000000)
    assert d2 == Run("SRAM1 + SRAM2 + SRAM3", 288 * KIB, 0x30000000)
    assert (dtcm.size_bytes, d3.size_bytes) == (128 * KIB, 64 * KIB)
    assert device("portenta-h7").runs == (Run("AXI SRAM", 512 * KIB - 664),)  # where the reserve lies is not known


def test_the_largest_run_or_all_of_them() -> None:
    board, none = device("stm32h743"), Budgets(flash="unlimited")
    assert runs_of(none, board, runtime("largest")) == board.runs[:1]
    assert limits_of(none, board, runtime("largest")).sram_bytes == 512 * KIB
    assert runs_of(none, board, runtime("all")) == board.runs
    assert limits_of(none, board, runtime("all")).sram_bytes == 992 * KIB


def test_the_reserve_lies_in_the_smallest_run_that_holds_it() -> None:
    board, none = device("stm32h743"), Budgets(flash="unlimited")
    assert runs_of(none, board, runtime("largest", 100 * KIB)) == (Run("AXI SRAM", 412 * KIB),)
    sizes = [run.size_bytes for run in runs_of(none, board, runtime("all", 100 * KIB))]
    assert sizes == [512 * KIB, 28 * KIB, 288 * KIB, 64 * KIB]
    with pytest.raises(ValueError, match="nothing is left"):
        limits_of(none, board, runtime("all", 600 * KIB))


def test_a_stated_budget_caps_all_runs_together() -> None:
    board = device("stm32h743")
    for stated, limit in ((600 * KIB, 600 * KIB), (2000 * KIB, 992 * KIB)):
        assert limits_of(Budgets(sram=stated, flash="unlimited"), board, runtime("all")).sram_bytes == limit
    assert runs_of(Budgets(sram="unlimited"), board, runtime("all")) == ()
    assert runs_of(Budgets(sram=2000 * KIB), board, runtime("largest")) == ()  # a size, whatever the device has
    assert runs_of(Budgets(sram=100 * KIB), None, runtime("all")) == ()


def test_all_runs_of_a_device_with_one_are_the_largest() -> None:
    for name in ("stm32f412", "stm32f746"):
        budgets = Budgets(flash="unlimited")
        largest, every = ((budgets, device(name), runtime(banks)) for banks in ("largest", "all"))
        assert runs_of(*largest) == runs_of(*every)
        assert limits_of(*largest) == limits_of(*every)


def test_a_design_in_two_memories(study_file: Path, design: Design, tmp_path: Path) -> None:
    """More than the largest bank holds, every buffer whole in one of them; saved, loaded and counted again."""
    arena = design.arena
    assert arena is not None
    assert design.bits.status is Status.OPTIMAL
    assert arena.bytes == sum(region.bytes for region in arena.regions) > 9 * KIB
    assert arena.minimal
    assert arena.live <= arena.bound == arena.bytes
    assert [(region.name, region.size, region.address) for region in arena.regions] == [
        ("near", 9 * KIB, 0x20000000),
        ("far*/", 5 * KIB, 0x30000000),
    ]
    used: dict[str, int] = {}
    for buffer in arena.buffers.values():
        used[buffer.region] = max(used.get(buffer.region, 0), buffer.offset + buffer.bytes)
    assert used == {region.name: region.bytes for region in arena.regions}
    design.save(tmp_path / "design.json")
    assert recount(load_design(tmp_path / "design.json")) == ()
    largest = solve(study_file, overrides=["runtime.memory.banks=largest"]).design
    assert largest is not None
    assert largest.score < design.score


def test_damaged_regions_are_found(design: Design) -> None:
    arena = design.arena
    assert arena is not None
    name, buffer = next((name, found) for name, found in arena.buffers.items() if found.region == "near" and found.bytes)
    near, far = arena.regions

    def faults(**changed: Any) -> str:
        return " ".join(recount(design.model_copy(update={"arena": arena.model_copy(update=changed)})))

    def moved(**changed: Any) -> dict[str, Any]:
        return {"buffers": {**arena.buffers, name: buffer.model_copy(update=changed)}}

    assert "no memory of this study" in faults(**moved(region="nowhere"))
    assert "do not fit into the" in faults(**moved(offset=9 * KIB))
    assert "regions are not those of the study" in faults(regions=(near,))
    assert "regions are not those of the study" in faults(regions=(near.model_copy(update={"address": 0}), far))
    assert "is said to be used up to" in faults(regions=(near.model_copy(update={"bytes": 1}), far))
    assert "has no addresses for them" in " ".join(recount(design.model_copy(update={"arena": None})))


def test_no_bits_with_addresses_is_a_proven_answer(study_file: Path) -> None:
    """A bank may be too small for any one tensor, though all of them together hold every step."""
    study = load_study(study_file).value
    refiner = replace(study.refiner, arenas=(KIB,) * 14)
    refined = refiner.refine(study.subject.expand(study.subject.smallest(), study.task))
    assert refined.status is Status.INFEASIBLE
    assert "find addresses" in refined.reason


def test_the_picture_and_the_header_show_both_memories(design: Design, tmp_path: Path) -> None:
    assert design.arena is not None
    write_picture(arena_picture(Counted.of_design(design), design.arena), tmp_path / "arena.png")
    assert (tmp_path / "arena.png").stat().st_size > 10_000
    export(design, "c", tmp_path / "design.h", {"prefix": "d"})
    text = (tmp_path / "design.h").read_text()
    assert "#define D_REGIONS 2" in text
    assert f"#define D_REGION_NEAR_BYTES {design.arena.regions[0].bytes}u" in text
    assert "#define D_REGION_NEAR_ADDRESS 0x20000000u" in text
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc")
    (tmp_path / "main.c").write_text('#include "design.h"\nint main(void) { return d_buffers[0].region + d_layers[0].kind; }\n')
    subprocess.run([gcc, "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"], cwd=tmp_path, check=True, timeout=60)
