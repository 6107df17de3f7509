"""Options that replace values of a study: one table, so that they are spelled and mean the same on every verb.

A verb takes them with `@with_study_options()` and finds them as `given`, the overrides that designs record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from qeopt.cli.options import widths
from qeopt.cli.overrides import quoted
from qeopt.cli.splice import spliced
from qeopt.spec.errors import Location, SpecError
from qeopt.spec.library import SUFFIX
from qeopt.spec.node import plain
from qeopt.spec.override import Spelled, parse_override
from qeopt.spec.units import parse_count

GIVEN = "given"
LEAST_BARE = 1024
"""Bytes: the least size that is taken without its unit."""


@dataclass(frozen=True)
class StudyOption:
    """An option and the value of a study that it replaces."""

    flag: str
    key: str
    metavar: str
    help: str
    spell: Callable[[str, str], str]
    """From the flag and what was given to the YAML of the value."""
    is_flag: bool = False


def _as_is(_flag: str, text: str) -> str:
    return quoted(text)


def _size(flag: str, text: str) -> str:
    """A size as a study has it; a bare number so small that KiB must have been meant is refused.

    Raises:
        SpecError: naming the option.
    """
    if text.isdecimal() and 0 < int(text) < LEAST_BARE:
        raise SpecError.at(Location(f"{flag} {text}"), f"is {text} bytes; `{flag} {text}KiB` or `{flag} '{text} B'` was expected")
    return quoted(text)


def _count(flag: str, text: str) -> str:
    """A whole number, which may be written with separators or as a study has it (60 M).

    Raises:
        SpecError: naming the option.
    """
    try:
        return str(parse_count(text.replace(",", "").replace("_", "")))
    except ValueError:
        raise SpecError.at(Location(flag), f"{text!r} is no whole number from 1 on, such as 2,000,000 or 2 M") from None


def _whole(flag: str, text: str) -> str:
    """A whole number, 0 included.

    Raises:
        SpecError: naming the option.
    """
    if not text.isdecimal():
        raise SpecError.at(Location(flag), f"{text!r} is no whole number from 0 on")
    return text


def _number(flag: str, text: str) -> str:
    """A number above zero.

    Raises:
        SpecError: naming the option.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise SpecError.at(Location(flag), f"{text!r} is no number above 0")
    return text


def _widths(flag: str, text: str) -> str:
    return f"[{', '.join(map(str, widths(flag, [text])))}]"


def _objective(flag: str, text: str) -> str:
    """The name of an objective, or the file of a learnt one; `weights` stands for the sensitivity of a model's own weights.

    Raises:
        SpecError: naming the option, where losses are asked for without their table.
    """
    if text == "sensitivity":
        table = "`qeopt sensitivity` writes one, and `--set 'objective={kind: sensitivity, table: FILE}'` names it"
        said = f"reads a table of losses: {table}; `{flag} weights` goes by the weights of a model instead"
        raise SpecError.at(Location(f"{flag} {text}"), said)
    if Path(text).suffix == SUFFIX:
        return quoted(text)
    return '{"kind": "sensitivity", "source": "weights"}' if text == "weights" else f'{{"kind": {quoted(text)}}}'


def _nothing(_flag: str, _text: str) -> str:
    return "[]"


SAFETY = "Stop the search after so many seconds; it is then not repeatable."
ALONE = "Skip the searches whose results are shown beside the answer."
OPTIONS: Mapping[str, StudyOption] = {
    "device": StudyOption("--device", "device", "NAME", "Another device, by name or path.", _as_is),
    "runtime": StudyOption("--runtime", "runtime", "NAME", "Another runtime, by name or path.", _as_is),
    "sram": StudyOption("--sram", "budgets.sram", "SIZE", "SRAM budget (64 KiB, unlimited), not the device's.", _size),
    "flash": StudyOption("--flash", "budgets.flash", "SIZE", "Flash budget, not the device's.", _size),
    "latency_ms": StudyOption("--latency-ms", "budgets.latency_ms", "MS", "Milliseconds at most, as estimated.", _number),
    "fps": StudyOption("--fps", "budgets.fps", "N", "Inferences a second at least, as estimated.", _number),
    "layers": StudyOption("--layers", "budgets.layers", "N", "Layers at most.", _count),
    "macs": StudyOption("--macs", "budgets.macs", "N", "Multiply-accumulates at most.", _count),
    "weight_bits": StudyOption("--weight-bits", "bits.weights", "BITS", "Bits weights may have: 2,4,8.", _widths),
    "activation_bits": StudyOption("--activation-bits", "bits.activations", "BITS", "Bits activations may have: 2,4,8.", _widths),
    "objective": StudyOption(
        "--objective", "objective", "KIND", "One of `qeopt list objectives`, or a learnt one's file.", _objective
    ),
    "engine": StudyOption("--engine", "qbr.engine", "NAME", "Engine that assigns bits; see `qeopt list engines`.", _as_is),
    "evaluations": StudyOption("--evaluations", "search.evaluations", "N", "Structures looked at, at most.", _count),
    "seed": StudyOption("--seed", "search.seed", "N", "Seed of the search.", _whole),
    "time_limit": StudyOption("--time-limit", "search.time_limit_seconds", "SECONDS", SAFETY, _number),
    "no_baselines": StudyOption("--no-baselines", "search.baselines", "", ALONE, _nothing, is_flag=True),
}
"""In the order in which designs record them."""


def with_study_options(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command all options of `OPTIONS` but those named; it finds what was given as `given`."""
    taken = {name: option for name, option in OPTIONS.items() if name not in without}

    shared = {name: _parameter(option) for name, option in taken.items()}

    def wrap(command: Callable[..., None]) -> Callable[..., None]:
        return spliced(command, shared, GIVEN, collect)

    def collect(texts: Mapping[str, str | bool | None]) -> tuple[Spelled, ...]:
        return tuple(_spelled(taken[name], text) for name, text in texts.items() if text not in (None, False))

    return wrap


def _parameter(option: StudyOption) -> tuple[Any, Any]:
    """Annotation and default of an option."""
    if option.is_flag:
        return Annotated[bool, typer.Option(option.flag, help=option.help)], False
    return Annotated[str | None, typer.Option(option.flag, metavar=option.metavar, help=option.help)], None


def _spelled(option: StudyOption, text: str | bool) -> Spelled:
    said = option.flag if option.is_flag else f"{option.flag} {text}"
    return Spelled(f"{option.key}={option.spell(option.flag, str(text))}", said)


def as_study(given: Sequence[str]) -> dict[str, Any]:
    """What was given as a study spells it, by key: for a verb that makes a study of its own."""
    found: dict[str, Any] = {}
    for text in given:
        override = parse_override(text)
        *outer, last = override.keys
        place = found
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = plain(override.value)
    return found
