"""Flash of weights under X-CUBE-AI against what its vendor publishes of 11 networks: int8 weights and int32 biases."""

from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.hardware.costs import flash_of
from qeopt.space import Space, Task
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

PUBLISHED_KIB = [  # stm32ai-modelzoo, image_classification/mobilenetv1 and mobilenetv2 READMEs, commit 6f10965, X-CUBE-AI 10.0.0
    (1, 0.25, (224, 224, 3), 5, 214.69),
    (1, 0.5, (224, 224, 3), 5, 812.61),
    (1, 0.25, (96, 96, 3), 5, 214.69),
    (1, 0.25, (96, 96, 1), 5, 214.55),
    (1, 0.25, (224, 224, 3), 1000, 467.33),
    (1, 0.5, (224, 224, 3), 1000, 1314),
    (1, 1.0, (224, 224, 3), 1000, 4157.09),
    (2, 0.35, (128, 128, 3), 5, 406.86),
    (2, 0.35, (224, 224, 3), 5, 406.86),
    (2, 0.35, (128, 128, 3), 1000, 1654.5),
    (2, 1.0, (224, 224, 3), 1000, 3458.97),
]
V1 = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 2, 6), (1024, 2, 2))
V2 = ((16, 1, 1, 1), (24, 2, 2, 6), (32, 3, 2, 6), (64, 4, 2, 6), (96, 3, 1, 6), (160, 3, 2, 6), (320, 1, 1, 6))


def scaled(channels: int, alpha: float) -> int:
    """Keras' rule: a multiple of 8, not more than a tenth below."""
    wanted = channels * alpha
    found = max(8, int(wanted + 4) // 8 * 8)
    return found + 8 if found < 0.9 * wanted else found


def mobilenet(version: int, alpha: float) -> Space:
    stem: dict[str, Any] = {"kind": "conv", "name": "stem", "kernel": 3, "stride": 2, "width": scaled(32, alpha)}
    blocks: list[dict[str, Any]] = [stem]
    if version == 1:
        blocks += [
            {"kind": "separable", "name": f"b{number}", "width": scaled(width, alpha), "stride": stride, "units": units}
            for number, (width, stride, units) in enumerate(V1)
        ]
    else:
        blocks += [
            {
                "kind": "mbconv",
                "name": f"b{number}",
                "width": scaled(width, alpha),
                "units": units,
                "stride": stride,
                "ratio": ratio,
            }
            for number, (width, units, stride, ratio) in enumerate(V2)
        ]
        blocks.append({"kind": "conv", "name": "head", "width": 1280})
    return build(Space, {"blocks": [*blocks, {"kind": "classifier"}]})


@pytest.mark.parametrize(("version", "alpha", "image", "classes", "published"), PUBLISHED_KIB)
def test_flash_of_weights_is_what_is_published(
    version: int, alpha: float, image: tuple[int, int, int], classes: int, published: float
) -> None:
    runtime = load(Runtime, "x-cube-ai", library=Library(), kind="runtime", folder="runtimes").value
    space = mobilenet(version, alpha)
    network = space.expand(space.smallest(), build(Task, {"input": list(image), "classes": classes}))
    counted = sum(int(flash_of(runtime, op, 8)) for op in network.ops) / 1024
    assert counted == pytest.approx(published, rel=1e-3)
