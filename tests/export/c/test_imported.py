"""Networks from model files, with the bits that were found for them: on this machine and in the emulator."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qeopt.design import Design
from qeopt.export.c.emulator import MACHINES, missing_tools
from qeopt.export.c.exporter import C
from qeopt.export.c.trial import try_out
from qeopt.verbs.bits import bits

sys.path.insert(0, str(Path(__file__).parent))

FILES = {"resnet8": "70 KiB", "ds_cnn": "26 KiB", "mobilenet_v2": "1600 KiB"}
"""Networks, and flash that leaves some of them no 8 bits throughout."""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Design]]:
    pytest.importorskip("onnx")
    import model_files  # type: ignore[import-not-found]  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("files")

    def make(name: str) -> tuple[Path, Design]:
        path = getattr(model_files, name)(folder / f"{name}.onnx")
        design = bits(path, runtime="qeopt-c", budgets={"sram": "unlimited", "flash": FILES[name]}).solution.design
        assert design is not None
        return path, design

    return make


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_every_layer_of_a_model_file_is_as_the_reference(
    name: str, imported: Callable[[str], tuple[Path, Design]], tmp_path: Path
) -> None:
    path, design = imported(name)
    assert set(design.weights.values()) != {8}
    exporter, gcc = C(weights=path), shutil.which("gcc")
    exporter.export(design, tmp_path)
    if gcc is not None:
        files = [*sorted((tmp_path / "src").glob("*.c")), tmp_path / "selftest" / "main.c"]
        options = ["-std=c99", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsanitize=address,undefined"]
        subprocess.run([gcc, *options, f"-I{tmp_path / 'src'}", *files, "-o", tmp_path / "run"], check=True, timeout=300)
        done = subprocess.run([tmp_path / "run"], capture_output=True, text=True, check=False, timeout=300)
        assert done.stdout == f"all {len(design.network().ops)} layers as computed\n", done.stderr
    cores = ("cortex-m4",) if name == "mobilenet_v2" else ("cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33")
    for core in () if missing_tools() else cores:
        trial = try_out(design, exporter, tmp_path, core, emulated=True)
        assert trial.wrong == ()
        assert trial.machine == MACHINES[core]
        assert 0 <= trial.counted_flash_bytes - trial.flash_bytes <= 512
