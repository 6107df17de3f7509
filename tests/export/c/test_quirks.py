"""Programs in C of imported networks that end in a reshape, join rows or multiply by rows: right to the byte, or refused."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
sys.path.insert(0, str(Path(__file__).parents[2] / "oracle"))
import onnx_quirks  # type: ignore[import-not-found]

from qeopt.design import Design
from qeopt.export import ExportError
from qeopt.export.c.exporter import C
from qeopt.verbs.bits import bits

FREE: Any = {"sram": "unlimited", "flash": "unlimited"}


def solved(name: str, runtime: str, folder: Path) -> tuple[Path, Design]:
    path = folder / "net.onnx"
    path.write_bytes(onnx_quirks.model_of(name).SerializeToString())
    design = bits(path, runtime=runtime, budgets=FREE, weights=[8], activations=[8]).solution.design
    assert design is not None
    return path, design


@pytest.mark.parametrize("name", ["flatten at 2", "itself joined", "columns joined", "split columns"])
def test_every_layer_is_as_the_reference(name: str, tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no compiler")
    path, design = solved(name, "qeopt-c", tmp_path)
    C(weights=path).export(design, tmp_path / "out")
    source = tmp_path / "out" / "src"
    files = [*sorted(source.glob("*.c")), tmp_path / "out" / "selftest" / "main.c"]
    subprocess.run([gcc, "-std=c99", f"-I{source}", *files, "-o", tmp_path / "run"], check=True, timeout=300)
    done = subprocess.run([tmp_path / "run"], capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout == f"all {len(design.network().ops)} layers as computed\n", done.stderr


@pytest.mark.parametrize(("runtime", "name"), [("qeopt-c", "gate by rows"), ("qeopt-c", "mean added"), ("cmsis-nn", "mean added")])
def test_shapes_without_a_kernel_are_told(runtime: str, name: str, tmp_path: Path) -> None:
    path, design = solved(name, runtime, tmp_path)
    with pytest.raises(ExportError, match=r"is of tensors of .* values, for which there is no kernel"):
        C(weights=path).export(design, tmp_path / "out")
