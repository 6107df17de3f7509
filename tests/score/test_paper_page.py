"""docs/paper.md repeats what benchmarks/paper/run.py makes, and that is what the paper prints."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from qeopt.study.load import load_study

QUICK = ("table1", "table2", "table3", "table4", "table5", "table6", "cost", "figure3", "figure5")


@cache
def sections(repository: Path) -> dict[str, str]:
    script = repository / "benchmarks" / "paper" / "run.py"
    done = subprocess.run(
        [sys.executable, str(script), "--counted", *QUICK], capture_output=True, text=True, timeout=600, check=True
    )
    parts = re.split(r"^## (\w+)\n", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", QUICK)
def test_the_page_has_every_line_that_is_counted(name: str, repository: Path) -> None:
    page = (repository / "docs" / "paper.md").read_text(encoding="utf-8")
    shown = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page, flags=re.DOTALL)
    assert shown is not None
    lines = [line for line in sections(repository)[name].splitlines() if line.strip()]
    assert len(lines) > 2
    assert [line for line in lines if line not in shown[1].splitlines()] == []


def test_published_numbers_come_out(repository: Path) -> None:
    found = sections(repository)
    assert "| A3 | 514.5 |" in found["table1"]  # the paper calls it below 512
    for printed in ("1.00", "1.73", "1.82", "5.04", "5.96", "6.00"):
        assert f"| {printed} |" in found["table2"]
    assert "3.38 and 13.50 MiB; peaks are 1.40 and 5.62 MB" in found["figure3"]
    assert found["figure5"].splitlines()[3].startswith("| 5 | 4 | 0.972 | 0.994 | 1 |")
    assert "| the paper, 7.0 G | 0.5N h | 2.2 | 6.9 | 70.8 | 0.19N | 115,200 | 86.4 | 2.17 | 6.92 |" in found["table3"]
    assert "| the paper, 19.2 G | 0.5N h | 3.2 | 18.8 | 74.8 | 0.19N | 115,200 | 86.4 | 3.24 | 18.86 |" in found["table3"]
    # MCUNet's own activation sizes, in KiB, are those of all live tensors
    assert "| 256 kB | MCUNet int8 | 238 | 0.70 | 60.3 | 200.0 | 0.696 | 325.0 | 67.3 |" in found["table4"]
    assert "| 512 kB | MCUNet int4 | 498 | 1.56 | 70.7 | 432.0 | 1.572 | 495.0 | 466.8 |" in found["table4"]


def test_bits_are_counted_over_every_shipped_study_of_a_space(repository: Path) -> None:
    script = (repository / "benchmarks" / "paper" / "bits.py").read_text(encoding="utf-8")
    counted = {
        name
        for listed in re.findall(r"^(?:STUDIES|NO_QUESTION) = \((.*?)\)", script, re.DOTALL | re.MULTILINE)
        for name in re.findall(r'"(.*?)"', listed)
    }
    shipped = {
        str(path.relative_to(repository / "specs").with_suffix(""))
        for path in [*(repository / "specs").glob("*.yaml"), *(repository / "specs" / "paper").glob("*.yaml")]
        if load_study(path).value.space is not None
    }
    assert counted == shipped
