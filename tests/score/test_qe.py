"""QE-Score: its parts, and what it refuses. The authors' own scores are with the published networks."""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from qeopt.network import Bits, Network, NetworkBuilder, Tensor
from qeopt.score import QEScore, evaluate, sigma_hat
from qeopt.spec.model import build

STAGES = [0, 0, 1, 1, 6]


def qe(**settings: Any) -> QEScore:
    return build(QEScore, settings)


def test_a_layer_counts_in_every_later_stage() -> None:
    assert [qe(stage_weights=STAGES).layer_weight(stage) for stage in range(5)] == [8, 8, 8, 7, 6]
    assert qe().layer_weight(3) == 1


def test_without_stages_every_convolution_counts_once_and_channels_do_not(random_chain: Callable[[random.Random], Network]) -> None:
    rng = random.Random(5)
    for _ in range(20):
        network = random_chain(rng)
        bits = Bits.uniform(network, 4)
        expected = 0.0
        for op in network.ops:
            if op.kind.value not in {"conv", "depthwise"}:
                continue
            fan_in = op.kernel**2 * (op.inputs[0].channels if op.kind.value == "conv" else 1)
            a_bits, w_bits, _ = bits.of(op)
            expected += 0.5 * math.log(fan_in) + math.log(sigma_hat(a_bits, 5) / 5) + math.log(sigma_hat(w_bits, 4))
        assert evaluate(qe(), network, bits) == pytest.approx(expected, rel=1e-12)


def test_with_stages_the_channels_at_the_end_of_each_count_with_its_weight() -> None:
    image = Tensor("image", 8, 8, 3, bits=8, is_image=True)
    builder = NetworkBuilder("two stages", image)
    first = builder.conv("a", image, 7, kernel=3)
    builder.end_stage()
    builder.depthwise("b", first, kernel=5)
    builder.end_stage()
    network = builder.finish()
    bits = Bits({"a": 4, "b": 2}, {"image": 8, "a": 3, "b": 8})
    widths = [(27, 8, 4), (25, 3, 2)]
    layers = [
        0.5 * math.log(fan_in) + math.log(sigma_hat(a_bits, 5) / 5) + math.log(sigma_hat(w_bits, 4))
        for fan_in, a_bits, w_bits in widths
    ]
    expected = (1 + 6) * layers[0] + 6 * layers[1] + 1 * math.log(7) + 6 * math.log(7)
    assert evaluate(qe(stage_weights=[1, 6]), network, bits) == pytest.approx(expected, rel=1e-12)


def test_the_score_is_flat_above_five_bits() -> None:
    assert math.log(sigma_hat(8, 5) / sigma_hat(5, 5)) < 0.002
    assert math.log(sigma_hat(5, 5) / sigma_hat(4, 5)) == pytest.approx(0.0995, abs=2e-4)


def test_a_wrong_number_of_stages_is_named() -> None:
    image = Tensor("image", 8, 8, 3, bits=8, is_image=True)
    builder = NetworkBuilder("small", image)
    builder.conv("a", image, 8)
    builder.end_stage()
    complaint = qe(stage_weights=STAGES).check(builder.finish())
    assert complaint == "objective has 5 stage_weights but 'small' has 1 stages"
    assert qe().check(builder.finish()) is None


@pytest.mark.parametrize("settings", [{"stage_weights": [0, 0]}, {"stage_weights": [1, -1]}, {"sigma_a": 0}, {"sigma_w": -4}])
def test_refuses_settings_that_score_nothing(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        qe(**settings)
