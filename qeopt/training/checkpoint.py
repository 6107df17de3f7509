"""A run that is under way, kept in a file."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qeopt.design import Design
from qeopt.files import write_atomically
from qeopt.training.errors import TrainingError, torch
from qeopt.training.loop import State
from qeopt.training.recipe import Recipe

FORMAT = "qeopt.training/2"


def fingerprint(design: Design, recipe: Recipe, data: str) -> str:
    """A hash of what is trained, how, and by what."""
    said = [design.model_dump_json(), recipe.model_dump_json(), data]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is kept, and what it is a run of."""

    path: Path
    design: Design
    recipe: Recipe
    data: str = ""
    """Says what the images are."""

    @property
    def subject(self) -> str:
        """A hash of everything that decides the weights."""
        return fingerprint(self.design, self.recipe, self.data)

    def save(self, state: State) -> None:
        """Keep the run as it is."""
        held = {
            "format": FORMAT,
            "subject": self.subject,
            "network": state.network.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "grids": [(part.low, part.high) for part in state.network.modules() if hasattr(part, "is_set")],
            "rest": [state.step, state.curve, state.loss, state.right, state.seen, state.seconds, state.core_seconds],
        }
        content = io.BytesIO()
        torch().save(held, content)
        write_atomically(self.path, content.getvalue())

    def resume(self, state: State) -> State:
        """Return the state that was kept, in the network and optimiser of `state`; `state` itself where none was.

        Raises:
            TrainingError: when the file is damaged or of another run.
        """
        if not self.path.exists():
            return state
        held = self._read()
        if held["subject"] != self.subject:
            raise TrainingError(f"{self.path}: is of another design, recipe or data; --restart begins anew")
        state.network.load_state_dict(held["network"])
        state.optimiser.load_state_dict(held["optimiser"])
        for part, ends in zip((part for part in state.network.modules() if hasattr(part, "is_set")), held["grids"], strict=True):
            part.low, part.high = ends
        state.step, state.curve, state.loss, state.right, state.seen, state.seconds, state.core_seconds = held["rest"]
        state.curve = [(step, loss, right) for step, loss, right in state.curve]
        return state

    def _read(self) -> dict[str, Any]:
        damaged = TrainingError(f"{self.path}: is no checkpoint of a training, or it is damaged; --restart begins anew")
        try:
            held = torch().load(io.BytesIO(self.path.read_bytes()), weights_only=True)
        except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError):
            raise damaged from None
        if not isinstance(held, dict) or held.get("format") != FORMAT:
            raise damaged
        return held
