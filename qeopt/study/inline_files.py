"""Put into a study what it names in files of other tools, so that it, and every design of it, stands by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from qeopt.files import sha256_of
from qeopt.hardware.lowered import lowered
from qeopt.network.document import document
from qeopt.network.importers import ImportedModel, import_model
from qeopt.score.objective import Completable
from qeopt.space import FileNetwork, GraphNetwork
from qeopt.spec.errors import Location, SpecError
from qeopt.spec.load import Loaded, SourceFile
from qeopt.spec.model import build
from qeopt.spec.node import Mapping, locate, tree
from qeopt.study.model import Study


def embed(loaded: Loaded[Study]) -> Loaded[Study]:
    """Replace a model file by its operators, and an objective's tables by their numbers.

    Raises:
        SpecError: a file cannot be read; an objective needs learnt values and no model file has them; or it is about one network
            and the study about a space.
        PluginError: a package that an importer needs is not installed.
    """
    network, objective = loaded.value.network, loaded.value.objective
    if isinstance(objective, Completable) and loaded.value.space is not None:
        said = "a table of losses is about the tensors of one network; a space has many: state a `network`"
        raise SpecError.at(locate(loaded.root, ("objective",)), said)
    is_open = isinstance(objective, Completable) and not objective.is_complete
    model: ImportedModel | None = None
    if isinstance(network, FileNetwork):
        path = _beside(loaded.root, ("network", "file"), network.file)
        model = import_model(path, network, format_=network.format, values=is_open)
        graph = {"name": network.name or path.stem, "title": network.title, **document(model.network)}
        where = locate(loaded.root, ("network", "file"))
        loaded = replace(
            _with_graph(loaded, graph, where),
            files=(*loaded.files, SourceFile(path, sha256_of(path), "model")),
        )
    loaded = _folded(loaded)
    if is_open and isinstance(objective, Completable):
        loaded = _with_losses(loaded, objective, model)
    return loaded


def _with_graph(loaded: Loaded[Study], graph: dict[str, Any], where: Location) -> Loaded[Study]:
    value = loaded.value.model_copy(update={"network": build(GraphNetwork, graph)})
    return replace(loaded, value=value, root=loaded.root.put("network", tree(graph, where)))


def _folded(loaded: Loaded[Study]) -> Loaded[Study]:
    """Fold in a network what the study's runtime folds."""
    declared = loaded.value.network
    if not isinstance(declared, GraphNetwork):
        return loaded
    network = declared.network(declared.name)
    ran, _ = lowered(network, loaded.value.runtime)
    if ran == network:
        return loaded
    graph = {"name": declared.name, "title": declared.title, **document(ran)}
    return _with_graph(loaded, graph, locate(loaded.root, ("network",)))


def _with_losses(loaded: Loaded[Study], objective: Completable, model: ImportedModel | None) -> Loaded[Study]:
    study = loaded.value
    network = study.subject.expand(study.subject.smallest(), study.task, study.subject.name)
    where = locate(loaded.root, ("objective",))
    file = None if objective.file is None else _beside(loaded.root, ("objective", "table"), objective.file)
    try:
        complete = objective.complete(
            file, network, study.bits.all_weights, study.bits.all_activations, {} if model is None else model.weights
        )
    except ValueError as error:
        raise SpecError.at(where, str(error)) from None
    files = loaded.files
    if file is not None:
        files = (*files, SourceFile(file, sha256_of(file), "table"))
    return replace(
        loaded,
        value=study.model_copy(update={"objective": complete}),
        files=files,
        root=loaded.root.put("objective", tree(complete.model_dump(mode="json", exclude_none=True), where)),
    )


def _beside(root: Mapping, path: tuple[str, ...], file: str) -> Path:
    """The file that a value names: from the folder of the file it stands in; from here where it was given by an option."""
    location: Location = locate(root, path)
    return Path(file) if location.line is None else Path(location.file).parent / file
