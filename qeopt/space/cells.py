"""The pieces that chains are made of. A cell reads one tensor and writes one.

A cell holds integers when it belongs to a structure and integer arrays when it stands for many; `build` serves both, so a search
that prices thousands of cells at once and the network of the final design come from the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from qeopt.network import Dim, NetworkBuilder, Tensor
from qeopt.network.graph import Sides


class Shortcut(StrEnum):
    """How a cell's input reaches its output besides through the convolutions."""

    NONE = "none"
    IDENTITY = "identity"
    POOLED = "pooled"
    """Through an average pool as wide as the stride."""


class Cell(Protocol):
    """A piece of a chain: a frozen dataclass whose fields named in `DIMS` may be arrays."""

    DIMS: ClassVar[tuple[str, ...]]
    IS_SCORED: ClassVar[bool]
    """Whether a scored operator reads the cell's input."""

    @property
    def stride(self) -> int:
        """What the cell divides height and width by."""
        ...

    def build(self, builder: NetworkBuilder, name: str, source: Tensor) -> Tensor:
        """Append the cell's operators, named after `name`, and return what it writes."""
        ...

    def parts(self) -> tuple[Cell, ...]:
        """The cell as a chain of smaller ones, where no tensor skips any of them; itself where it cannot be taken apart."""
        ...


@runtime_checkable
class SideCell(Protocol):
    """A cell beside the chain: it reads what the chain holds there, writes results of the network, and hands on what it read."""

    def results(self, height: int, width: int) -> tuple[Sides, ...]:
        """Height, width and channels of what it writes where the chain is `height` x `width`; no choice changes them."""
        ...


@dataclass(frozen=True, slots=True)
class ConvCell:
    """One convolution (stem, head)."""

    DIMS: ClassVar[tuple[str, ...]] = ("channels", "kernel")
    IS_SCORED: ClassVar[bool] = True

    channels: Dim
    kernel: Dim = 1
    stride: int = 1
    weight_bits: int | None = None
    kernel_width: int | None = None

    def build(self, builder: NetworkBuilder, name: str, source: Tensor) -> Tensor:
        """Append the convolution."""
        return builder.conv(
            name,
            source,
            self.channels,
            kernel=self.kernel,
            stride=self.stride,
            weight_bits=self.weight_bits,
            kernel_width=self.kernel_width,
        )

    def parts(self) -> tuple[Cell, ...]:
        """Itself."""
        return (self,)


@dataclass(frozen=True, slots=True)
class DepthwiseCell:
    """One depthwise convolution."""

    DIMS: ClassVar[tuple[str, ...]] = ("kernel",)
    IS_SCORED: ClassVar[bool] = True

    kernel: Dim
    stride: int = 1

    def build(self, builder: NetworkBuilder, name: str, source: Tensor) -> Tensor:
        """Append the depthwise convolution."""
        return builder.depthwise(name, source, kernel=self.kernel, stride=self.stride)

    def parts(self) -> tuple[Cell, ...]:
        """Itself."""
        return (self,)


@dataclass(frozen=True, slots=True)
class BottleneckCell:
    """1x1 convolution, depthwise convolution, 1x1 convolution, and perhaps a shortcut around them (paper, section 4.5)."""

    DIMS: ClassVar[tuple[str, ...]] = ("channels", "middle", "kernel")
    IS_SCORED: ClassVar[bool] = True

    channels: Dim
    middle: Dim
    """Channels of the depthwise convolution."""
    kernel: Dim
    stride: int = 1
    shortcut: Shortcut = Shortcut.NONE
    expands: bool = True
    """False leaves the first convolution out (MobileNetV2's first block)."""

    def build(self, builder: NetworkBuilder, name: str, source: Tensor) -> Tensor:
        """Append pool, convolutions and addition, in the order in which they run."""
        shortcut = builder.pool(f"{name}.pool", source, stride=self.stride) if self.shortcut is Shortcut.POOLED else source
        wide = builder.conv(f"{name}.expand", source, self.middle) if self.expands else source
        filtered = builder.depthwise(f"{name}.depthwise", wide, kernel=self.kernel, stride=self.stride)
        if self.shortcut is Shortcut.NONE:
            return builder.conv(f"{name}.project", filtered, self.channels)
        projected = builder.conv(f"{name}.project", filtered, self.channels, tied_to=f"{name}.add")
        return builder.add(f"{name}.add", projected, shortcut)

    def parts(self) -> tuple[Cell, ...]:
        """Its convolutions, unless a shortcut ties them together."""
        if self.shortcut is not Shortcut.NONE:
            return (self,)
        expand = (ConvCell(self.middle),) if self.expands else ()
        return (*expand, DepthwiseCell(self.kernel, self.stride), ConvCell(self.channels))


