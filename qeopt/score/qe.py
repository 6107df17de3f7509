"""Quantization Entropy Score (Sun et al., NeurIPS 2022, eq. 9, and the weighted stages of the authors' code)."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from qeopt.network import Network, Op, Tensor, fan_in
from qeopt.score.objective import Nats, ObjectiveBlock
from qeopt.score.sigma_hat import sigma_hat


class QEScore(ObjectiveBlock):
    """Differential entropy of the last feature map of a quantised network with Gaussian inputs and weights.

    Per convolution: `1/2 ln(C_in K^2) + ln sigma_hat_A(bits of its input) + ln sigma_hat_W(bits of its weights) - ln sigma_A`, with
    C_in = 1 for depthwise. A stage scores all convolutions from the input to its end plus `ln C_out`; stages are weighted.
    """

    kind: Literal["qe"] = "qe"
    """Says that this is the QE-Score."""
    sigma_a: Annotated[float, Field(gt=0)] = 5.0
    """Standard deviation of activations before quantisation (paper: 5)."""
    sigma_w: Annotated[float, Field(gt=0)] = 4.0
    """Standard deviation of weights before quantisation (paper: 4)."""
    stage_weights: tuple[Annotated[float, Field(ge=0)], ...] | None = None
    """Weight of each stage; left out, every convolution counts once and channel terms drop (paper eq. 9)."""

    @model_validator(mode="after")
    def _weights_something(self) -> QEScore:
        if self.stage_weights is not None and not any(self.stage_weights):
            raise ValueError("stage_weights are all zero, so every design would score the same")
        return self

    def check(self, network: Network) -> str | None:
        """Say when the number of stages is not the number of weights."""
        stages = len(network.stage_ends)
        if self.stage_weights is None or len(self.stage_weights) == stages:
            return None
        return f"objective has {len(self.stage_weights)} stage_weights but {network.name!r} has {stages} stages"

    def layer_weight(self, stage: int) -> float:
        """Weight of a convolution in stage `stage`: every later stage counts it again."""
        return 1.0 if self.stage_weights is None else math.fsum(self.stage_weights[stage:])

    def op_gain(self, op: Op) -> Nats:
        """Fan-in and normalisation terms, in nats."""
        return self._weight(op) * (0.5 * np.log(fan_in(op)) - math.log(self.sigma_a))

    def stage_gain(self, stage: int, tensor: Tensor) -> Nats:
        """The channel term, in nats."""
        return 0.0 if self.stage_weights is None else self.stage_weights[stage] * np.log(tensor.channels)

    def weight_gain(self, op: Op, bits: int) -> float:
        """`ln sigma_hat_W(bits)`, weighted by the stage of `op`."""
        return self._weight(op) * math.log(sigma_hat(bits, self.sigma_w))

    def activation_gain(self, op: Op, bits: int) -> float:
        """`ln sigma_hat_A(bits)`, weighted by the stage of `op`."""
        return self._weight(op) * math.log(sigma_hat(bits, self.sigma_a))

    def _weight(self, op: Op) -> float:
        return self.layer_weight(op.stage) if op.stage is not None else 0.0
