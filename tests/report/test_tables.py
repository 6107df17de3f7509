"""Tables at every width: whole columns go, the least important first, and no name or number is broken in the middle."""

import io
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from qeopt.report.tables import rows_table

DEVICES = [
    ("stm32f407", "STM32F407 (STM32F4DISCOVERY)", "cortex-m4", "128", "1,024", "built-in"),
    ("nrf52840", "nRF52840", "cortex-m4", "256", "1,024", "built-in"),
]
COLUMNS = {"device": "left", "title": "left", "core": "left", "arena KiB": "right", "flash KiB": "right", "from": "left"}
AT_80 = """\
device      title                          core        arena KiB   flash KiB
────────────────────────────────────────────────────────────────────────────
stm32f407   STM32F407 (STM32F4DISCOVERY)   cortex-m4         128       1,024
nrf52840    nRF52840                       cortex-m4         256       1,024
not shown at this width: from
"""
AT_40 = """\
                         arena    flash
device      core           KiB      KiB
───────────────────────────────────────
stm32f407   cortex-m4      128    1,024
nrf52840    cortex-m4      256    1,024
not shown at this width: title, from
"""


def _printed(width: int, columns: dict[str, str], rows: Sequence[tuple[str, ...]], least: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, markup=False, highlight=False).print(rows_table(columns, rows, least=least))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


@pytest.mark.parametrize(("width", "expected"), [(80, AT_80), (40, AT_40)])
def test_columns_go_by_importance(width: int, expected: str) -> None:
    assert _printed(width, COLUMNS, DEVICES, ("from", "title")) == expected


def test_a_wide_terminal_shows_everything() -> None:
    text = _printed(132, COLUMNS, DEVICES, ("from", "title"))
    assert "not shown" not in text
    assert all(heading in text for heading in COLUMNS)
    assert all(cell in text for row in DEVICES for cell in row)


NAMES = st.text("abcdefgh.-_0123456789", min_size=1, max_size=14)


@settings(max_examples=60)
@given(st.lists(st.tuples(NAMES, NAMES, NAMES, NAMES), min_size=1, max_size=4), st.integers(32, 132))
def test_what_is_shown_is_whole(rows: list[tuple[str, ...]], width: int) -> None:
    columns = {"one": "left", "two": "right", "three": "left", "four": "right"}
    text = _printed(width, columns, rows)
    assert all(len(line) <= width for line in text.splitlines())
    lines = text.partition("not shown at this width")[0].splitlines()
    table = [line.split() for line in lines if "─" not in line]
    shown = len(table[0])
    assert table == [list(columns)[:shown], *(list(row[:shown]) for row in rows)]
    assert shown >= 1
