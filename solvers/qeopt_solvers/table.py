"""Engines by name. The ones of this package are a plain table; others come by the entry-point group `qeopt.engines`.

Nothing is imported until an engine is asked for, so a missing solver package hurts only who asks for it.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import cast

from qeopt_solvers.outcome import Engine
from qeopt_solvers.traits import Traits

GROUP = "qeopt.engines"
"""Entry-point group for engines from outside: `name = "package.module:function"`, with a `TRAITS` in the same module."""

ENGINES: dict[str, str] = {
    "chain": "qeopt_solvers.engines.chain:solve",
    "cp_sat": "qeopt_solvers.engines.cp_sat:solve",
    "exhaustive": "qeopt_solvers.engines.exhaustive:solve",
    "milp": "qeopt_solvers.engines.milp:solve",
    "paper": "qeopt_solvers.engines.paper:solve",
    "ratio": "qeopt_solvers.engines.ratio:solve",
    "rusci": "qeopt_solvers.engines.rusci:solve",
}


class EngineError(LookupError):
    """An engine that is unknown, not installed or not built as one."""


def names() -> tuple[str, ...]:
    """List every engine that can be asked for, sorted, whether or not its solver package is installed."""
    return tuple(sorted({*ENGINES, *(point.name for point in entry_points(group=GROUP))}))


def load(name: str) -> Engine:
    """Import the engine called `name`.

    Raises:
        EngineError: unknown name (with the nearest one), missing package (with what to install) or not an engine.
    """
    module_name, _, function_name = _target(name).partition(":")
    function = getattr(_import(name, module_name), function_name, None)
    if not callable(function):
        raise EngineError(f"engine {name!r}: {module_name} has no function {function_name!r}")
    return cast("Engine", function)


def traits(name: str) -> Traits:
    """Tell what the engine called `name` can do.

    Raises:
        EngineError: as `load`, or when the engine's module has no `TRAITS`.
    """
    found = getattr(engine_module(name), "TRAITS", None)
    if not isinstance(found, Traits):
        raise EngineError(f"engine {name!r}: its module has no `TRAITS`, a qeopt_solvers.traits.Traits")
    return found


def engine_module(name: str) -> ModuleType:
    """Import the module of the engine called `name`: the home of its `TRAITS`, options and `solve_many`.

    Raises:
        EngineError: as `load`.
    """
    return _import(name, _target(name).partition(":")[0])


def _target(name: str) -> str:
    if name in ENGINES:
        return ENGINES[name]
    points: tuple[EntryPoint, ...] = tuple(entry_points(group=GROUP, name=name))
    if points:
        return points[0].value
    close = difflib.get_close_matches(name, names(), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise EngineError(f"there is no engine {name!r}{hint} (engines: {', '.join(names())})")


def _import(name: str, module_name: str) -> ModuleType:
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        package = (error.name or module_name).partition(".")[0]
        raise EngineError(
            f"engine {name!r} needs the package {package!r}, which is not installed; install it with `pip install {package}`"
        ) from error
