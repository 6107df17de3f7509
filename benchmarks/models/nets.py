"""Well-known networks, written down operator by operator from their papers; weights are not needed to count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qeopt.network import Network, Op, OpKind, Tensor


@dataclass
class Net:
    """A network while it grows."""

    name: str
    image: Tensor
    ops: list[Op] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, height: int, width: int, channels: int = 3) -> Net:
        """Begin with an image."""
        return cls(name, Tensor("image", height, width, channels, bits=8, is_image=True))

    def add(self, kind: OpKind, reads: tuple[Tensor, ...], shape: tuple[int, int, int], **told: object) -> Tensor:
        """Append an operator."""
        name = f"{kind.value}{len(self.ops)}"
        output = Tensor(name, *shape)
        self.ops.append(Op(name, kind, reads, output, **told))  # type: ignore[arg-type]
        return output

    def conv(self, x: Tensor, width: int, k: int = 1, s: int = 1, act: str = "relu", groups: int = 1) -> Tensor:
        """A convolution that pads "same"."""
        shape = (-(-int(x.height) // s), -(-int(x.width) // s), width)
        return self.add(OpKind.CONV, (x,), shape, kernel=k, stride=s, function=act, groups=groups, stage=0)

    def depthwise(self, x: Tensor, k: int = 3, s: int = 1, act: str = "relu") -> Tensor:
        """A filter for each channel."""
        shape = (-(-int(x.height) // s), -(-int(x.width) // s), int(x.channels))
        return self.add(OpKind.DEPTHWISE, (x,), shape, kernel=k, stride=s, function=act, stage=0)

    def act(self, x: Tensor, function: str) -> Tensor:
        """A function by itself."""
        return self.add(OpKind.ACTIVATION, (x,), _shape(x), function=function)

    def join(self, x: Tensor, y: Tensor, act: str = "") -> Tensor:
        """A sum."""
        return self.add(OpKind.ADD, (x, y), _shape(x), function=act)

    def pool(self, x: Tensor, k: int, s: int, kind: OpKind = OpKind.MAX_POOL, *, inside: bool = True) -> Tensor:
        """A pool of windows, without padding unless told."""
        sides = [(int(side) - k) // s + 1 if inside else -(-int(side) // s) for side in (x.height, x.width)]
        pads = (0, 0, 0, 0) if inside else None
        return self.add(kind, (x,), (sides[0], sides[1], int(x.channels)), kernel=k, stride=s, pads=pads)

    def mean(self, x: Tensor) -> Tensor:
        """The average over all positions."""
        told = {"kernel": int(x.height), "kernel_width": int(x.width), "pads": (0, 0, 0, 0)}
        return self.add(OpKind.POOL, (x,), (1, 1, int(x.channels)), **told)

    def dense(self, x: Tensor, width: int, act: str = "") -> Tensor:
        """A dense layer."""
        return self.add(OpKind.DENSE, (x,), (1, 1, width), function=act)

    def concat(self, *parts: Tensor) -> Tensor:
        """Channels side by side."""
        first = parts[0]
        return self.add(OpKind.CONCAT, parts, (int(first.height), int(first.width), sum(int(x.channels) for x in parts)))

    def wider(self, x: Tensor, channels: int) -> Tensor:
        """Channels of zeros behind."""
        more = (0, channels - int(x.channels))
        shape = (int(x.height), int(x.width), channels)
        return self.add(OpKind.PAD, (x,), shape, pads=(0, 0, 0, 0), function="zero", channel_pads=more)

    def excited(self, x: Tensor, width: int, gate: str = "hardsigmoid") -> Tensor:
        """Channels times what a small network says of their averages."""
        told = self.conv(self.conv(self.mean(x), width), int(x.channels), act="")
        return self.add(OpKind.MUL, (x, self.act(told, gate)), _shape(x))

    def finish(self, *results: Tensor) -> Network:
        """The network."""
        tensors = (self.image, *(tensor for op in self.ops for tensor in op.outputs))
        read = {tensor.name for op in self.ops for tensor in op.inputs}
        wanted = frozenset(tensor.name for tensor in results if tensor.name in read)
        return Network(self.name, tensors, tuple(self.ops), results=wanted, states_functions=True)


def _shape(x: Tensor) -> tuple[int, int, int]:
    return int(x.height), int(x.width), int(x.channels)


def mobilenet_v1() -> Network:
    """Howard et al., 2017."""
    net = Net.of("MobileNetV1", 224, 224)
    x = net.conv(net.image, 32, 3, 2, "relu6")
    for width, s in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1)):
        x = net.conv(net.depthwise(x, 3, s, "relu6"), width, act="relu6")
    return net.finish(net.dense(net.mean(x), 1000))


def inverted(net: Net, x: Tensor, inner: int, width: int, k: int, s: int, act: str = "relu6", squeeze: int = 0) -> Tensor:
    """An inverted residual; functions that no convolution takes in are operators."""
    fused = act if act.startswith("relu") else ""

    def after(y: Tensor) -> Tensor:
        return y if fused else net.act(y, act)

    y = after(net.conv(x, inner, act=fused)) if inner != int(x.channels) else x
    y = after(net.depthwise(y, k, s, fused))
    y = net.excited(y, squeeze) if squeeze else y
    y = net.conv(y, width, act="")
    return net.join(x, y) if s == 1 and width == int(x.channels) else y


def mobilenet_v2() -> Network:
    """Sandler et al., 2018."""
    net = Net.of("MobileNetV2", 224, 224)
    x = net.conv(net.image, 32, 3, 2, "relu6")
    for t, width, n, s in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for unit in range(n):
            x = inverted(net, x, t * int(x.channels), width, 3, s if unit == 0 else 1)
    return net.finish(net.dense(net.mean(net.conv(x, 1280, act="relu6")), 1000))


def mobilenet_v3_small() -> Network:
    """Howard et al., 2019."""
    net = Net.of("MobileNetV3-small", 224, 224)
    x = net.act(net.conv(net.image, 16, 3, 2, ""), "hardswish")
    rows = (
        (3, 16, 16, 8, "relu", 2), (3, 72, 24, 0, "relu", 2), (3, 88, 24, 0, "relu", 1), (5, 96, 40, 24, "hardswish", 2),
        (5, 240, 40, 64, "hardswish", 1), (5, 240, 40, 64, "hardswish", 1), (5, 120, 48, 32, "hardswish", 1),
        (5, 144, 48, 40, "hardswish", 1), (5, 288, 96, 72, "hardswish", 2), (5, 576, 96, 144, "hardswish", 1),
        (5, 576, 96, 144, "hardswish", 1),
    )  # fmt: skip
    for k, inner, width, squeeze, act, s in rows:
        x = inverted(net, x, inner, width, k, s, act, squeeze)
    x = net.mean(net.act(net.conv(x, 576, act=""), "hardswish"))
    return net.finish(net.dense(net.act(net.dense(x, 1024), "hardswish"), 1000))


def basic(net: Net, x: Tensor, width: int, s: int) -> Tensor:
    """Two convolutions and a shortcut."""
    y = net.conv(net.conv(x, width, 3, s), width, 3, act="")
    short = x if s == 1 and width == int(x.channels) else net.conv(x, width, 1, s, "")
    return net.join(y, short, "relu")


def resnet_8() -> Network:
    """The image classifier of MLPerf Tiny."""
    net = Net.of("ResNet-8", 32, 32)
    x = net.conv(net.image, 16, 3)
    for width, s in ((16, 1), (32, 2), (64, 2)):
        x = basic(net, x, width, s)
    return net.finish(net.dense(net.mean(x), 10))


def resnet_18() -> Network:
    """He et al., 2016."""
    net = Net.of("ResNet-18", 224, 224)
    x = net.pool(net.conv(net.image, 64, 7, 2), 3, 2, inside=False)
    for width in (64, 128, 256, 512):
        x = basic(net, basic(net, x, width, 1 if width == 64 else 2), width, 1)
    return net.finish(net.dense(net.mean(x), 1000))


def ds_cnn() -> Network:
    """The keyword spotter of MLPerf Tiny."""
    net = Net.of("DS-CNN", 49, 10, 1)
    told = {"kernel": 10, "kernel_width": 4, "stride": 2, "function": "relu", "stage": 0}
    x = net.add(OpKind.CONV, (net.image,), (25, 5, 64), **told)
    for _ in range(4):
        x = net.conv(net.depthwise(x), 64)
    return net.finish(net.dense(net.mean(x), 12))


def squeezenet() -> Network:
    """Iandola et al., 2016, version 1.1."""
    net = Net.of("SqueezeNet 1.1", 224, 224)
    x = net.add(OpKind.CONV, (net.image,), (111, 111, 64), kernel=3, stride=2, pads=(0, 0, 0, 0), function="relu", stage=0)
    rows = ((16, 64, 1), (16, 64, 0), (32, 128, 1), (32, 128, 0), (48, 192, 1), (48, 192, 0), (64, 256, 0), (64, 256, 0))
    for narrow, wide, pools in rows:
        x = net.pool(x, 3, 2) if pools else x
        y = net.conv(x, narrow)
        x = net.concat(net.conv(y, wide), net.conv(y, wide, 3))
    return net.finish(net.mean(net.conv(x, 1000)))


def shufflenet_v2() -> Network:
    """Ma et al., 2018, width 1."""
    net = Net.of("ShuffleNetV2", 224, 224)
    x = net.pool(net.conv(net.image, 24, 3, 2), 3, 2, inside=False)
    for width, units in ((116, 4), (232, 8), (464, 4)):
        for unit in range(units):
            half = width // 2
            if unit == 0:
                one = net.conv(net.depthwise(x, 3, 2, ""), half)
                two = net.conv(net.depthwise(net.conv(x, half), 3, 2, ""), half)
            else:
                one = net.add(OpKind.SPLIT, (x,), (int(x.height), int(x.width), half), others=_other(net, x, half))
                two = net.conv(net.depthwise(net.conv(net.ops[-1].others[0], half), 3, 1, ""), half)
            x = net.concat(one, two)
            height, across, channels = _shape(x)
            turned = (((2, channels // 2, height, across), (1, 0, 2, 3)),)
            x = net.add(OpKind.TRANSPOSE, (x,), (height, across, channels), moves=turned)
    return net.finish(net.dense(net.mean(net.conv(x, 1024)), 1000))


def _other(net: Net, x: Tensor, channels: int) -> tuple[Tensor, ...]:
    return (Tensor(f"rest{len(net.ops)}", int(x.height), int(x.width), channels),)


def efficientnet_lite0() -> Network:
    """EfficientNet without gates, for edge devices (2020)."""
    net = Net.of("EfficientNet-Lite0", 224, 224)
    x = net.conv(net.image, 32, 3, 2, "relu6")
    rows = (
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    )  # fmt: skip
    for t, width, n, s, k in rows:
        for unit in range(n):
            x = inverted(net, x, t * int(x.channels), width, k, s if unit == 0 else 1)
    return net.finish(net.dense(net.mean(net.conv(x, 1280, act="relu6")), 1000))


def mcunet_256kb() -> Network:
    """Lin et al., 2020: the network for 256 KiB of SRAM and 1 MiB of flash."""
    net = Net.of("MCUNet 256 kB", 160, 160)
    x = net.conv(net.image, 16, 3, 2, "relu6")
    x = net.conv(net.depthwise(x, 3, 1, "relu6"), 8, act="")
    rows = (
        (5, 3, 16, 2), (7, 6, 16, 1), (3, 5, 16, 1), (5, 5, 16, 1), (3, 5, 24, 2), (7, 6, 24, 1), (5, 6, 24, 1), (7, 4, 40, 2),
        (5, 5, 40, 1), (3, 5, 48, 1), (5, 5, 48, 1), (3, 4, 48, 1), (5, 6, 96, 2), (5, 4, 96, 1), (5, 3, 96, 1), (3, 4, 96, 1),
        (5, 5, 160, 1),
    )  # fmt: skip
    for k, t, width, s in rows:
        x = inverted(net, x, t * int(x.channels), width, k, s)
    return net.finish(net.dense(net.mean(x), 1000))


def blazeface_front() -> Network:
    """Bazarevsky et al., 2019: the face detector for front cameras."""
    net = Net.of("BlazeFace front", 128, 128)
    x = net.conv(net.image, 24, 5, 2)
    rows = ((24, 1), (28, 1), (32, 2), (36, 1), (42, 1), (48, 2), (56, 1), (64, 1), (72, 1), (80, 1), (88, 1))
    x = _blaze(net, x, rows)
    small = _blaze(net, x, ((96, 2), (96, 1), (96, 1), (96, 1), (96, 1)))
    heads = [net.conv(y, width, act="") for y, widths in ((x, (2, 32)), (small, (6, 96))) for width in widths]
    return net.finish(*heads)


def _blaze(net: Net, x: Tensor, rows: tuple[tuple[int, int], ...]) -> Tensor:
    for width, s in rows:
        y = net.conv(net.depthwise(x, 3, s, ""), width, act="")
        short = net.pool(x, 2, 2) if s == 2 else x
        short = net.wider(short, width) if width > int(short.channels) else short
        x = net.join(y, short, "relu")
    return x


def autoencoder() -> Network:
    """The anomaly detector of MLPerf Tiny."""
    net = Net.of("deep autoencoder", 1, 1, 640)
    x = net.image
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        x = net.dense(x, width, "relu")
    return net.finish(net.dense(x, 640))


NETWORKS: Mapping[str, Callable[[], Network]] = {
    made.__name__: made
    for made in (
        mobilenet_v1, mobilenet_v2, mobilenet_v3_small, resnet_8, resnet_18, ds_cnn, squeezenet, shufflenet_v2, efficientnet_lite0,
        mcunet_256kb, blazeface_front, autoencoder,
    )
}  # fmt: skip
