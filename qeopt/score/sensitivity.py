"""An objective from measured or computed losses: what each tensor costs at each width, instead of Gaussian statistics."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from qeopt.network import Network, Op, Tensor
from qeopt.network.importers import Parameters
from qeopt.network.importers.bytes import read_bytes
from qeopt.score.objective import ObjectiveBlock, readings
from qeopt.spec.errors import did_you_mean, quote

Width = Annotated[int, Field(ge=1, le=32)]
Losses = Mapping[str, Mapping[Width, float]]

MAX_BYTES = 16 << 20
CLIPS = tuple(step / 32 for step in range(8, 33))
"""Clipping bounds that are tried, as shares of the largest value."""
WEIGHTS, ACTIVATIONS = " weights", " activations"
"""What follows an operator's or a tensor's name in a table where the name alone could mean both."""


class Sensitivity(ObjectiveBlock):
    """Minus the sum of the losses of all tensors at their bits. Losses add up as far as errors are small and independent.

    With `source: weights` the loss of weights is their own quantisation error, squared and relative to their energy, at the best
    clipping per output channel; that of an activation is the same for a Gaussian. Both are noise-to-signal ratios, so they add.
    """

    kind: Literal["sensitivity"] = "sensitivity"
    """Says that this is a table of losses."""
    table: str | None = None
    """CSV or JSON file of (tensor, bits, loss), beside the study."""
    source: Literal["table", "weights"] = "table"
    """`weights` computes losses from the learnt values of the study's model file."""
    weights: Losses = Field(default={})
    """Loss by operator and weight bits."""
    activations: Losses = Field(default={})
    """Loss by tensor and bits."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """What losses are multiplied by; the program counts in millionths."""

    @model_validator(mode="after")
    def _says_where_from(self) -> Sensitivity:
        if self.source == "weights" and self.table is not None:
            raise ValueError("losses come either from `table` or from the model's weights")
        if self.source == "table" and self.table is None and not self.weights and not self.activations:
            raise ValueError("a `table` is needed, such as `qeopt sensitivity` writes, or `source: weights`")
        return self

    @property
    def is_complete(self) -> bool:
        """Whether it holds its losses."""
        return bool(self.weights or self.activations)

    @property
    def file(self) -> str | None:
        """The table, as the study names it."""
        return self.table

    def complete(
        self,
        file: Path | None,
        network: Network,
        weights: Sequence[int],
        activations: Sequence[int],
        parameters: Mapping[str, Parameters],
    ) -> Sensitivity:
        """The same objective with its losses.

        Raises:
            ValueError: the table, or the learnt values, do not give the loss of every choice.
        """
        found = losses_of(network, parameters, weights, activations) if file is None else read_table(file, network)
        complaint = missing(network, *found, weights, activations)
        if complaint:
            raise ValueError(complaint)
        return self.model_copy(update={"weights": found[0], "activations": found[1], "table": None, "source": "table"})

    def check(self, network: Network) -> str | None:
        """Say when a loss names nothing that is scored."""
        ops = {op.name for op in network.ops if op.is_scored}
        for name in self.weights:
            if name not in ops:
                return f"the losses name the weights of {quote(name)}, which are not scored{did_you_mean(name, ops)}"
        owners = _owners(network)
        for name in self.activations:
            if name not in owners:
                return f"the losses name the tensor {quote(name)}, which no scored operator reads{did_you_mean(name, owners)}"
        return None

    def weight_gain(self, op: Op, bits: int) -> float:
        """Minus the loss of the weights of `op` at `bits`; zero where the table leaves them out."""
        return -self.scale * self.weights.get(op.name, {}).get(bits, 0.0)

    def tensor_gain(self, tensor: Tensor, bits: int) -> float:
        """Minus the loss of `tensor` at `bits`; zero where the table leaves it out."""
        return -self.scale * self.activations.get(tensor.name, {}).get(bits, 0.0)


def _owners(network: Network) -> tuple[str, ...]:
    """The tensors that decide the bits of what scored operators read."""
    return tuple(reading.owner.name for reading in readings(network) if reading.is_first)


def missing(
    network: Network, weights: Losses, activations: Losses, weight_widths: Sequence[int], activation_widths: Sequence[int]
) -> str | None:
    """Say which choices of bits have no loss; without one they would look free."""
    wanted = [(op.name, weights, weight_widths, WEIGHTS) for op in network.ops if op.is_scored and op.weight_bits is None]
    wanted += [
        (name, activations, activation_widths, ACTIVATIONS)
        for name in _owners(network)
        if network.tensor_by_name[name].bits is None
    ]
    lacking = [
        f"{name}{role} at {', '.join(str(width) for width in widths if width not in known.get(name, {}))} bits"
        for name, known, widths, role in wanted
        if len(widths) > 1 and any(width not in known.get(name, {}) for width in widths)
    ]
    if not lacking:
        return None
    return f"no loss is given for {lacking[0]}" + (f", nor for {len(lacking) - 1} more tensors" if len(lacking) > 1 else "")


def losses_of(
    network: Network, parameters: Mapping[str, Parameters], weights: Sequence[int], activations: Sequence[int]
) -> tuple[Losses, Losses]:
    """Compute losses from learnt values: noise-to-signal ratios of weights as they are, of activations as Gaussians.

    Raises:
        ValueError: an operator whose weight bits are a choice has no learnt values.
    """
    by_op: dict[str, dict[int, float]] = {}
    for op in network.ops:
        if op.is_scored and op.weight_bits is None:
            given = parameters.get(op.name)
            if given is None:
                raise ValueError(f"the learnt weights of {op.name!r} are not in the model; give a `table` of losses")
            by_op[op.name] = {width: noise_to_signal(given.weights, width) for width in weights}
    free = [name for name in _owners(network) if network.tensor_by_name[name].bits is None]
    return by_op, {name: {width: gaussian_noise_to_signal(width) for width in activations} for name in free}


def noise_to_signal(weights: NDArray[Any], bits: int) -> float:
    """Squared quantisation error over energy, symmetric per output channel, at the best of some clipping bounds.

    Args:
        weights: (out, ...) learnt values.
        bits: Width; 1 keeps the sign.
    """
    rows = np.asarray(weights, dtype=np.float64).reshape(len(weights), -1)
    rows = rows[np.isfinite(rows).all(axis=1)]
    energy = float((rows**2).sum())
    if not energy:
        return 0.0
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if bits == 1:
        scale = np.abs(rows).mean(axis=1, keepdims=True)
        return float(((rows - np.where(rows < 0, -scale, scale)) ** 2).sum()) / energy
    top = 2 ** (bits - 1) - 1
    best = np.full(len(rows), np.inf)
    for clip in CLIPS:
        step = np.where(largest > 0, clip * largest / top, 1.0)
        quantised = np.clip(np.rint(rows / step), -top - 1, top) * step
        best = np.minimum(best, ((rows - quantised) ** 2).sum(axis=1))
    return float(best.sum()) / energy


@cache
def gaussian_noise_to_signal(bits: int) -> float:
    """The same for a Gaussian at the clipping that is best for it."""
    values = np.array([_quantile((index + 0.5) / 4001) for index in range(4001)])[None, :]
    top = 2 ** (bits - 1) - 1 if bits > 1 else 1
    if bits == 1:
        return noise_to_signal(values, 1)
    steps = np.linspace(1.0, 8.0, 141) / top
    errors = [float(((values - np.clip(np.rint(values / step), -top - 1, top) * step) ** 2).mean()) for step in steps]
    return min(errors) / float((values**2).mean())


def _quantile(share: float) -> float:
    """Quantile of the standard Gaussian, by bisection."""
    low, high = -8.0, 8.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 0.5 * math.erfc(-middle / math.sqrt(2)) < share else (low, middle)
    return low


def read_table(path: Path, network: Network) -> tuple[Losses, Losses]:
    """Read (tensor, bits, loss) from CSV with a header, or from a JSON list of mappings.

    A tensor is `NAME weights`, `NAME activations`, or the name alone where it can mean only one of them.

    Raises:
        ValueError: with the file and, where there is one, the row.
        SpecError: the file cannot be read.
    """
    try:
        text = read_bytes(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8 text") from None
    rows = _json_rows(path, text) if path.suffix.lower() == ".json" else csv.DictReader(io.StringIO(text))
    found: tuple[dict[str, dict[int, float]], dict[str, dict[int, float]]] = ({}, {})
    try:
        for number, row in enumerate(rows, start=1):
            place = f"{path}: row {number}"
            name, role = _meant(place, row.get("tensor"), network)
            bits, loss = _number(place, row, "bits"), _number(place, row, "loss")
            if bits != int(bits) or not 1 <= bits <= 32:
                raise ValueError(f"{place}: bits is {row.get('bits')!r}; a whole number from 1 to 32 was expected")
            losses = found[role].setdefault(name, {})
            if int(bits) in losses:
                raise ValueError(f"{place}: the loss of {row.get('tensor')!r} at {int(bits)} bits is given twice")
            losses[int(bits)] = loss
    except csv.Error as error:
        raise ValueError(f"{path}: is no CSV: {error}") from None
    if not found[0] and not found[1]:
        raise ValueError(f"{path}: no row; columns 'tensor', 'bits' and 'loss' were expected")
    return found


def _json_rows(path: Path, text: str) -> Iterable[Mapping[str, Any]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{path}: is not JSON") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path}: a list of mappings with 'tensor', 'bits' and 'loss' was expected")
    return rows


def _meant(place: str, tensor: object, network: Network) -> tuple[str, int]:
    """The operator (0: its weights) or the deciding tensor (1) that a row is about."""
    scored = {op.name for op in network.ops if op.is_scored}
    owners = _owners(network)
    if not isinstance(tensor, str) or not tensor:
        raise ValueError(f"{place}: 'tensor' is missing")
    for role, suffix in enumerate((WEIGHTS, ACTIVATIONS)):
        name = tensor.removesuffix(suffix)
        if role == 1 and name in network.tensor_by_name:
            name = network.bits_owner(network.tensor_by_name[name]).name
        if tensor.endswith(suffix) and name in (scored, owners)[role]:
            return name, role
    if tensor in scored and tensor in owners:
        raise ValueError(f"{place}: {tensor!r} may mean '{tensor}{WEIGHTS}' or '{tensor}{ACTIVATIONS}'; write which")
    if tensor in scored:
        return tensor, 0
    if tensor in owners:
        return tensor, 1
    known = [name + WEIGHTS for name in scored] + [name + ACTIVATIONS for name in owners]
    raise ValueError(f"{place}: {tensor!r} is no tensor that the score sees{did_you_mean(tensor, known)}")


def _number(place: str, row: Mapping[str, Any], key: str) -> float:
    try:
        value = float(row[key])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{place}: {key!r} is {row.get(key)!r}; a number was expected") from None
    if not math.isfinite(value) or isinstance(row[key], bool):
        raise ValueError(f"{place}: {key!r} is {row.get(key)!r}; a finite number was expected")
    return value
