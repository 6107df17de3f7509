"""Networks as their papers or reference implementations define them, written as ONNX graphs."""

from __future__ import annotations

from onnx_author import Author  # type: ignore[import-not-found]  # beside this file


def mobilenet_v1(width: float, side: int, classes: int, *, bias: bool = False) -> Author:
    """Howard et al. 2017, table 1; MLPerf Tiny's has biases before its batch normalisation."""

    def scaled(channels: int) -> int:
        return int(channels * width)

    net = Author((3, side, side), zeros=True)
    x = net.conv("image", scaled(32), 3, 2, name="stem", bias=bias)
    for channels, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)):
        x = net.conv(net.depthwise(x, 3, stride, bias=bias), scaled(channels), bias=bias)
    net.classifier(x, classes)
    return net


def inverted(net: Author, x: str, width: int, expand: float, kernel: int, stride: int) -> str:
    """MobileNetV2's block."""
    reads = net.channels[x]
    y = net.conv(x, round(reads * expand), act="Clip") if expand != 1 else x
    y = net.conv(net.depthwise(y, kernel, stride, act="Clip"), width, act="")
    if stride == 1 and reads == width:
        return str(net.node("Add", [x, y]))
    return str(y)


def mobilenet_v2() -> Author:
    """Sandler et al. 2018, table 2, at 224 px."""
    net = Author((3, 224, 224), zeros=True)
    x = net.conv("image", 32, 3, 2, name="stem", act="Clip")
    for expand, width, repeats, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for number in range(repeats):
            x = inverted(net, x, width, expand, 3, stride if number == 0 else 1)
    net.classifier(net.conv(x, 1280, act="Clip"), 1000)
    return net


def efficientnet_lite0() -> Author:
    """EfficientNet-Lite0: B0 without squeeze-and-excitation and with ReLU6, stem and head not scaled, at 224 px."""
    net = Author((3, 224, 224), zeros=True)
    x = net.conv("image", 32, 3, 2, name="stem", act="Clip", same=True)
    for expand, width, repeats, stride, kernel in (
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
        (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
    ):  # fmt: skip
        for number in range(repeats):
            x = inverted(net, x, width, expand, kernel, stride if number == 0 else 1)
    net.classifier(net.conv(x, 1280, act="Clip"), 1000)
    return net


def shufflenet_v2(widths: tuple[int, int, int, int]) -> Author:
    """Ma et al. 2018, table 5, at 224 px, with the channel shuffle as exporters write it."""
    net = Author((3, 224, 224), zeros=True)
    x = net.conv("image", 24, 3, 2, name="stem")
    x = net.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    side = 56
    for stage, (width, repeats) in enumerate(zip(widths, (4, 8, 4), strict=False)):
        side //= 2
        for number in range(repeats):
            x = _shuffle_unit(net, x, width, side, f"s{stage}.{number}", down=number == 0)
    net.classifier(net.conv(x, widths[3]), 1000)
    return net


def _shuffle_unit(net: Author, x: str, width: int, side: int, name: str, *, down: bool) -> str:
    half = width // 2
    if down:
        left = net.conv(net.depthwise(x, 3, 2, act=""), half)
        right = net.conv(x, half)
        right = net.conv(net.depthwise(right, 3, 2, act=""), half)
    else:
        left = net.node("Split", [x], name=f"{name}.split", outputs=2, axis=1, num_outputs=2)
        second = f"{name}.split_out1"
        net.channels[left] = net.channels[second] = half
        right = net.conv(net.depthwise(net.conv(second, half), 3, 1, act=""), half)
    both = net.node("Concat", [left, right], name=f"{name}.concat", axis=1)
    grouped = net.node("Reshape", [both, net.number(f"{name}.grouped", [1, 2, half, side, side])])
    moved = net.node("Transpose", [grouped], name=f"{name}.shuffle", perm=[0, 2, 1, 3, 4])
    out = str(net.node("Reshape", [moved, net.number(f"{name}.flat", [1, width, side, side])]))
    net.channels[out] = width
    return out


def resnet8() -> Author:
    """MLPerf Tiny's image classifier (Banbury et al. 2021): three stacks on CIFAR-10."""
    net = Author((3, 32, 32), zeros=True)
    x = net.conv("image", 16, 3, name="stem", bias=True)
    for stack, width in enumerate((16, 32, 64)):
        stride = 1 if stack == 0 else 2
        y = net.conv(net.conv(x, width, 3, stride, bias=True, same=True), width, 3, bias=True, act="")
        short = x if stack == 0 else net.conv(x, width, 1, stride, bias=True, bn=False, act="")
        x = net.node("Relu", [net.node("Add", [short, y])])
    x = net.node("AveragePool", [x], name="pool", kernel_shape=[8, 8])
    net.node("Softmax", [net.dense(net.node("Flatten", [x]), 10, reads=64, name="classifier")])
    return net


def ds_cnn() -> Author:
    """MLPerf Tiny's keyword spotter: 49 frames of 10 coefficients."""
    net = Author((1, 49, 10), zeros=True)
    x = net.conv("image", 64, (10, 4), 2, name="stem", bias=True, same=True)
    for _ in range(4):
        x = net.conv(net.depthwise(x, 3, bias=True), 64, bias=True)
    x = net.node("AveragePool", [x], name="pool", kernel_shape=[25, 5])
    net.node("Softmax", [net.dense(net.node("Flatten", [x]), 12, reads=64, name="classifier")])
    return net


def autoencoder() -> Author:
    """MLPerf Tiny's anomaly detector: dense layers on 640 values."""
    net = Author((640,), zeros=True)
    x, widths = "image", (128, 128, 128, 128, 8, 128, 128, 128, 128)
    for number, width in enumerate(widths):
        x = net.dense(x, width, name=f"d{number}")
        parts = [net.constant(f"d{number}.bn{part}", width) for part in range(4)]
        x = net.node("Relu", [net.node("BatchNormalization", [x, *parts])])
        net.channels[x] = width
    net.dense(x, 640, name="output")
    return net
