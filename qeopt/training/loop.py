"""The training loop. What a step sees depends on the seed and its number alone, so that a run can be resumed at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from qeopt.runs.cost import Cost
from qeopt.training.data.dataset import Pixels, Split
from qeopt.training.errors import DivergedError, TrainingError, memory_told, torch
from qeopt.training.lesson import ByClass, Lesson
from qeopt.training.network import grids
from qeopt.training.recipe import Recipe

SHOWN_EVERY = 0.5
"""Seconds between reports."""
PARTS = 10
"""Points of the curve in an epoch."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands."""

    step: int
    """Steps made."""
    steps: int
    """Steps in all."""
    loss: float
    """Mean over the last part of an epoch."""
    accuracy: float
    """Share of the images of these steps that were told right."""
    seconds: float
    """Spent so far."""
    left: float
    """Seconds that the rest will take."""


@dataclass
class State:
    """All that a run needs to go on: the network, who makes the steps, and what was seen so far."""

    network: Any
    optimiser: Any
    step: int = 0
    curve: list[tuple[int, float, float]] = field(default_factory=list)
    """(steps made, mean loss, share told right) by part of an epoch."""
    loss: float = 0.0
    right: float = 0
    seen: int = 0
    """What the part of an epoch that is under way adds up to."""
    seconds: float = 0.0
    """Spent on all steps, those of runs that were resumed included."""
    core_seconds: float = 0.0
    """The same as time of every core of this machine; what a GPU does meanwhile is not in it."""

    def cost(self, grams_per_core_hour: float) -> Cost:
        """What the steps have cost."""
        return Cost(self.seconds, self.core_seconds, grams_per_core_hour)

    @property
    def point(self) -> tuple[int, float, float]:
        """The point of the curve that the part under way makes so far."""
        return self.step, self.loss / self.seen, self.right / self.seen


class Images(Protocol):
    """Images, and something that is known of each."""

    @property
    def pixels(self) -> Pixels:
        """Shape (images, channels, height, width)."""

    @property
    def pixel_range(self) -> tuple[float, float]:
        """What pixels of 0 and of 255 are for the network."""

    def __len__(self) -> int:
        """How many."""


class Saves(Protocol):
    """Who keeps a run."""

    def __call__(self, state: State) -> None:
        """Keep it as it is now."""


