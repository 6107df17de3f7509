"""Read a study: its files, what it names in files of other tools, and what only shows when its parts meet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qeopt.budgets import table
from qeopt.hardware.costs import missing_isa
from qeopt.network.importers import WAYS, is_model
from qeopt.network.importers.torch_source import names_code
from qeopt.qbr.layers import unknown_layer
from qeopt.score.objective import OBJECTIVES, broken_promise, kind_of
from qeopt.space import GraphNetwork, Space, Task
from qeopt.space.cells import DenseCell
from qeopt.spec.document import Document
from qeopt.spec.errors import Location, SpecError, did_you_mean, one_of
from qeopt.spec.library import Library
from qeopt.spec.load import Loaded, load
from qeopt.spec.node import locate
from qeopt.study.inline_files import embed
from qeopt.study.magnitudes import too_large
from qeopt.study.model import Study
from qeopt_solvers import table as engines

Complaint = tuple[tuple[str | int, ...], str]
"""A place in the study and what is wrong there."""

StudySource = str | Path | Document | Loaded[Study]
"""Where a study comes from: a name, a file, a document, or a study that was read before."""


def load_study(source: StudySource, *, overrides: Sequence[str] = (), library: Library | None = None) -> Loaded[Study]:
    """Read a study from a path or a shipped name, and check what only shows when its parts meet.

    Args:
        source: A file, a name such as `vww_256k`, a document that was read before, or a study that was: it is returned as it is.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.

    Raises:
        SpecError: with every problem found, each with its place.
        ValueError: when overrides are given for a study that was read before: they would come too late.
    """
    if isinstance(source, Loaded):
        if overrides:
            raise ValueError("overrides are given where a study is read, not where it is used")
        return source
    if isinstance(source, str | Path):
        _refuse_model(str(source))
    loaded = embed(load(Study, source, library=library or Library(), kind="study", overrides=overrides))
    for check in (_budgets, _memory, _isa, _depth, _engines, _task, _layers, _objective, _strategy, too_large):
        complaint = check(loaded.value)
        if complaint is not None:
            place, message = complaint
            raise SpecError.at(locate(loaded.root, place), message)
    return loaded


def _refuse_model(name: str) -> None:
    """A model where a study was expected is answered with the verb that reads it.

    Raises:
        SpecError: when `name` is called as models are, and is none of the files of this house.
    """
    suffix = Path(name).suffix.lower().removeprefix(".")
    if suffix in WAYS or names_code(name):
        said = WAYS["py" if names_code(name) else suffix]
    elif is_model(Path(name)):
        said = "is a model, and a study was expected"
    else:
        return
    raise SpecError.at(Location(name), f"{said}; `qeopt bits` finds the bits of a model, and a study names one as `network: FILE`")


def _budgets(study: Study) -> Complaint | None:
    try:
        _ = study.limits
    except ValueError as error:
        return ("budgets",), str(error)
    return None


def _memory(study: Study) -> Complaint | None:
    said = study.memory.complaint(study.device, study.runtime, study.runs)
    return None if said is None else (("memory", "prefer"), said)


def _isa(study: Study) -> Complaint | None:
    device, runtime = study.device, study.runtime
    missing = () if device is None else missing_isa(device, runtime)
    if device is None or not missing:
        return None
    message = f"the runtime {runtime.name!r} needs {', '.join(missing)}, which the device {device.name!r} does not have"
    return ("runtime",), f"{message} (its `isa`: {', '.join(device.isa or ()) or 'none'})"


def _depth(study: Study) -> Complaint | None:
    ending = [record for record in table().values() if record.ends_depth]
    if study.space is None or any(study.budgets.stated(record.key) is not None for record in ending):
        return None
    message = "a study of a space needs a `layers` budget: the score grows with depth without end (layers: 47 is the paper's)"
    return ("budgets",), message


def _engines(study: Study) -> Complaint | None:
    known = engines.names()
    for field in ("engine", "scout"):
        engine = getattr(study.qbr, field)
        if engine not in known:
            return ("qbr", field), f"there is no engine {engine!r}; {one_of(known)} was expected{did_you_mean(engine, known)}"
    return None


def _task(study: Study) -> Complaint | None:
    misfit = study.network.misfit(study.task) if isinstance(study.network, GraphNetwork) else None
    if misfit is not None:
        return ("task", misfit[0]), misfit[1]
    space = study.subject
    return _positions(space, study.task) if isinstance(space, Space) else None


def _positions(space: Space, task: Task) -> Complaint | None:
    """A dense layer inside a chain reads one position: between blocks only channels are a choice, not how many values there are."""
    for placed in space.cells(space.smallest(), task):
        place = placed.place
        if isinstance(placed.cell, DenseCell) and (place.height, place.width) != (1, 1):
            said = f"the dense block {placed.name!r} reads {place.height}x{place.width} positions"
            return ("task", "input"), f"{said}; an input of one position, [1, 1, N], was expected"
    return None


def _layers(study: Study) -> Complaint | None:
    key = study.bits.names_layers
    if not key:
        return None
    if study.open_space is not None:
        return ("bits", key), "is about the layers of a network, and a space leaves open which there are; state a `network`"
    found = unknown_layer(study.subject.expand(study.subject.smallest(), study.task, study.subject.name), study.bits)
    return None if found is None else (("bits", *found[0]), found[1])


def _objective(study: Study) -> Complaint | None:
    network = study.subject.expand(study.subject.smallest(), study.task, study.subject.name)
    complaint = study.objective.check(network)
    if complaint is not None:
        return ("objective", "stage_weights"), complaint
    kind = kind_of(study.objective)
    if kind in OBJECTIVES.builtin:
        return None
    broken = broken_promise(study.objective, network, study.bits.weights, study.bits.activations)
    return None if broken is None else (("objective", "kind"), f"the plug-in {kind!r} {broken}")


def _strategy(study: Study) -> Complaint | None:
    if study.search.strategy != "bound" or study.objective.is_additive:
        return None
    said = "is 'bound', but the objective does not add up, so there is none; 'hybrid' or 'evolution' was expected"
    return ("search", "strategy"), said
