"""Memories that a study prefers: as many bytes of buffers as can be in the first, against every division of small problems."""

import json
import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from qeopt.design.verify import verify
from qeopt.spec.errors import SpecError
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve
from qeopt_solvers import packing
from qeopt_solvers.rectangles import Item, Piece, arena_at, spans


def least_cost(items: list[Item], arenas: list[int], ranks: list[int]) -> int | None:
    """Over every division of the items whose parts find addresses by themselves."""
    costs = []
    for homes in product(range(len(arenas)), repeat=len(items)):
        parts = [[item for item, home in zip(items, homes, strict=True) if home == number] for number in range(len(arenas))]
        if all(not part or packing.fits(part, size) for part, size in zip(parts, arenas, strict=True)):
            costs.append(sum(item.size * ranks[home] for item, home in zip(items, homes, strict=True)))
    return min(costs, default=None)


def test_no_division_of_the_buffers_costs_less() -> None:
    rng = random.Random(5)
    misfits = 0
    for _ in range(40):
        items = []
        for _ in range(rng.randint(2, 5)):
            first = rng.randint(0, 4)
            items.append(Item((Piece(rng.randint(1, 8), first, first + rng.randint(0, 3)),)))
        ranks = rng.choice(([0, 1], [0, 1, 2], [0, 1, 1]))
        arenas = [rng.randint(4, 12) for _ in ranks]
        offsets, bound = packing.prefer(items, arenas, ranks, sum(arenas))
        best = least_cost(items, arenas, ranks)
        if best is None:
            assert offsets is None
            misfits += 1
            continue
        assert offsets is not None
        homes = [arena_at(offset, spans(arenas)) for offset in offsets]
        assert sum(item.size * ranks[home] for item, home in zip(items, homes, strict=True)) == best == bound
    assert 0 < misfits < 20


def study(folder: Path, **told: Any) -> Path:
    """A chain of buffers of 128, 256, 512 and 64 bytes beside memories of 500 and 4096 bytes."""
    fields: dict[str, Any] = {
        "task": {"input": [4, 4, 8], "classes": 64},
        "network": {
            "image": {"shape": [4, 4, 8]},
            "ops": [
                {"name": "a", "op": "conv", "reads": ["image"], "shape": [4, 4, 16], "stage": 0},
                {"name": "b", "op": "conv", "reads": ["a"], "shape": [4, 4, 32], "stage": 0},
                {"name": "c", "op": "dense", "reads": ["b"], "shape": [1, 1, 64], "bits": 8, "weight_bits": 8},
            ],
        },
        "device": {
            "memory": [{"name": "SRAM", "size": "500 B"}, {"name": "PSRAM", "size": "4 KiB"}],
            "flash": "1 MiB",
            "core": "xtensa",
            "clock_mhz": 240,
            "source": {"url": "https://example.org", "date": "2026-11-28"},
        },
        "runtime": {"extends": "ideal", "memory": {"banks": "all"}},
        "bits": {"weights": [8], "activations": [8]},
        "objective": "qe",
        "qbr": {"engine": "cp_sat"},
        "search": {"baselines": []},
        **told,
    }
    path = folder / "study.yaml"
    path.write_text("kind: study\n" + "".join(f"{key}: {json.dumps(value)}\n" for key, value in fields.items()), encoding="utf-8")
    return path


def test_small_buffers_lie_in_the_fast_memory(tmp_path: Path) -> None:
    for prefer, lies_in in (
        (["sram", "psram"], {"image": "SRAM", "a": "SRAM", "b": "PSRAM", "c": "SRAM"}),
        (["PSRAM"], dict.fromkeys(("image", "a", "b", "c"), "PSRAM")),
    ):
        solution = solve(study(tmp_path, memory={"prefer": prefer}))
        assert solution.design is not None
        arena = solution.design.arena
        assert arena is not None
        assert {name: buffer.region for name, buffer in arena.buffers.items()} == lies_in
        assert arena.misplaced == arena.least_misplaced == (512 if len(prefer) == 2 else 0)
        path = tmp_path / "design.json"
        path.write_text(solution.design.model_dump_json(), encoding="utf-8")
        assert verify(path).holds
        told = json.loads(path.read_text(encoding="utf-8"))
        for key, wrong, said in (
            ("misplaced", arena.misplaced + 1, "arena.misplaced: the design says"),
            ("least_misplaced", arena.misplaced + 1, "arena.least_misplaced: said that no plan has fewer"),
        ):
            path.write_text(json.dumps({**told, "arena": {**told["arena"], key: wrong}}), encoding="utf-8")
            assert any(fault.startswith(said) for fault in verify(path).mismatches)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"memory": {"prefer": ["ssram"]}}, "there is no memory 'ssram' that may hold activations; 'SRAM' or 'PSRAM' was expected"),
        ({"memory": {"prefer": ["sram", "SRAM"]}}, "names 'SRAM' twice"),
        ({"memory": {"prefer": ["sram"]}, "runtime": "ideal"}, "the runtime 'ideal' keeps all buffers in the largest memory"),
        ({"memory": {"prefer": ["sram"]}, "budgets": {"sram": "unlimited"}}, "the budget of SRAM is no memory of the device"),
    ],
)
def test_what_cannot_be_preferred_is_said(told: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"study\.yaml") as caught:
        load_study(study(tmp_path, **told))
    assert said in str(caught.value)
