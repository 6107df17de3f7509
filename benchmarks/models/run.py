"""Model files that the world ships: which import, whether counts and computed values are those of the file; a page.

`python benchmarks/models/run.py [PACKAGE=]FOLDER ... [--page docs/models.md]` where qeopt, onnx, onnxruntime, tflite-micro and
tflite are installed. Every .onnx and .tflite file below the folders is read in a process of its own. Counts are those of
`counts.py`, which shares nothing with the importers; what is computed is in `computed.py`. The page says how the folders are
filled; rows that are not made again stay in it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import counts
import numpy as np

from qeopt.design.arena import describe_arena
from qeopt.hardware import Runtime
from qeopt.hardware.lowered import lowered
from qeopt.network import Bits, macs, weight_count
from qeopt.network.importers import ImportOptions, import_model
from qeopt.spec.errors import QeoptError
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

BEGIN, END = "<!-- table of models: begin -->", "<!-- table of models: end -->"
HEAD = (
    "| Package | File | Import | Weights | MACs | Counted from the file | Exports, or arena |",
    "|---|---|---|---|---|---|---|",
)
SECONDS = 1200
"""What one file may take."""
MOST_MACS = 2_000_000_000
"""Networks of more are not computed unless it is asked for: it takes minutes each."""
SIDES = (224, 224, 3)
"""Image of files that leave its size open."""
FLOATS = 1e-4
"""Share of the largest value by which an export in floats may be off."""


def judge(path: Path, most: int = MOST_MACS) -> dict[str, Any]:
    """Everything that is told of one file."""
    told: dict[str, Any] = {"file": path.name}
    began = time.monotonic()
    options = ImportOptions()
    try:
        try:
            found = import_model(path, options)
        except QeoptError as error:
            if "state `input:" not in str(error) and "--input" not in str(error):
                raise
            told["input"] = counts.sides_of(path, SIDES)
            options = build(ImportOptions, {"input": told["input"]})
            found = import_model(path, options)
    except QeoptError as error:
        return told | {"refused": str(error).removeprefix(f"{path}: ")}
    told["seconds"] = round(time.monotonic() - began, 1)
    told["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    network = found.network
    owners = {network.weights_owner(op).name: op for op in network.weighted_ops}
    told["weights"] = sum(int(weight_count(op)) for op in owners.values())
    told["macs"] = sum(int(macs(op)) for op in network.ops)
    with contextlib.suppress(counts.UncountableError):
        told["counted"] = list((counts.of_tflite if path.suffix == ".tflite" else counts.of_onnx)(path, told.get("input")))
    if path.suffix == ".tflite":
        told |= _arena(path, network)
    elif told["macs"] <= most:
        from computed import computed  # noqa: PLC0415 - TFLite files go without

        told |= computed(path, options, told["macs"])
    return told


def _arena(path: Path, network: Any) -> dict[str, Any]:
    """The plan under `tflm`, and what the interpreter sets aside."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "network"))
    from tflm_oracle import Micro  # type: ignore[import-not-found]  # noqa: PLC0415 - of the tests

    runtime = load(Runtime, "tflm-x86-64", library=Library(), kind="runtime", folder="runtimes").value
    ran, _ = lowered(network, runtime)
    told: dict[str, Any] = {"arena": None}
    try:
        micro = Micro.of(path)
        measured = micro.allocations()
    except Exception as error:  # it refuses what it does not know
        return told | {"interpreter": str(error)[:120]}
    kind = np.dtype(micro.input()["dtype"])
    width = 8 * kind.itemsize
    every = Bits(
        dict.fromkeys((op.name for op in ran.weighted_ops), width), dict.fromkeys((one.name for one in ran.tensors), width)
    )
    arena = describe_arena(ran, runtime, every)
    told["arena"] = None if arena is None else arena.bytes
    tail = (0 if arena is None else arena.lasting) + runtime.reserve.sram
    return told | {"head": measured.head, "tail": measured.tail, "lasting": tail, "type": kind.name}


def files(folders: list[str]) -> Iterator[tuple[str, Path]]:
    """Model files, by the name of their package: `NAME=FOLDER`, else the folder below the one given."""
    for told in folders:
        name, _, folder = told.rpartition("=")
        root = Path(folder)
        for path in sorted((*root.rglob("*.onnx"), *root.rglob("*.tflite"))):
            yield name or (path.relative_to(root).parts[0] if path.parent != root else root.name), path


