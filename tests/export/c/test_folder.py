"""The folder of a design: what is in it, that it builds as strictly as can be, and that its memory is planned to the byte."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qeopt.design import Design
from qeopt.export import ExportError, export
from qeopt.export.c.emulator import MACHINES
from qeopt.export.c.exporter import C
from qeopt.export.c.trial import counted_flash

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-g", "-O1"]
SANITISERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.fixture(scope="module")
def program(small: Callable[..., Design]) -> Design:
    return small("program", kind="k1dwk1", runtime="qeopt-c", sram="2100", flash="27000", bits="[2, 4, 8]")


@pytest.fixture
def gcc() -> str:
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("no gcc")
    return found


def compiled(gcc: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    files = [*sorted((folder / "src").glob("*.c")), folder / "selftest" / "main.c"]
    subprocess.run([gcc, *WARNINGS, *options, f"-I{folder / 'src'}", *files, "-o", folder / "run"], check=True, timeout=120)
    return subprocess.run([folder / "run"], capture_output=True, text=True, check=False, timeout=60)


def test_runs_on_exactly_the_planned_arena_and_on_not_a_byte_less(program: Design, gcc: str, tmp_path: Path) -> None:
    export(program, "c", tmp_path / "f")
    done = compiled(gcc, tmp_path / "f", *SANITISERS)
    assert (done.stdout, done.returncode) == (f"all {len(program.network().ops)} layers as computed\n", 0)
    main = tmp_path / "f" / "selftest" / "main.c"
    text = main.read_text()
    main.write_text(text.replace("_ARENA_BYTES]", "_ARENA_BYTES - 1]"))
    assert main.read_text() != text
    assert "AddressSanitizer" in compiled(gcc, tmp_path / "f", *SANITISERS).stderr


def test_the_self_test_names_the_layer_that_is_wrong(program: Design, gcc: str, tmp_path: Path) -> None:
    export(program, "c", tmp_path / "f", {"prefix": "d"})
    weights = tmp_path / "f" / "src" / "d_weights.c"
    text = weights.read_text()
    head, first, rest = re.split(r"(?<=\{\n  )(\d+)", text, maxsplit=1)
    weights.write_text(head + str((int(first) + 64) % 256) + rest)
    done = compiled(gcc, tmp_path / "f")
    assert (done.stdout, done.returncode) == ("layer stem differs\n", 1)


def test_only_the_kernels_in_use_are_there(program: Design, tmp_path: Path) -> None:
    export(program, "c", tmp_path / "f")
    source = tmp_path / "f" / "src"
    assert not (source / "qc_max_pool.c").exists()
    named = set(re.findall(r"^QC_(?:DOTS|FOURS)\(\d, \d\)$", (source / "qc_kernels.c").read_text(), re.MULTILINE))
    bits = program.bit_widths()
    weighted = {(op.kind.value == "depthwise", *bits.of(op)[:2]) for op in program.network().weighted_ops}
    assert named == {f"QC_{'FOURS' if is_depthwise else 'DOTS'}({a}, {w})" for is_depthwise, a, w in weighted}


def test_it_is_a_package_for_others_too(program: Design, tmp_path: Path) -> None:
    written = export(program, "c", tmp_path / "f")
    assert all(path.is_file() for path in written)
    assert json.loads((tmp_path / "f" / "library.json").read_text())["build"]["srcDir"] == "src"
    cmake = (tmp_path / "f" / "CMakeLists.txt").read_text()
    listed = set(re.findall(r"src/\S+\.c", cmake))
    assert listed == {f"src/{path.name}" for path in (tmp_path / "f" / "src").glob("*.c")}


def test_other_runtimes_get_a_header_of_tables(mixed: Design, program: Design, tmp_path: Path) -> None:
    assert export(mixed, "c", tmp_path / "t.h") == (tmp_path / "t.h",)
    assert export(program, "c", tmp_path / "u.h", {"tables": True}) == (tmp_path / "u.h",)


def test_code_of_another_core_is_counted_for_programs_of_ours_alone(mixed: Design, program: Design) -> None:
    assert [counted_flash(mixed, machine) for machine in MACHINES.values()] == [mixed.uses["flash"].used] * len(MACHINES)
    by_core = {name: counted_flash(program, machine) for name, machine in MACHINES.items()}
    assert by_core["cortex-m4"] == program.uses["flash"].used
    assert by_core["cortex-m0"] != program.uses["flash"].used
    assert by_core["cortex-m3"] not in {by_core["cortex-m0"], by_core["cortex-m4"]}


def test_a_picture_is_fitted_to_the_input(program: Design, tmp_path: Path) -> None:
    images = pytest.importorskip("PIL.Image")
    images.new("RGB", (40, 30), (255, 0, 51)).save(tmp_path / "p.png")
    sources = C(picture=tmp_path / "p.png").sources(program)
    assert sources.selftest.image.shape == (1, 3, 16, 16)
    assert sources.selftest.image[0, :, 3, 4].tolist() == [1.0, 0.0, 0.2]
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(ExportError, match=r"no\.png: cannot be read as a picture"):
        C(picture=tmp_path / "no.png").sources(program)
