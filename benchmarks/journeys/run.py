"""The three doors of README.md, typed as they stand there in a fresh clone, and how long each takes.

`python benchmarks/journeys/run.py [--environment VENV] [--into docs/benchmarks-journeys.md]`. The first door begins with the
README's command of installation, and is timed with it. For the second `.[train]` is installed too, which is not timed: how long
gigabytes of PyTorch travel says nothing of qeopt; an environment that has it already runs the sources of the clone instead. The
third needs `gcc-arm-none-eabi`, `libnewlib-arm-none-eabi` and `qemu-system-arm`.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOORS = {"I have a board": 3, "I have a model": 10, "I have a space": 10}
"""Headings of the README, and the minutes that each may take."""
INSTALL, MORE = "python3 -m venv .venv && .venv/bin/pip install .", ".venv/bin/pip install '.[train]'"
BEGIN, END = "<!-- journeys: begin -->", "<!-- journeys: end -->"


def commands(text: str, heading: str) -> list[str]:
    """The commands below a heading of the README."""
    below = text.split(f"### {heading}\n")[1].split("\n##", maxsplit=1)[0]
    return re.findall(r"```sh\n(.*?)```", below, flags=re.DOTALL)[0].splitlines()


def seconds_of(command: str, folder: Path, environment: Path) -> float:
    """Type a command, with the programs of an environment and the sources in the folder, and wait for its end."""
    told = {
        **os.environ,
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{folder}:{folder / 'solvers'}",
        "XDG_CACHE_HOME": str(folder / ".cache"),
    }
    began = time.monotonic()
    done = subprocess.run(command, shell=True, cwd=folder, env=told, capture_output=True, text=True, check=False)
    taken = time.monotonic() - began
    if done.returncode:
        sys.exit(f"{command}\n{done.stdout}{done.stderr}")
    print(f"{taken:7.1f} s  {command}", file=sys.stderr, flush=True)
    return taken


def walks(clone: Path, given: Path | None) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Every door with its commands and their seconds."""
    text = (clone / "README.md").read_text(encoding="utf-8")
    board, *others = DOORS
    typed, own = [INSTALL, *commands(text, board)], clone / ".venv"
    yield board, [(command, seconds_of(command, clone, own)) for command in typed]
    if given is None:
        seconds_of(MORE, clone, own)
    for heading in others:
        yield heading, [(command, seconds_of(command, clone, given or own)) for command in commands(text, heading)]


def main() -> None:
    """Walk, print the table, and put it into a page if one is named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--environment", type=Path)
    parser.add_argument("--into", type=Path)
    said = parser.parse_args()
    lines = ["| Door | Command | Seconds |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "qeopt"
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(clone)], check=True)
        for heading, timed in walks(clone, None if said.environment is None else said.environment.resolve()):
            lines += [f"| {heading} | `{command}` | {taken:.1f} |" for command, taken in timed]
            total, minutes = sum(taken for _, taken in timed), DOORS[heading]
            verdict = "within" if total <= 60 * minutes else "**more than**"
            lines.append(f"| | **all of it, {verdict} {minutes} minutes** | **{total:.1f}** |")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    lines += [
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; load over 1, 5, 15 minutes {load}.",
    ]
    table = "\n".join(lines)
    print(table)
    if said.into is not None:
        page = said.into.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        said.into.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
