"""Names are data: what came from a file is escaped once, at the border to whoever reads it.

One function a border. Terminals and reports: `visible`, which the consoles of `report/console.py` apply to every text they print.
Spreadsheets: `csv_text`. YAML: `yaml_flow`. JSON needs none beyond `json.dumps`, which escapes all that is not ASCII; pictures turn
mathematical text off where figures are saved; code gets identifiers (`export/names.py`) and comments through `comment`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f"  # C0 without the newline, DEL, C1
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # soft hyphen, zero width, lines, bidi, fillers
    "\ud800-\udfff\U000e0000-\U000e0fff]"  # lone surrogates, tags and variation selectors
)
"""Characters that change what stands around them, or that nobody sees (Unicode 15, categories Cc, Cf, Zl, Zp and Cs)."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How cells begin that spreadsheets compute (OWASP, CSV injection)."""


def visible(text: str) -> str:
    r"""Spell out what a terminal would obey or hide: ESC becomes ``\x1b``. Newlines stay."""
    return _HIDDEN.sub(_spelled, text)


def line(text: str) -> str:
    r"""The same for a text that must stay on its line: a newline becomes ``\n``."""
    return visible(text).replace("\n", "\\n")


def hides(text: str) -> bool:
    """Whether a text has characters that `visible` spells out."""
    return _HIDDEN.search(text) is not None


def comment(text: str) -> str:
    """A name inside a comment of C or Python: on one line, and never the end of the comment."""
    return line(text).replace("*/", "* /").replace("/*", "/ *").replace("??/", "? ?/").rstrip("\\")


def csv_text(headings: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as CSV in which no text starts a formula: an apostrophe comes before it, as spreadsheets write texts themselves.

    Args:
        headings: Names of the columns; they may come from a file, too.
        rows: A value a column; numbers stay numbers, None is an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in (headings, *rows):
        writer.writerow([_cell(value) for value in row])
    return text.getvalue()


def yaml_flow(value: Any) -> str:
    """A value as YAML on one line; JSON is YAML, and quotes whatever could be read as something else."""
    return _HIDDEN.sub(lambda found: "".join(f"\\u{unit:04x}" for unit in _utf16(found[0])), json.dumps(value, ensure_ascii=False))


def _cell(value: object) -> object:
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = line(value)
    return f"'{text}" if value.startswith((*_FORMULA, "'")) else text


def _spelled(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def _utf16(character: str) -> list[int]:
    raw = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[index : index + 2], "big") for index in range(0, len(raw), 2)]
