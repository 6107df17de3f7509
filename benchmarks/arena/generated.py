"""Generated networks: chains of cells with shortcuts, and graphs whose operators read any earlier tensor."""

from __future__ import annotations

import random

from qeopt.network import Network, NetworkBuilder, Tensor
from qeopt.space.cells import BottleneckCell, ClassifierCell, ConvCell, Shortcut


def chain(rng: random.Random) -> Network:
    """A stem, 8 to 20 inverted residual cells and a classifier, as spaces have them."""
    image = Tensor("image", 96, 96, 3, bits=8, is_image=True)
    builder = NetworkBuilder("chain", image)
    current = ConvCell(rng.choice((8, 16, 24)), 3, 2, 8).build(builder, "stem", image)
    for number in range(rng.randint(8, 20)):
        name = builder.unit = f"b{number}"
        stride = 2 if int(current.height) > 6 and rng.random() < 0.25 else 1
        shortcut = rng.choice((Shortcut.NONE, Shortcut.IDENTITY if stride == 1 else Shortcut.POOLED))
        width = int(current.channels) if shortcut is not Shortcut.NONE else int(current.channels) + rng.choice((0, 8, 16))
        middle = int(current.channels) * rng.choice((2, 3, 4, 6))
        current = BottleneckCell(width, middle, rng.choice((3, 5)), stride, shortcut, expands=True).build(builder, name, current)
    builder.end_stage()
    ClassifierCell(10).build(builder, "classifier", current)
    return builder.finish()


def graph(rng: random.Random) -> Network:
    """12 to 40 operators, most of which read one of the last four tensors, others any."""
    tensors = [Tensor("image", 32, 32, 3, bits=8, is_image=True)]
    builder = NetworkBuilder("graph", tensors[0])
    for number in range(rng.randint(12, 40)):
        name, source = f"t{number}", rng.choice(tensors[-4:] if rng.random() < 0.7 else tensors)
        twins = [other for other in tensors if other is not source and _shape(other) == _shape(source)]
        kind = rng.choice(("conv", "conv", "depthwise", "pool", "add", "add"))
        if kind == "add" and twins:
            tensors.append(builder.add(name, source, rng.choice(twins)))
        elif kind == "depthwise":
            tensors.append(builder.depthwise(name, source, kernel=3, stride=rng.choice((1, 1, 2))))
        elif kind == "pool" and int(source.height) > 4:
            tensors.append(builder.pool(name, source, stride=2))
        else:
            tensors.append(builder.conv(name, source, rng.choice((4, 8, 16, 24)), kernel=3))
    builder.end_stage()
    return builder.finish()


def _shape(tensor: Tensor) -> tuple[int, int, int]:
    return int(tensor.height), int(tensor.width), int(tensor.channels)