def judged(path: Path, most: int) -> dict[str, Any]:
    """What is told of a file by a process of its own."""
    command = [sys.executable, __file__, "--one", str(path), "--most", str(most)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"file": path.name, "refused": f"no answer in {SECONDS} s", "failed": True}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        return {"file": path.name, "refused": last[:200], "failed": True}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(package: str, told: dict[str, Any]) -> str:
    """A row of the table."""
    if "refused" in told:
        how = "**fails**" if told.get("failed") else "refused"
        return f"| {package} | {told['file']} | {how}: {plain(told['refused'])} | | | | |"
    counted, own = told.get("counted"), [told["weights"], told["macs"]]
    same = "not counted" if counted is None else "equal" if counted == own else f"**{counted[0]:,}, {counted[1]:,}**"
    values = arena_of(told) if told["file"].endswith(".tflite") else values_of(told)
    took = f"{told['seconds']} s" + (f", {told['mib']:,} MiB" if "mib" in told else "")
    return f"| {package} | {told['file']} | {took} | {own[0]:,} | {own[1]:,} | {same} | {values} |"


def arena_of(told: dict[str, Any]) -> str:
    """The plan beside what the interpreter sets aside."""
    if told.get("head") is None:
        return plain(f"interpreter: {told.get('interpreter', '')}")
    same = "equal" if told["head"] == told["arena"] else f"**{told['head']:,} B**"
    return f"{told['type']}: {told['arena']:,} B, {same}; {told['lasting']:,} of {told['tail']:,} B held"


def plain(text: str) -> str:
    """The beginning of a text, for a cell of a table."""
    return " ".join(text.split()).replace("|", "/")[:160]


def values_of(told: dict[str, Any]) -> str:
    """What the exports compute."""
    floats = told.get("floats")
    said = [] if floats is None else [f"floats {floats:.0e}" if floats < FLOATS else f"**floats {floats:.0e}**"]
    if "correlation" not in told:
        return ", ".join([*said, *filter(None, [plain(str(told.get("export", "")))])])
    said.append(str(told["correlation"]))
    if "differing" in told:
        said.append(f"**{told['differing']:,} of {told['values']:,} differ**" if told["differing"] else "equal")
    return ", ".join(said)


def rows_of(page: str) -> dict[tuple[str, str], str]:
    """Rows of the table in a page, by package and file."""
    lines = [line for line in page[page.index(BEGIN) : page.index(END)].splitlines() if line.startswith("| ")][1:]
    return {(cells[1].strip(), cells[2].strip()): line for line in lines for cells in [line.split("|")]}


def with_rows(page: str, rows: Mapping[tuple[str, str], str]) -> str:
    """The page with some rows in place of those of before; all others stay."""
    every = rows_of(page) | dict(rows)
    lines = [every[key] for key in sorted(every, key=lambda key: (key[0].lower(), key[1]))]
    read = sum(not line.split("|")[3].strip().startswith(("refused", "**fails**")) for line in lines)
    before, after = page[: page.index(BEGIN)], page[page.index(END) :]
    said = f"{read} of {len(lines)} files import ({read / max(len(lines), 1):.0%})."
    return "\n".join([before + BEGIN, said, "", *HEAD, *lines, after])


def main() -> None:
    """Judge files and put their rows into a page as they come, or print them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*", metavar="[PACKAGE=]FOLDER")
    parser.add_argument("--one", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--most", type=int, default=MOST_MACS, help="Multiply-accumulates of networks that are computed")
    parser.add_argument("--only", default="", help="Judge files of this name only")
    said = parser.parse_args()
    if said.one is not None:
        print(json.dumps(judge(said.one, said.most)))
        return
    for package, path in files(said.folders):
        if said.only and path.name != said.only:
            continue
        told = judged(path, said.most)
        print(package, json.dumps(told), file=sys.stderr, flush=True)
        made = row(package, told)
        if said.page is None:
            print(made)
        else:
            said.page.write_text(with_rows(said.page.read_text(encoding="utf-8"), {(package, path.name): made}), encoding="utf-8")


if __name__ == "__main__":
    main()
