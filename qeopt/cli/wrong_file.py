"""A file of the wrong kind: what it is, what the verb takes, and the verb that takes it; said before the verb begins.

What a file holds wrongly is said by who reads it; here is only told apart what was meant for another verb.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qeopt.spec.errors import Location, SpecError

SPECS = ("study", "network", "space", "device", "runtime", "fitted")
DESIGNS = ("design", "run")
ABOUT: Mapping[str, tuple[str, str]] = {
    "study": ("a study", "`qeopt solve` finds its best design; sweep, compare, explain, sample, check and show take it, too"),
    "network": ("a network", "`qeopt score` and `qeopt check` take it, and a study names it as `network: FILE`"),
    "space": ("a space", "`qeopt check` takes it, and a study names it as `space: FILE`"),
    "device": ("a device", "`qeopt check` takes it, and a study or `--device` names it"),
    "runtime": ("a runtime", "`qeopt check` takes it, and a study or `--runtime` names it"),
    "fitted": ("a learnt objective", "`qeopt check` takes it, and a study names it under `objective`"),
    "model": (
        "a model",
        "`qeopt bits` finds its bits, import, export and evaluate take it, and a study names it as `network: FILE`",
    ),
    "design": ("a design", "verify, export, train, tune, evaluate, score and check take it, and `qeopt compare` takes two"),
    "run": ("the folder of a run", "verify, export, train, tune, evaluate, score and check take it, and `qeopt compare` takes two"),
    "results": ("the folder of a run that has no design", "`qeopt report` makes its page again"),
    "folder": ("a folder without a run", ""),
    "table": ("a table", "`qeopt correlate` and `qeopt fit` take the features.csv of `qeopt sample`"),
    "page": ("a page", "a browser shows it; `qeopt report` makes it again from its run"),
    "picture": ("a picture", "`--image` of `qeopt export` takes one, and `--data` a folder of them"),
    "arrays": ("an archive of arrays", "`--weights` takes learnt weights, and `--data` images"),
    "empty": ("empty", ""),
    "missing": ("not there", ""),
    "file": ("a file", ""),
}
"""By kind, what it is and who takes it."""
TAKES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(("solve", "sweep", "explain", "sample", "show"), ("a study", ("study",))),
    "compare": ("a study, or two designs", ("study",)),
    **dict.fromkeys(("bits", "import"), ("a model file (ONNX, TFLite, MCUNet's JSON) or FILE.py:FUNCTION", ("model",))),
    **dict.fromkeys(("verify", "train", "tune"), ("a design.json or the folder of its run", DESIGNS)),
    "resume": ("the folder of a run that was begun with `qeopt solve`", DESIGNS),
    "report": ("the folder of a run", (*DESIGNS, "results", "folder")),
    **dict.fromkeys(("export", "evaluate", "sensitivity"), ("a design or a model file", (*DESIGNS, "model"))),
    "score": ("a network, a model file, a study of a network or a design", ("study", "network", "model", *DESIGNS)),
    "check": ("a study, device, runtime, space, network, model file or design", (*SPECS, "model", *DESIGNS)),
    **dict.fromkeys(("correlate", "fit"), ("the features.csv of `qeopt sample`", ("table",))),
}
"""By verb, what it takes in words, and the kinds of that."""
BY_SUFFIX: Mapping[str, str] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".svg"), "picture"),
    **dict.fromkeys((".html", ".htm"), "page"),
    **dict.fromkeys((".onnx", ".tflite"), "model"),
    **dict.fromkeys((".npz", ".npy"), "arrays"),
    ".csv": "table",
}
MODELS, FOLDERS, TABLES = ("bits", "import"), ("resume", "report"), ("correlate", "fit")
"""Verbs of model files, whose readers tell foreign files apart; and of folders."""
OURS = ("", ".yaml", ".yml", ".json")
HEAD = 1 << 16
_KIND = re.compile(rb"^kind:[ \t]*['\"]?([\w-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Given:
    kind: str
    place: Location


def refuse_wrong_file(verb: str, given: Any, others: Mapping[str, Any]) -> None:
    """Refuse a file that another verb takes.

    Args:
        verb: The verb.
        given: Its first argument, a path or a name.
        others: All arguments and options.

    Raises:
        SpecError: telling what the file is, what was expected and who takes it.
    """
    if verb not in TAKES or not isinstance(given, str | Path) or not str(given):
        return
    found = _named(verb, str(given), others) or _recognised(verb, Path(given))
    wanted, kinds = TAKES[verb]
    if found is None or found.kind in kinds or (verb == "compare" and found.kind in DESIGNS and others.get("other")):
        return
    what, way = ABOUT[found.kind]
    study = Path(str(given)) / "study.yaml"
    if "study" in kinds and study.is_file():
        way = f"did you mean '{study}'?"
    raise SpecError.at(found.place, f"is {what}, and `qeopt {verb}` takes {wanted}{'; ' if way else ''}{way}")


def _recognised(verb: str, path: Path) -> _Given | None:
    """What a file or folder is; None for what its reader knows better."""
    where = Location(str(path))
    if path.is_dir():
        return _Given(_of_folder(path), where)
    if not path.is_file():
        is_missing = verb in (*FOLDERS, *TABLES) or (verb in MODELS and path.suffix.lower() in OURS)
        return _Given("missing", where) if is_missing else None
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    stated = _KIND.search(head)
    kind = _of_file(head, path.suffix.lower(), "" if stated is None else stated[1].decode("ascii", "replace"))
    if kind in SPECS and stated is not None:
        before = head[: stated.start(1)]
        where = Location(str(path), before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
    return _Given(kind, where) if kind else _Given("file", where) if verb in FOLDERS else None


def _of_file(head: bytes, suffix: str, stated: str) -> str:
    """The kind of a file by its beginning, its ending and what it says it is; empty where none of these tells."""
    if not head:
        return "empty"
    if suffix == ".json":
        return "design" if b'"qeopt.design/' in head else "model" if b'"first_conv"' in head else ""
    return BY_SUFFIX.get(suffix, stated if stated in SPECS else "")


def _of_folder(folder: Path) -> str:
    from qeopt.runs.folders import holds_run, run_in  # noqa: PLC0415  # most verbs are given files

    run = run_in(folder)
    if (run / "design.json").is_file() or (run / "state" / "request.json").is_file():
        return "run"
    return "results" if holds_run(run) else "folder"


def _named(verb: str, name: str, others: Mapping[str, Any]) -> _Given | None:
    """What a name stands for that is no path and, of a design, no run."""
    from qeopt.spec.library import Library, is_path  # noqa: PLC0415
    from qeopt.study.file_kinds import find  # noqa: PLC0415

    if is_path(name) or Path(name).exists() or verb in {"check", "resume", "report", "correlate", "fit"}:
        return None
    kinds = [kind.name for kind, _ in find(Library(tuple(others.get("path") or ())), name)]
    return _Given(kinds[0], Location(name)) if kinds and not set(kinds) & set(TAKES[verb][1]) else None