@dataclass(frozen=True, slots=True)
class SeparableCell:
    """A depthwise and a 1x1 convolution (MobileNetV1, DS-CNN)."""

    DIMS: ClassVar[tuple[str, ...]] = ("channels", "kernel")
    IS_SCORED: ClassVar[bool] = True

    channels: Dim
    kernel: Dim
    stride: int = 1

    def build(self, builder: NetworkBuilder, name: str, source: Tensor) -> Tensor:
        """Append both convolutions."""
        filtered = builder.depthwise(f"{name}.depthwise", source, kernel=self.kernel, stride=self.stride)
        return builder.conv(f"{name}.project", filtered, self.channels)

    def parts(self) -> tuple[Cell, ...]:
        """Its convolutions."""
        return DepthwiseCell(self.kernel, self.stride), ConvCell(self.channels)


@dataclass(frozen=True, slots=True)
class ResidualCell:
    """Two convolutions and a shortcut around them, which is a 1x1 convolution where shapes differ (ResNet)."""

    DIMS: ClassVar[tuple[str, ...]] = ("channels", "kernel")
    IS_SCORED: ClassVar[bool] = True

    channels: Dim
    kernel: Dim
    stride: int = 1
    projects: bool = False
    """Whether a convolution brings the shortcut to the shape of the sum."""

    def build(self, builder: NetworkBuilder, name: str, source: Tensor) -> Tensor:
        """Append convolutions and addition, in the order in which they run."""
        first = builder.conv(f"{name}.first", source, self.channels, kernel=self.kernel, stride=self.stride)
        second = builder.conv(f"{name}.second", first, self.channels, kernel=self.kernel, tied_to=f"{name}.add")
        shortcut = builder.conv(f"{name}.shortcut", source, self.channels, stride=self.stride) if self.projects else source
        return builder.add(f"{name}.add", second, shortcut)

    def parts(self) -> tuple[Cell, ...]:
        """Itself: the shortcut ties its convolutions together."""
        return (self,)


@dataclass(frozen=True, slots=True)
class DenseCell:
    """A dense layer inside a network."""

    DIMS: ClassVar[tuple[str, ...]] = ("channels",)
    IS_SCORED: ClassVar[bool] = True

    channels: Dim
    stride: int = 1
    weight_bits: int | None = None

    def build(self, builder: NetworkBuilder, name: str, source: Tensor) -> Tensor:
        """Append the dense layer."""
        return builder.hidden(name, source, self.channels, weight_bits=self.weight_bits)

    def parts(self) -> tuple[Cell, ...]:
        """Itself."""
        return (self,)


@dataclass(frozen=True, slots=True)
class ClassifierCell:
    """Global average pool and a dense layer."""

    DIMS: ClassVar[tuple[str, ...]] = ()
    IS_SCORED: ClassVar[bool] = False

    classes: int
    stride: int = 1

    def build(self, builder: NetworkBuilder, name: str, source: Tensor) -> Tensor:
        """Append pool and dense layer."""
        return builder.dense(name, builder.global_pool(f"{name}.pool", source), self.classes)

    def parts(self) -> tuple[Cell, ...]:
        """Itself."""
        return (self,)


class HeadStyle(StrEnum):
    """What a detection head is made of."""

    SSD = "ssd"
    """One 3x3 convolution for boxes and one for scores, as in SSD and S3FD."""
    SSD_LITE = "ssd_lite"
    """A depthwise 3x3 convolution and a 1x1 convolution for each (MobileNetV2's SSDLite)."""


@dataclass(frozen=True, slots=True)
class DetectionCell:
    """Boxes and scores of objects, read from the chain at once; the score does not see them, so they have 8 bits."""

    DIMS: ClassVar[tuple[str, ...]] = ()
    IS_SCORED: ClassVar[bool] = False

    anchors: int
    """Boxes at each position."""
    classes: int
    style: HeadStyle
    stride: int = 1

    def build(self, builder: NetworkBuilder, name: str, source: Tensor) -> Tensor:
        """Append both branches and return what they read."""
        for (_, _, channels), branch in zip(self.results(1, 1), ("boxes", "scores"), strict=True):
            read, kernel = source, 3
            if self.style is HeadStyle.SSD_LITE:
                read, kernel = builder.depthwise(f"{name}.{branch}.depthwise", source, kernel=3, is_scored=False), 1
            builder.conv(f"{name}.{branch}", read, channels, kernel=kernel, is_scored=False)
        return source

    def parts(self) -> tuple[Cell, ...]:
        """Itself."""
        return (self,)

    def results(self, height: int, width: int) -> tuple[Sides, ...]:
        """Four numbers for each box, and a score for the background and for each class."""
        return (height, width, 4 * self.anchors), (height, width, (self.classes + 1) * self.anchors)
