"""Changes to data, texts and bytes that files in the world have suffered, drawn from a seeded generator."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from qeopt.hardware.formula import BIT_NAMES, SHAPE_NAMES

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**53, 2**61, 2**63 - 1, 2**64, 10**30, -(2**63), 0.5, -0.0, 1e-320, 1e308,
    float("inf"), float("nan"),
    "", " ", "0", "1e6", "null", "qe", "$x^2$", "a" * 5000, "名前", "\u202e", "../..", "8 bit", "1 KiB", "-3 KiB", "1e400 MiB",
    [], {}, [[]], [1, 1], {"kind": "nothing"}, [None], {"": ""}, list(range(300)),
)  # fmt: skip
"""Values that belong in no place, or in another."""


def change_data(data: Any, rng: Random, times: int = 2) -> Any:
    """A copy of plain data with some places removed, repeated, renamed, exchanged or replaced."""
    data = copy.deepcopy(data)
    for _ in range(rng.choice([1, 1, rng.randint(1, times)])):  # one change goes deepest
        places = list(_places(data))
        if not places:
            return rng.choice(ODD)
        holder, key = rng.choice(places)
        rng.choice(_CHANGES)(holder, key, rng)
    return data


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in which a value stands, as the holder and the key in it."""
    for key in list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield data, key
        yield from _places(data[key])


def _replace(holder: Any, key: Any, rng: Random) -> None:
    holder[key] = copy.deepcopy(rng.choice(ODD))


def _scale(holder: Any, key: Any, rng: Random) -> None:
    value = holder[key]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        holder[key] = rng.choice([-value, value + 1, value - 1, value * 1000, value * 2**40, value / 3])
    elif isinstance(value, str) and value:
        at = rng.randrange(len(value))
        holder[key] = value[:at] + rng.choice(["", "\x00", "é", '"', "\n", value]) + value[at + 1 :]
    else:
        _replace(holder, key, rng)


def _remove(holder: Any, key: Any, rng: Random) -> None:
    del holder[key]


def _repeat(holder: Any, key: Any, rng: Random) -> None:
    if isinstance(holder, list):
        holder.insert(rng.randint(0, len(holder)), copy.deepcopy(holder[key]))
    else:
        holder[f"{key}{rng.choice(['', '2', ' '])}"] = copy.deepcopy(holder[key])


def _exchange(holder: Any, key: Any, rng: Random) -> None:
    other = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]


def _rename(holder: Any, key: Any, rng: Random) -> None:
    if isinstance(holder, dict):
        holder[rng.choice(["", f"{key}s", str(key)[:-1], "extends", "kind", "\u200b"])] = holder.pop(key)
    else:
        _replace(holder, key, rng)


_CHANGES: tuple[Callable[[Any, Any, Random], None], ...] = (
    _replace,
    _replace,
    _scale,
    _scale,
    _remove,
    _repeat,
    _exchange,
    _rename,
)


def change_bytes(sound: bytes, rng: Random) -> bytes:
    """Cut off, or with some bytes or whole words of four changed."""
    if rng.random() < 0.15:
        return sound[: rng.randrange(len(sound))]
    changed = bytearray(sound)
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(changed))
        word = rng.choice([1, 4])
        value = rng.choice([0, 1, 127, 128, 255, 0x7FFFFFFF, 0xFFFFFFFF, rng.randrange(2**32)])
        changed[at : at + word] = (value % 256**word).to_bytes(word, "little")
    return bytes(changed)


def change_lines(text: str, rng: Random) -> str:
    """A text of records with lines or cells removed, repeated, exchanged or replaced."""
    lines = change_data([line.split(",") for line in text.splitlines()], rng, 4)
    return "".join(f"{','.join(map(_cell, line)) if isinstance(line, list) else _cell(line)}\n" for line in lines)


def change_json_lines(text: str, rng: Random) -> str:
    """A text of lines of JSON with one of them damaged as data, left out, or told twice."""
    lines = text.splitlines()
    at = rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case _:
            lines[at] = json.dumps(change_data(json.loads(lines[at]), rng))
    return "".join(f"{line}\n" for line in lines)


def change_numbers(text: str, rng: Random) -> str:
    """A table in which a few numbers are other numbers."""
    lines = [line.split(",") for line in text.splitlines()]
    for _ in range(rng.randint(1, 3)):
        line = rng.choice(lines[1:])
        line[rng.randrange(1, len(line))] = rng.choice(
            ("0", "-1", "1e308", "-1e308", "1e-320", "1e400", "nan", "inf", "9" * 30, "0x1")
        )
    return "".join(f"{','.join(line)}\n" for line in lines)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


TERMS = (*SHAPE_NAMES, *BIT_NAMES, "0", "1", "3", "8", "1099511627776")
FORMS = ("{0} + {1}", "{0} - {1}", "{0} * {1}", "({0}) // 3", "({0})", "max({0}, {1})", "min({0}, {1})", "ceil_to({0}, 4)")
WRONG = (
    "{0} // {1}",
    "ceil_to({0}, {1})",
    str(2**63 - 1),
    "{0} % {1}",
    "{0} / {1}",
    "{0} ** {1}",
    "{0} < {1}",
    "f({0}",
    "({0}) * x",
    "-{0}",
    "2**9",
    "",
    "ceil_to({0})",
    "\u202e",
)


def formula(rng: Random) -> str:
    """A formula of the kind that runtimes hold, mostly well formed and sometimes enormous."""
    text = _formula(rng, rng.randint(0, 6))
    return rng.choice(WRONG).format(text, text) if rng.random() < 0.15 else text


def _formula(rng: Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(TERMS)
    return rng.choice(FORMS).format(_formula(rng, depth - 1), _formula(rng, depth - 1))
