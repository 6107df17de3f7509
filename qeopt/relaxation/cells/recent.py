"""Keep what was prepared for the last few searches: rounds, baselines and workers ask for the same again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import BaseModel

from qeopt.qbr import Refiner
from qeopt.space import Space, Task

T = TypeVar("T")
KEPT = 4


def fingerprint(space: Space, task: Task, refiner: Refiner) -> str:
    """A name for the content of a search's terms: equal for equal terms, wherever the objects come from."""
    digest = hashlib.sha256()
    for part in (space, task, refiner.runtime, refiner.limits, refiner.choices, refiner.objective):
        text = part.model_dump_json() if isinstance(part, BaseModel) else repr(part)
        digest.update(text.encode())
        digest.update(b"\0")
    return digest.hexdigest()


class Recent(Generic[T]):
    """The last few things made, by name."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, T] = OrderedDict()

    def get(self, name: str, make: Callable[[], T]) -> T:
        """Return what was made under `name`, making it if it is not among the last few."""
        if name not in self._made:
            self.put(name, make())
        self._made.move_to_end(name)
        return self._made[name]

    def put(self, name: str, thing: T) -> None:
        """Keep what was made under `name`, instead of what is there."""
        self._made[name] = thing
        self._made.move_to_end(name)
        while len(self._made) > KEPT:
            self._made.popitem(last=False)

    def known(self, name: str) -> T | None:
        """What was made under `name`, if it is among the last few."""
        return self._made.get(name)
