"""Options that several verbs share, so that they mean the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from qeopt.runs.cost import GRAMS_PER_CORE_HOUR
from qeopt.runs.folders import design_in
from qeopt.spec.errors import Location, SpecError, did_you_mean, one_of
from qeopt_solvers import table

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
NoPictures: TypeAlias = Annotated[bool, typer.Option("--no-pictures", help="Write no PNG files; report.html draws its own.")]
Debug: TypeAlias = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings.")]
Paths: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--path", metavar="DIR", exists=True, file_okay=False, help="Folder in which names are looked up first; repeatable."
    ),
]


MOST_BITS = 16


def widths(option: str, texts: list[str] | None) -> tuple[int, ...]:
    """Bits given as lists of numbers, ascending; 2, 4 and 8 where none are.

    Raises:
        SpecError: naming the option.
    """
    found = set()
    for part in (part.strip() for text in texts or ["2,4,8"] for part in text.split(",")):
        if not part.isdecimal() or not 1 <= int(part) <= MOST_BITS:
            raise SpecError.at(Location(option), f"{part!r} is no number of bits from 1 to {MOST_BITS}, such as 8 or 2,4,8")
        found.add(int(part))
    return tuple(sorted(found))


Carbon: TypeAlias = Annotated[
    float,
    typer.Option(
        "--gco2e-per-core-hour",
        metavar="G",
        min=0,
        envvar="QEOPT_GCO2E_PER_CORE_HOUR",
        help="Emissions of a core at work for an hour, in grams, for the cost in run records.",
    ),
]
GRAMS = GRAMS_PER_CORE_HOUR
"""What it is unless given."""

_OF_A_LAYER = re.compile(r"(?P<both>\d+)|(?=[wa])(?:w(?P<weights>[\d, ]+))?(?:a(?P<activations>[\d, ]+))?")


def layers(option: str, texts: list[str] | None) -> dict[str, int | dict[str, list[int]]]:
    """Bits of single layers, as a study spells them: `NAME=8`, or of weights (`w2,4`) and of what is written (`a8`).

    Raises:
        SpecError: naming the option.
    """
    found: dict[str, int | dict[str, list[int]]] = {}
    for text in texts or ():
        name, _, said = text.rpartition("=")
        match = _OF_A_LAYER.fullmatch(said.strip())
        if not name or match is None:
            raise SpecError.at(Location(option), f"{text!r}: NAME=8, NAME=w2,4, NAME=a8 or NAME=w2,4a8 was expected")
        if name in found:
            raise SpecError.at(Location(option), f"{name!r} is given twice")
        by_role = {role: list(widths(option, [given])) for role in ("weights", "activations") if (given := match[role])}
        found[name] = widths(option, [match["both"]])[0] if match["both"] else by_role
    return found


MOST_SIDE = 4096


def image_sides(option: str, text: str) -> tuple[int, int, int]:
    """Height, width and channels of an image.

    Raises:
        SpecError: naming the option.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isdecimal() and 1 <= int(part) <= MOST_SIDE for part in parts):
        said = f"height, width and channels from 1 to {MOST_SIDE:,} were expected, such as 96,96,3"
        raise SpecError.at(Location(f"{option} {text}"), said)
    height, width, channels = map(int, parts)
    return height, width, channels


def names(option: str, text: str) -> tuple[str, ...]:
    """Names separated by commas.

    Raises:
        SpecError: naming the option.
    """
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise SpecError.at(Location(option), f"{text!r}: names separated by commas were expected")
    return found


def check_engines(option: str, engines: Iterable[str]) -> None:
    """Refuse what is no engine.

    Raises:
        SpecError: naming the option and the nearest engine.
    """
    known = table.names()
    for name in engines:
        if name not in known:
            said = f"there is no engine {name!r}; {one_of(known)} was expected{did_you_mean(name, known)}"
            raise SpecError.at(Location(f"{option} {name}"), said)


DesignFile: TypeAlias = Annotated[
    Path,
    typer.Argument(metavar="DESIGN", callback=design_in, help="A design.json, the folder of its run, or the name of its study."),
]
Out: TypeAlias = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the study (search.evaluations=500); repeatable."),
]
Study: TypeAlias = Annotated[str, typer.Argument(metavar="STUDY", help="A study file, or the name of a shipped one.")]
Workers: TypeAlias = Annotated[
    str,
    typer.Option(
        "--workers",
        "--executor",
        metavar="N",
        help="Processes that take islands on, one each (see search.islands), or dask://HOST:PORT; they change nothing but time. "
        "auto: one for each island, as far as there are cores.",
    ),
]
RequireOptimal: TypeAlias = Annotated[
    bool, typer.Option("--require-optimal", help="Exit with 3 unless the bits are proven optimal.")
]
Part: TypeAlias = Annotated[str, typer.Argument(metavar="[PART]", help="Only those with this in their name or title.")]
Sources: TypeAlias = Annotated[bool, typer.Option("--sources", help="Show where the numbers come from instead.")]
DataSet: TypeAlias = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="DATA",
        help="Labelled images: a folder with a subfolder of pictures a class, an .npz, a folder of files of the MNIST family, "
        "`fashion-mnist`, or `digits`. With boxes: a folder with wider_face_train_bbx_gt.txt and WIDER_train/images.",
    ),
]
DataResize: TypeAlias = Annotated[bool, typer.Option("--resize", help="Scale pictures of another size instead of refusing them.")]
DataLimit: TypeAlias = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Training images at most.")]
TestLimit: TypeAlias = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Test images at most.")]
TorchDevice: TypeAlias = Annotated[
    str,
    typer.Option("--torch-device", metavar="NAME", help="Where PyTorch computes: auto (a GPU where there is one), cpu, cuda, ..."),
]
