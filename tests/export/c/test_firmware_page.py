"""The five commands of docs/firmware.md, from a board file to a program in the emulator."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qeopt.export.c.emulator import missing_tools

PAGE = Path(__file__).parents[3] / "docs" / "firmware.md"


def commands() -> list[str]:
    block = re.search(r"```\n(qeopt new .*?)```", PAGE.read_text(), re.DOTALL)
    assert block is not None
    return block[1].strip().splitlines()


@pytest.mark.slow
@pytest.mark.skipif(bool(missing_tools()), reason=f"not here: {', '.join(missing_tools())}")
def test_the_five_commands_end_in_a_program_that_agrees(tmp_path: Path) -> None:
    found = commands()
    assert len(found) == 5
    assert all(shutil.which(name) for name in re.findall(r"\b(cmake|ctest)\b", found[-1])) or found.pop()
    printed = ""
    for command in found:
        line = command.replace("qeopt ", f"{sys.executable} -m qeopt ", 1) if command.startswith("qeopt ") else command
        done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        printed += done.stdout
    measured, counted = (
        int(text.replace(",", "")) for text in re.findall(r"flash: code and constants.*?([\d,]+) B +([\d,]+) B", printed)[0]
    )
    assert 0 <= counted - measured <= 512
    assert " NO" not in printed
    if len(found) == 5:
        assert "100% tests passed" in printed
