"""What of `qeopt solve vww_256k` is output, how fast help answers, and how soon the page of 1,000 operators is drawn.

`python benchmarks/journeys/output.py [--runs N]` prints medians. Output is everything after the design is known: files, pictures,
page and report. The page is drawn in headless Chromium, where playwright and Chromium are installed: what is on the screen first,
and then, while the page answers, the pictures further down; the clock runs from the call to the first screen and the last picture.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

OPS = 1000
TIMED = """
import sys, time
began = time.perf_counter()
import qeopt.cli.solve as verb
from qeopt.cli.verbs import app
spent = 0.0
def timed(function):
    def call(*arguments, **named):
        global spent
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent += time.perf_counter() - start
    return call
verb.write_solution, verb.tell = timed(verb.write_solution), timed(verb.tell)
try:
    app(["solve", "vww_256k", "--quiet", "--out", sys.argv[1]])
except SystemExit:
    pass
print(f"TIMES {spent} {time.perf_counter() - began}")
"""


def solve_once(folder: Path) -> tuple[float, float]:
    """Seconds of output and of the whole run."""
    done = subprocess.run([sys.executable, "-c", TIMED, str(folder)], capture_output=True, text=True, check=True)
    spent, whole = done.stdout.rsplit("TIMES ", 1)[1].split()
    return float(spent), float(whole)


def answer(option: str) -> float:
    """Seconds until an option is answered."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "qeopt", option], capture_output=True, check=True)
    return time.perf_counter() - began


def large_page(folder: Path) -> Path:
    """The page of a chain of many operators."""
    ops = [
        f"    - {{name: op{n}, op: conv, reads: [{f'op{n - 1}' if n else 'image'}], shape: [8, 8, 4], kernel: [3, 3], stage: 0}}"
        for n in range(OPS)
    ]
    study = folder / "thousand.yaml"
    study.write_text(
        "kind: study\ntask: {input: [8, 8, 4], classes: 4}\nnetwork:\n  image: {name: image, shape: [8, 8, 4]}\n  ops:\n"
        + "\n".join(ops)
        + "\ndevice: stm32f412\nruntime: tinyengine\nbits: {weights: [8], activations: [8]}\nobjective: {kind: qe}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "qeopt", "solve", str(study), "--no-baselines", "--no-pictures", "--quiet"]
    subprocess.run([*command, "--out", str(folder / "thousand")], capture_output=True, check=True)
    return folder / "thousand" / "report.html"


def drawn(page: Path, runs: int) -> list[tuple[float, float]]:
    """Seconds until the first screen of a page and until its last picture are drawn, as the page itself measures them."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # of the extra `browser`

    found = []
    marks = "['seen', 'drawn'].map(name => performance.getEntriesByName(name)[0].startTime / 1000)"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(runs):
            tab = browser.new_page()
            tab.goto(page.resolve().as_uri())
            tab.wait_for_selector("html[data-drawn]", state="attached")
            found.append(tuple(tab.evaluate(marks)))
            tab.close()
        browser.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        times = [solve_once(Path(folder) / str(number)) for number in range(runs)]
        spent, whole = (median(column) for column in zip(*times, strict=True))
        share = median(one / all_ for one, all_ in times)
        print(f"solve vww_256k: {whole:.2f} s, of which {spent:.2f} s are output ({100 * share:.0f} %)")
        for option in ("--help", "--version"):
            print(f"{option}: {median(answer(option) for _ in range(runs)):.2f} s")
        page = large_page(Path(folder))
        print(f"page of {OPS:,} operators: {page.stat().st_size / 1e6:.2f} MB", flush=True)
        if shutil.which("chromium"):
            seen, last = (median(column) for column in zip(*drawn(page, runs), strict=True))
            print(f"drawn in Chromium: the first screen after {seen:.2f} s, the last picture after {last:.2f} s")
    print(f"medians of {runs}; load over 1, 5, 15 minutes {', '.join(f'{one:.1f}' for one in os.getloadavg())}")


if __name__ == "__main__":
    main()
