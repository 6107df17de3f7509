"""Pages in a real browser: nothing is missing there, pictures answer the pointer, tables are sorted, large networks stay quick.

Skipped where neither playwright nor a Chromium of the system is there.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.network import Bits
from qeopt.report.counted import Counted
from qeopt.report.page.content import Page, Section, Shown
from qeopt.report.page.render import render
from qeopt.report.pictures.memory import bits_picture, memory_picture
from qeopt.study.load import load_study

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium in this system")
OPS = 1000
STUDY = """\
kind: study
name: thousand
task: {{input: [8, 8, 4], classes: 4}}
network: {network}
device: stm32f412
runtime: tinyengine
bits: {{weights: [8], activations: [8]}}
objective: {{kind: qe}}
qbr: {{engine: chain}}
"""
LARGEST_BYTES = 5 * 1024 * 1024


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def _opened(browser: Any, path: Path, complaints: list[str], **context: Any) -> Any:
    page = browser.new_context(offline=True, **context).new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.extend([request.url] * (not request.url.startswith("file:"))))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-drawn]", state="attached")
    return page


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    told = CliRunner().invoke(
        app, ["sweep", "paper/mobilenet_v2", "--flash", "1880KiB:2040KiB:80KiB", "--out", str(folder / "sweep")]
    )
    assert told.exit_code == 0, told.output
    study = load_study("paper/mobilenet_v2").value
    network = study.subject.expand(study.subject.smallest(), study.task, "network")
    counted = Counted.of(study, network, Bits.uniform(network, 4))
    memory = Section(
        "memory", "Memory", [Shown(memory_picture(counted)), Shown(bits_picture(counted, [op.name for op in network.ops]))]
    )
    (folder / "memory.html").write_text(render(Page("a network", "", [], [memory], "")), encoding="utf-8")
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_answer_the_pointer(browser: Any, design: Path, scheme: str) -> None:
    complaints: list[str] = []
    page = _opened(browser, design / "memory.html", complaints, color_scheme=scheme)
    assert page.locator(".picture svg").count() == 2
    page.locator("#picture-memory svg .mark-rect path").nth(4).hover(force=True)
    told = page.locator("#tip").inner_text()
    assert {line.partition(":")[0] for line in told.splitlines()} >= {"tensor", "role", "size", "bits", "while"}
    ink = page.locator("#picture-memory svg .role-axis-label text").first.evaluate("one => getComputedStyle(one).fill")
    assert ink == {"light": "rgb(26, 29, 33)", "dark": "rgb(231, 233, 236)"}[scheme]
    assert complaints == []


def test_tables_are_sorted_by_what_their_cells_mean(browser: Any, design: Path) -> None:
    complaints: list[str] = []
    page = _opened(browser, design / "sweep" / "report.html", complaints)
    first = page.locator("#points table tbody tr td:nth-child(1)")
    assert first.all_inner_texts() == ["1,880\u00a0KiB", "1,960\u00a0KiB", "2,040\u00a0KiB"]
    heading = page.locator("#points th button").first
    heading.press("Enter")
    heading.press("Enter")
    assert first.all_inner_texts() == ["2,040\u00a0KiB", "1,960\u00a0KiB", "1,880\u00a0KiB"]
    assert page.locator("#points th").first.get_attribute("aria-sort") == "descending"
    assert complaints == []


@pytest.mark.slow
def test_a_thousand_operators_are_not_too_many(browser: Any, tmp_path: Path) -> None:
    image = {"name": "op0", "shape": [8, 8, 4]}
    shared = {"op": "conv", "shape": [8, 8, 4], "kernel": [3, 3], "stage": 0}
    ops = [{"name": f"op{number}", "reads": [f"op{number - 1}"], **shared} for number in range(1, OPS + 1)]
    study = tmp_path / "study.yaml"
    study.write_text(STUDY.format(network=json.dumps({"image": image, "ops": ops}, indent=1).replace("\n", "\n  ")))
    told = CliRunner().invoke(app, ["solve", str(study), "--no-baselines", "--out", str(tmp_path / "run")])
    assert told.exit_code == 0, told.output
    path = tmp_path / "run" / "report.html"
    assert path.stat().st_size < LARGEST_BYTES
    complaints: list[str] = []
    page = _opened(browser, path, complaints)
    assert page.locator("#picture-memory svg").count() == 1
    assert complaints == []
