"""Options that several verbs share, so that they mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from qeopt.runs.cost import GRAMS_PER_CORE_HOUR
from qeopt.runs.folders import design_in

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Debug: TypeAlias = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no warnings.")]
Paths: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--path", metavar="DIR", exists=True, file_okay=False, help="Folder in which names are looked up first; repeatable."
    ),
]


WeightBits: TypeAlias = Annotated[
    list[str] | None, typer.Option("--weight-bits", metavar="BITS", help="Bits weights may have: 2,4,8 unless given; repeatable.")
]
ActivationBits: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--activation-bits", metavar="BITS", help="Bits activations may have: 2,4,8 unless given; repeatable."),
]
MOST_BITS = 16


def widths(option: str, texts: list[str] | None) -> tuple[int, ...]:
    """Bits given as lists of numbers, ascending; 2, 4 and 8 where none are.

    Raises:
        typer.BadParameter: naming the option.
    """
    found = set()
    for part in (part.strip() for text in texts or ["2,4,8"] for part in text.split(",")):
        if not part.isdecimal() or not 1 <= int(part) <= MOST_BITS:
            raise typer.BadParameter(f"{part!r} is no number of bits from 1 to {MOST_BITS}, such as 8 or 2,4,8", param_hint=option)
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
DeviceName: TypeAlias = Annotated[str | None, typer.Option("--device", metavar="NAME", help="Another device, by name or path.")]
RuntimeName: TypeAlias = Annotated[str | None, typer.Option("--runtime", metavar="NAME", help="Another runtime, by name or path.")]
Seed: TypeAlias = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed of the search.")]
TimeLimit: TypeAlias = Annotated[
    float | None,
    typer.Option("--time-limit", metavar="SECONDS", help="Stop the search by the clock; such a run claims no repeatability."),
]
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
Engine: TypeAlias = Annotated[str | None, typer.Option("--engine", metavar="NAME", help="Engine that assigns bits.")]
Part: TypeAlias = Annotated[str, typer.Argument(metavar="[PART]", help="Only those with this in their name or title.")]
Sources: TypeAlias = Annotated[bool, typer.Option("--sources", help="Show where the numbers come from instead.")]
DataSet: TypeAlias = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="DATA",
        help="Labelled images: a folder with a subfolder of pictures a class, an .npz, a folder of files of the MNIST family, "
        "`fashion-mnist`, or `digits`.",
    ),
]
DataResize: TypeAlias = Annotated[bool, typer.Option("--resize", help="Scale pictures of another size instead of refusing them.")]
DataLimit: TypeAlias = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Training images at most.")]
TestLimit: TypeAlias = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Test images at most.")]
TorchDevice: TypeAlias = Annotated[
    str, typer.Option("--device", metavar="NAME", help="Device of PyTorch: auto (a GPU where there is one), cpu, cuda, ...")
]
