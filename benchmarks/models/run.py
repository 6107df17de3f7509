"""Model files that the world ships: which import, whether counts and computed values are those of the file; a page.

`python benchmarks/models/run.py FOLDER ... [--page docs/models.md]` where qeopt, onnx, onnxruntime, tflite-micro and tflite are
installed. Every .onnx and .tflite file below the folders is read in a process of its own. Counts are those of `counts.py`, which
shares nothing with the importers. The page says how the folders are filled.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import counts
import numpy as np

from qeopt.design.arena import describe_arena
from qeopt.export.exporter import export
from qeopt.hardware import Runtime
from qeopt.hardware.lowered import lowered
from qeopt.network import Bits, macs, weight_count
from qeopt.network.importers import ImportOptions, import_model
from qeopt.spec.errors import QeoptError
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build
from qeopt.verbs.bits import bits

BEGIN, END = "<!-- table of models: begin -->", "<!-- table of models: end -->"
SECONDS = 240
"""What one file may take."""
MOST_MACS = 2_000_000_000
"""Networks of more are not computed, which would take minutes each."""
SIDES = (224, 224, 3)
"""Image of files that leave its size open."""
IMAGES = 4
TAIL = 0.1
"""Share by which what is held for good may be off."""


def judge(path: Path) -> dict[str, Any]:
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
    elif told["macs"] <= MOST_MACS:
        told |= _computed(path, options)
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


def _computed(path: Path, options: ImportOptions) -> dict[str, Any]:
    """How the 8-bit export follows the file, on random images."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - not for files of TFLite

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.onnx"
        try:
            solution = bits(
                path, runtime="ideal", budgets={"sram": "unlimited", "flash": "unlimited"}, weights=(8,), activations=(8,),
                options=options, overrides=("search.baselines=[]",),
            ).solution  # fmt: skip
            if solution.design is None:
                return {"export": solution.reason}
            export(solution.design, "onnx-qdq", made, {"weights": str(path)})
        except QeoptError as error:
            return {"export": str(error)}
        other = onnxruntime.InferenceSession(str(made), providers=["CPUExecutionProvider"])
    given, wanted = session.get_inputs(), other.get_inputs()
    rng, pairs = np.random.default_rng(0), []
    for _ in range(IMAGES):
        image = rng.random(tuple(wanted[0].shape), np.float32)
        theirs = image
        if len(given[0].shape) == 4 and given[0].shape[3] == wanted[0].shape[1] and given[0].shape[1] != wanted[0].shape[1]:
            theirs = image.transpose(0, 2, 3, 1)
        elif len(given[0].shape) != 4:
            theirs = image.reshape([side if isinstance(side, int) and side > 0 else 1 for side in given[0].shape])
        said, got = session.run(None, {given[0].name: theirs}), other.run(None, {wanted[0].name: image})
        pairs.append((said[0].ravel(), next((one.ravel() for one in got if one.size == said[0].size), None)))
    if any(one is None for _, one in pairs):
        return {"export": "writes no output of the size of the first one"}
    expected, found = (np.concatenate([np.asarray(pair[side], np.float64) for pair in pairs]) for side in (0, 1))
    expected, found = expected - expected.mean(), found - found.mean()
    scale = float(np.linalg.norm(expected) * np.linalg.norm(found))
    return {"correlation": round(float(expected @ found) / scale, 4) if scale else None}


def files(folders: list[Path]) -> Iterator[tuple[str, Path]]:
    """Model files, by the name of their package; archives of MediaPipe are opened."""
    for folder in folders:
        for task in sorted(folder.rglob("*.task")):
            with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(task) as archive:
                archive.extractall(task.with_suffix(""), [name for name in archive.namelist() if name.endswith(".tflite")])
        for path in sorted((*folder.rglob("*.onnx"), *folder.rglob("*.tflite"))):
            yield path.relative_to(folder).parts[0] if path.parent != folder else folder.name, path


def judged(path: Path) -> dict[str, Any]:
    """What is told of a file by a process of its own."""
    command = [sys.executable, __file__, "--one", path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"file": path.name, "refused": f"no answer in {SECONDS} s", "failed": True}
    if done.returncode:
        return {"file": path.name, "refused": done.stderr.strip().splitlines()[-1][:200], "failed": True}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(package: str, told: dict[str, Any]) -> str:
    """A row of the table."""
    if "refused" in told:
        how = "**fails**" if told.get("failed") else "refused"
        return f"| {package} | {told['file']} | {how}: {plain(told['refused'])} | | | | |"
    counted, own = told.get("counted"), [told["weights"], told["macs"]]
    same = "not counted" if counted is None else "equal" if counted == own else f"**{counted[0]:,}, {counted[1]:,}**"
    values = arena_of(told) if told["file"].endswith(".tflite") else plain(str(told.get("correlation", told.get("export", ""))))
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


def main() -> None:
    """Judge files and print the table, or put it into a page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--again", type=Path, help="Results of before, instead of files")
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--one", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--results", type=Path, help="JSON of everything, to be kept beside the page")
    said = parser.parse_args()
    if said.one is not None:
        print(json.dumps(judge(said.one)))
        return
    found = [] if said.again is None else [(package, told) for package, told in json.loads(said.again.read_text(encoding="utf-8"))]
    for package, path in files(said.folders):
        found.append((package, judged(path)))
        print(package, json.dumps(found[-1][1]), file=sys.stderr, flush=True)
    if said.results is not None:
        said.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    read = [told for _, told in found if "refused" not in told]
    lines = [f"{len(read)} of {len(found)} files import ({len(read) / max(len(found), 1):.0%}).", ""]
    lines += [
        "| Package | File | Import | Weights | MACs | Counted from the file | 8-bit export, or arena |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [row(package, told) for package, told in found]
    text = "\n".join(lines)
    if said.page is None:
        print(text)
        return
    page = said.page.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    said.page.write_text(before + BEGIN + "\n" + text + "\n" + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
