"""Options that a table holds, put into the signature of a command, which finds what was given under one name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, get_type_hints


def spliced(
    command: Callable[..., None], shared: Mapping[str, tuple[Any, Any]], found_as: str, collect: Callable[[dict[str, Any]], Any]
) -> Callable[..., None]:
    """Return a command that takes shared options too.

    Args:
        command: The command, with a parameter called `found_as` where help lists the shared options.
        shared: By name of an option, its annotation and its default.
        found_as: Under which name the command finds what was given.
        collect: Makes that of the values of all shared options.
    """

    @wraps(command)
    def run(**arguments: Any) -> None:
        given = {name: arguments.pop(name) for name in shared}
        command(**arguments, **{found_as: collect(given)})

    kind, hints = inspect.Parameter.POSITIONAL_OR_KEYWORD, get_type_hints(command, include_extras=True)
    parameters = []
    for name, own in inspect.signature(command).parameters.items():
        if name == found_as:
            parameters += [
                inspect.Parameter(one, kind, default=default, annotation=annotation)
                for one, (annotation, default) in shared.items()
            ]
        else:
            parameters.append(own.replace(annotation=hints[name], kind=kind))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run
