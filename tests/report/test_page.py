"""The page of a run: one file, the same whenever it is made, in which names are data."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.report.page import write_page
from qeopt.report.page.content import Cell, Page, Section, Table, Words
from qeopt.report.page.render import render, script_json

STUDY = """\
kind: study
name: "</title><script>alert(1)</script>"
task: {input: [8, 8, 4], classes: 4}
network:
  image: {name: picture, shape: [8, 8, 4]}
  ops:
    - name: "<img src=x onerror=alert(1)>"
      op: conv
      reads: [picture]
      shape: [8, 8, 4]
      kernel: [3, 3]
      stage: 0
      unit: "</script>"
    - {name: "</script>", op: conv, reads: ["<img src=x onerror=alert(1)>"], shape: [8, 8, 4], kernel: [3, 3], stage: 0}
    - {name: "@ink", op: add, reads: ["<img src=x onerror=alert(1)>", "</script>"], shape: [8, 8, 4]}
device: stm32f412
runtime: ideal
budgets: {flash: 250 B}
bits: {weights: [4, 8], activations: [8]}
objective: {kind: qe}
qbr: {engine: chain}
"""


class Elements(HTMLParser):
    """What a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.alternatives: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.links += [str(found[name]) for name in ("src", "href") if name in found]
        if found.get("role") == "img":
            self.alternatives.append(found.get("aria-label") or "")
        assert not [name for name in found if name.startswith("on")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "study.yaml").write_text(STUDY)
    told = CliRunner().invoke(app, ["solve", str(folder / "study.yaml"), "--out", str(folder / "run")])
    assert told.exit_code == 0, told.output
    return folder / "run"


def test_names_are_data_in_a_page(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    seen = Elements()
    seen.feed(text)
    assert seen.tags.count("script") == 3
    assert seen.tags.count("title") == seen.tags.count("h1") == seen.tags.count("main") == 1
    assert "img" not in seen.tags
    assert len(seen.alternatives) >= 3
    assert all(text.endswith(".") for text in seen.alternatives)


def test_a_page_needs_nothing_else(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    seen = Elements()
    seen.feed(text)
    ids = set(re.findall(r'id="([^"]+)"', text))
    assert seen.links
    assert all(link.startswith("#") and link[1:] in ids for link in seen.links)
    assert "@import" not in text
    assert "url(" not in text[: text.index("<script>")]


def test_a_page_is_the_same_when_it_is_made_again(run: Path) -> None:
    first = (run / "report.html").read_bytes()
    assert write_page(run).read_bytes() == first


def test_bits_of_the_greedy_rule_stand_beside_those_of_the_design(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "Bits from front to back" in text
    told = re.findall(r"(weights|activations) have (?:fewer|more) bits in the back half: exact (yes|no), paper (yes|no)", text)
    assert {kind for kind, _, _ in told} == {"weights"}  # every activation has 8 bits: nothing to see


def test_bits_that_are_all_the_same_are_said_and_not_drawn(run: Path, tmp_path: Path) -> None:
    assert "Strips of the bits" in (run / "report.html").read_text(encoding="utf-8")
    arguments = ["--flash", "300 B", "--out", str(tmp_path / "flat"), "--no-baselines"]
    told = CliRunner().invoke(app, ["solve", str(run.parent / "study.yaml"), *arguments])
    assert told.exit_code == 0, told.output
    text = (tmp_path / "flat" / "report.html").read_text(encoding="utf-8")
    assert "weights: 2 of 8 bits; activations: 4 of 8 bits" in text
    assert not set(re.findall("Strips of the bits|Bits from front to back", text))
    told = CliRunner().invoke(app, ["compare", str(run), str(tmp_path / "flat"), "--out", str(tmp_path / "both")])
    assert told.exit_code == 0, told.output
    seen = Elements()
    seen.feed((tmp_path / "both" / "report.html").read_text(encoding="utf-8"))
    assert sum("Strips of the bits" in text for text in seen.alternatives) == 2
    told = CliRunner().invoke(app, ["compare", str(tmp_path / "flat"), str(tmp_path / "flat"), "--out", str(tmp_path / "same")])
    assert told.exit_code == 0, told.output
    text = (tmp_path / "same" / "report.html").read_text(encoding="utf-8")
    assert text.count("weights: 2 of 8 bits; activations: 4 of 8 bits") == 2
    assert "Strips of the bits" not in text


def test_a_detector_has_a_page(tmp_path: Path) -> None:
    for seed, half in ((0, 0.8), (1, 0.9)):
        record = {
            "format": "qeopt.train_boxes/1",
            "design": "faces",
            "seed": seed,
            "average_precision": 0.6,
            "average_precision_at_half": half,
            "precision_by_recall": [1.0, 0.5, 0.0],
            "data": {"name": "data", "test": {"images": 20, "boxes": 30}},
            "recipe": {"batch": 8},
            "steps": 10,
            "seconds": 1.5,
            "device": "cpu",
            "versions": {},
            "curve": [{"step": 5, "loss": 2.0, "anchors_right": 0.25}],
        }
        (tmp_path / f"seed-{seed}").mkdir()
        (tmp_path / f"seed-{seed}" / "train.json").write_text(json.dumps(record))
    text = write_page(tmp_path).read_text(encoding="utf-8")
    assert "average precision 0.850 at an overlap of 0.5, by the integer network, of 30 objects in 20 test images of data" in text
    assert "after 5 steps the loss is 2.000 and 25.0 % of matched anchors are told right" in text


def test_nothing_in_a_script_ends_it() -> None:
    text = script_json({"name": "</script><!--&"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": "</script><!--&"}


def test_units_stay_with_their_numbers_and_code_is_code() -> None:
    words = Words(["set `budgets.sram` to 5 <b>", "an odd ` stays"])
    table = Table(
        "c",
        ("a", "b"),
        [[Cell("1,024 B (1.0 KiB), 5 %"), Cell("qeopt solve x", is_code=True)], [Cell("cortex-m4"), Cell("ab12", is_code=True)]],
    )
    text = render(Page("t", "s", [], [Section("one", "One", [words, table])], "m"))
    assert "<p>set <code>budgets.sram</code> to 5 &lt;b&gt;</p>" in text
    assert "<p>an odd ` stays</p>" in text
    assert "1,024\u00a0B (1.0\u00a0KiB), 5\u00a0%" in text
    assert "<code><span>qeopt</span> <span>solve</span> <span>x</span></code>" in text
    assert '<span class="name">cortex-m4</span>' in text
    assert '<code class="sum">ab12</code>' in text
