"""`qeopt devices`, `runtimes`, `engines`: what can be named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from qeopt.report.catalogue import catalogue
from qeopt.spec.library import Library
from qeopt.study.file_kinds import KINDS
from qeopt_solvers import table

Run = Callable[..., Result]
DEVICE_KEYS = {
    "name", "title", "core", "clock_mhz", "regions", "arena_bytes", "flash_bytes", "flash_is_external", "macs_per_second",
    "sources", "origin", "path",
}  # fmt: skip
RUNTIME_KEYS = {
    "name", "title", "kernels", "activation_bits", "weight_bits", "in_place", "unit", "reserve_sram_bytes", "reserve_flash_bytes",
    "sources", "origin", "path",
}  # fmt: skip


@pytest.mark.parametrize(("verb", "kind", "keys"), [("devices", "device", DEVICE_KEYS), ("runtimes", "runtime", RUNTIME_KEYS)])
def test_everything_shipped_is_listed(run: Run, verb: str, kind: str, keys: set[str]) -> None:
    result = run(verb, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert set(found) == {"format", verb, "problems"}
    assert (found["format"], found["problems"]) == (f"qeopt.{verb}/1", [])
    assert all(set(row) == keys for row in found[verb])
    shipped = [entry.name for entry in Library().available(KINDS[kind].folder, kind)]
    assert [row["name"] for row in found[verb]] == shipped
    text = run(verb).stdout
    assert all(name in text for name in shipped)


def test_devices_by_a_part_of_their_name(run: Run) -> None:
    text = run("devices", "stm32f412").stdout
    assert [line.split() for line in text.splitlines() if line.startswith("stm32")] == [
        ["stm32f412", "STM32F412", "(Nucleo-F412ZG)", "cortex-m4", "100", "256", "1,024", "200", "built-in"]
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("devices", "no such thing"), "no device has 'no such thing' in its name or title; `qeopt list devices` names all"),
        (("devices", "stm32f41z2"), "no device has 'stm32f41z2' in its name or title; did you mean 'stm32f412'?; `qeopt list"),
        (("runtimes", "cmix-mm"), "no runtime has 'cmix-mm' in its name or title; did you mean 'cmix-nn'?; `qeopt list runtimes`"),
        (("engines", "cpsatt"), "no engine has 'cpsatt' in its name or summary; did you mean 'cp_sat'?; `qeopt list engines`"),
        (("objectives", "qq"), "no objective has 'qq' in its name or summary"),
        (("exporters", "onnxx"), "no exporter has 'onnxx' in its name or summary; did you mean 'onnx'?"),
        (("devices", "--core", "cortex-m9"), "no device here has the core 'cortex-m9'; did you mean 'cortex-m"),
        (
            ("devices", "--min-sram", "1GiB"),
            "no device has 1,073,741,824 B (1,048,576.0 KiB) of arena or more; the most of each: arena ",
        ),
        (("devices", "--core", "cortex-m4", "--min-flash", "1GiB"), "no device with the core cortex-m4 has 1,073,741,824 B"),
    ],
)
def test_nothing_found_is_told_with_what_comes_nearest(run: Run, asked: tuple[str, ...], said: str) -> None:
    result = run("list", *asked)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(said), result.stderr
    assert len(result.stderr.splitlines()) == 1
    document = run("list", *asked, "--json")
    assert (document.exit_code, json.loads(document.stdout)[asked[0]]) == (1, [])


@pytest.mark.parametrize("spelt", ["STM32-F412", "stm32 f412", "Nucleo F412ZG", "STM32F412 (nucleo"])
def test_a_board_is_found_however_it_is_spelt(run: Run, spelt: str) -> None:
    assert [row["name"] for row in json.loads(run("list", "devices", spelt, "--json").stdout)["devices"]] == ["stm32f412"]


@pytest.mark.parametrize("verb", ["devices", "runtimes", "engines"])
def test_old_names_of_the_list_say_the_same(run: Run, verb: str) -> None:
    assert run(verb, "no such thing").stderr == run("list", verb, "no such thing").stderr


@pytest.mark.parametrize(("verb", "name"), [("devices", "stm32f412"), ("runtimes", "cmix-nn")])
def test_sources(run: Run, verb: str, name: str) -> None:
    first, *sources = run(verb, name, "--sources").stdout.splitlines()
    assert first.startswith(name)
    assert sources
    assert all(line.startswith("  http") and "(read 20" in line for line in sources)


def test_a_broken_file_is_told_and_hides_nothing(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "lib" / "devices"
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text("kind: device\nsram: 256kB\n")
    result = run("devices", "--path", "lib")
    assert result.exit_code == 1
    assert "broken.yaml:2:" in result.stderr
    assert "stm32f412" in result.stdout
    assert json.loads(run("devices", "--path", "lib", "--json").stdout)["problems"]


def test_engines(run: Run) -> None:
    found = json.loads(run("engines", "--json").stdout)
    assert [row["name"] for row in found["engines"]] == list(table.names())
    assert {row["name"] for row in found["engines"] if not row["exact"]} == {"paper", "ratio", "rusci"}
    assert all(set(row) == {"name", "exact", "deterministic", "summary"} for row in found["engines"])
    lines = run("engines").stdout.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith(("cp_sat", "ratio"))] == [["cp_sat", "yes"], ["ratio", "no"]]


def test_a_device_with_exactly_as_much_is_listed() -> None:
    one = catalogue("devices").rows[0]
    assert one in catalogue("devices", min_sram=one["arena_bytes"], min_flash=one["flash_bytes"]).rows
    assert one not in catalogue("devices", min_flash=one["flash_bytes"] + 1).rows
    assert one not in catalogue("devices", min_sram=one["arena_bytes"] + 1).rows
