"""Make the tables and figures of the paper again, as far as they can be had without its training: docs/paper.md.

python benchmarks/paper/run.py                        # all of them, some minutes
python benchmarks/paper/run.py table3                 # one
python benchmarks/paper/run.py --counted table3       # what needs no search, seconds
python benchmarks/paper/run.py --write docs/paper.md  # put them into the page, each between its marks
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from bits import table5, visualisation
from cost import cost
from faces import table6
from tables import figure3, figure5, table1, table2, table3, table4

MADE: Mapping[str, Callable[..., None]] = {
    "table1": table1,
    "table2": table2,
    "table3": table3,
    "table4": table4,
    "table5": table5,
    "table6": table6,
    "visualisation": visualisation,
    "cost": cost,
    "figure3": figure3,
    "figure5": figure5,
}


def made(name: str, *, with_searches: bool = True) -> str:
    """What one of them prints."""
    text, make = io.StringIO(), MADE[name]
    options = {"with_searches": with_searches} if "with_searches" in inspect.signature(make).parameters else {}
    with contextlib.redirect_stdout(text):
        make(**options)
    return text.getvalue().strip()


def put(page: str, name: str, text: str) -> str:
    """A page with what stands between the marks of `name` replaced."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", flags=re.DOTALL)
    if not marks.search(page):
        raise SystemExit(f"the page has no marks <!-- {name} --> and <!-- /{name} -->")
    return marks.sub(lambda found: f"{found[1]}{text}{found[2]}", page)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", metavar="NAME", nargs="*", help=f"one of {', '.join(MADE)}; all unless given")
    asked.add_argument("--counted", action="store_true", help="leave out what needs a search")
    asked.add_argument("--write", metavar="PAGE", type=Path, help="put them into a page")
    given = asked.parse_args()
    unknown = [name for name in given.names if name not in MADE]
    if unknown:
        asked.error(f"unknown: {', '.join(unknown)}; one of {', '.join(MADE)} was expected")
    for name in given.names or MADE:
        text = made(name, with_searches=not given.counted)
        if given.write is None:
            print(f"\n## {name}\n\n{text}")
        else:
            given.write.write_text(put(given.write.read_text(encoding="utf-8"), name, text), encoding="utf-8")


if __name__ == "__main__":
    main()