@dataclass(frozen=True)
class Trainer:
    """Trains one network on one set of images."""

    recipe: Recipe
    images: Images
    device: str = "cpu"
    teacher: Callable[[Any], Any] | None = None
    """What the network learns from beside labels: images to outputs."""
    report: Callable[[Progress], None] | None = None
    lesson: Lesson | None = None
    """What is learnt from the images; their classes, unless told otherwise."""

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return max(1, round(self.recipe.epochs * self.steps_per_epoch))

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in one pass over the images."""
        return len(self.images) // self.recipe.batch

    @property
    def narrows_at(self) -> int:
        """The step at which widths become those of the design."""
        return round(self.recipe.eight_bits_first * self.steps)

    def start(self, network: Any) -> State:
        """Return the state before the first step.

        Raises:
            TrainingError: when there are fewer images than one batch.
        """
        if not self.steps_per_epoch:
            raise TrainingError(f"a batch of {self.recipe.batch} is more than the {len(self.images)} training images")
        network = network.to(self.device)
        return State(network, _optimiser(network, self.recipe))

    def train(self, state: State, *, save: Saves | None = None, save_every: float = math.inf, until: int | None = None) -> State:
        """Make the steps that are missing, or those up to `until`.

        Args:
            state: Where to go on from; it is changed.
            save: Called now and then, and at the end.
            save_every: Seconds between saves.
            until: Where to stop early.

        Raises:
            TrainingError: when memory runs out, or the loss is no longer a number (`DivergedError`).
        """
        end = self.steps if until is None else min(until, self.steps)
        started = saved = shown = time.monotonic()
        cores, cores_before = time.process_time(), state.core_seconds
        before, part = state.seconds, max(1, self.steps_per_epoch // PARTS)
        state.network.train()
        batches = self.batches(state.step, end)
        with memory_told(f"a step of {self.recipe.batch} images", "a smaller --batch helps"):
            for images, targets in batches:
                self._step(state, images, targets)
                now = time.monotonic()
                if state.step % part == 0 or state.step == self.steps:
                    state.curve.append(state.point)
                    state.loss, state.right, state.seen = 0.0, 0, 0
                state.seconds = before + now - started
                state.core_seconds = cores_before + time.process_time() - cores
                if save is not None and now - saved >= save_every:
                    save(state)
                    saved = now
                if self.report is not None and (now - shown >= SHOWN_EVERY or state.step == end):
                    shown = now
                    self._tell(state, save)
        if save is not None:
            save(state)
        return state

    def _tell(self, state: State, save: Saves | None) -> None:
        """Report; where that ends in Ctrl-C, keep the run first."""
        _, loss, right = state.point if state.seen else state.curve[-1]
        left = state.seconds / state.step * (self.steps - state.step)
        try:
            if self.report is not None:
                self.report(Progress(state.step, self.steps, loss, right, state.seconds, left))
        except KeyboardInterrupt:
            if save is not None:
                save(state)
            raise

    def batches(self, first: int, end: int) -> Iterator[tuple[Any, Any]]:
        """What the network reads and what is to be told of it, of steps `first` to `end`, on the device."""
        framework, size, lesson = torch(), self.recipe.batch, self._lesson()
        order, epoch = np.arange(0), -1
        for step in range(first, end):
            if step // self.steps_per_epoch != epoch:
                epoch = step // self.steps_per_epoch
                order = np.random.default_rng([self.recipe.seed, 0, epoch]).permutation(len(self.images))
            place = step % self.steps_per_epoch * size
            chosen = order[place : place + size]
            pixels, targets = lesson.batch(chosen, np.random.default_rng([self.recipe.seed, 1, step]), self.device)
            low, high = self.images.pixel_range
            shares = framework.from_numpy(pixels).to(self.device).float().div_(255)
            yield shares if (low, high) == (0.0, 1.0) else shares.mul_(high - low).add_(low), targets

    def _lesson(self) -> Lesson:
        if self.lesson is not None:
            return self.lesson
        if not isinstance(self.images, Split):
            raise TypeError("images without labels need a lesson")
        return ByClass(self.images, self.recipe, self.teacher)

    def _step(self, state: State, images: Any, targets: Any) -> None:
        if state.step == 0 and self.narrows_at:
            widen(state.network)
        if state.step == self.narrows_at and self.narrows_at:
            narrow(state.network)
        for group in state.optimiser.param_groups:
            group["lr"] = self.rate(state.step) * group["share"]
        loss, right = self._lesson().loss(state.network, images, targets)
        state.optimiser.zero_grad()
        loss.backward()
        state.optimiser.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(f"the loss is {value} at step {state.step + 1}; a lower --rate helps (it is {self.recipe.rate:g})")
        state.step += 1
        state.loss += value * len(images)
        state.right += right
        state.seen += len(images)

    def rate(self, step: int) -> float:
        """The learning rate of a step: rising, then falling along a cosine to nothing."""
        rising = max(1, round(self.recipe.warm_up * self.steps))
        if step < rising:
            return self.recipe.rate * (step + 1) / rising
        return self.recipe.rate * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, self.steps - rising)))


def widen(network: Any, bits: int = 8) -> None:
    """Give every grid of fewer bits that is learnt `bits`, until `narrow` takes them back."""
    for grid in grids(network):
        if grid.bits < bits:
            grid.low, grid.high = (-(2 ** (bits - 1)) if grid.signed else 0), 2 ** (bits - grid.signed) - 1


def narrow(network: Any) -> None:
    """Give grids the bits of the design; the next values decide their steps anew."""
    for grid in grids(network):
        high = 2 ** (grid.bits - grid.signed) - 1
        if grid.high != high:
            grid.low, grid.high = (-(2 ** (grid.bits - 1)) if grid.signed else 0), high
            grid.is_set.fill_(False)


def _optimiser(network: Any, recipe: Recipe) -> Any:
    """Decay takes off weights alone: a step of a grid, a factor or a bias near nothing would be no simpler network.

    `share` of a group is its rate as a share of the recipe's.
    """
    steps = {id(grid.step) for grid in grids(network)}
    learnt = [value for value in network.parameters() if value.requires_grad and id(value) not in steps]
    groups = [
        {"params": [value for value in learnt if value.ndim > 1], "weight_decay": recipe.weight_decay, "share": 1.0},
        {"params": [value for value in learnt if value.ndim <= 1], "weight_decay": 0.0, "share": 1.0},
        {"params": [grid.step for grid in grids(network)], "weight_decay": 0.0, "share": recipe.step_rate},
    ]
    kinds, rate = torch().optim, recipe.rate
    if recipe.optimiser == "sgd":
        return kinds.SGD(groups, lr=rate, momentum=0.9)
    return (kinds.AdamW if recipe.optimiser == "adamw" else kinds.Adam)(groups, lr=rate)
