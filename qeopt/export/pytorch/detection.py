"""The text that turns a network with detection heads into a detector: anchors, decoding, non-maximum suppression by torchvision."""

from __future__ import annotations

from importlib.resources import files

from qeopt.design import Design
from qeopt.export.arithmetic.geometry import image_of
from qeopt.network import Network
from qeopt.space import Space
from qeopt.space.blocks.detection import Detection

IMPORTS = "from torchvision.ops import batched_nms, box_convert, box_iou, clip_boxes_to_image\n"
ANCHOR_STRIDES = 4
"""Side of the smallest anchor of a head, in strides of its stage (S3FD: Zhang et al., ICCV 2017)."""


def detection_heads(design: Design) -> tuple[Detection, ...]:
    """The blocks of a design that find boxes."""
    subject = design.load_study().subject
    return tuple(block for block in subject.blocks if isinstance(block, Detection)) if isinstance(subject, Space) else ()


def detector_text(design: Design, network: Network) -> str:
    """The class `Detector` and the heads it reads; nothing for a network without detection heads."""
    heads = detection_heads(design)
    if not heads:
        return ""
    places = {tensor.name: number for number, tensor in enumerate(network.outputs)}
    lines, shapes = [], []
    for head in heads:
        boxes = network.tensor_by_name[f"{head.name}.boxes"]
        stride = int(image_of(network).height) / int(boxes.height)
        sides = tuple(round(ANCHOR_STRIDES * stride * 2 ** (number / head.anchors), 3) for number in range(head.anchors))
        lines.append(f"    Head({places[boxes.name]}, {places[f'{head.name}.scores']}, {sides}),")
        shapes.append((int(boxes.height), int(boxes.width)))
    template = files("qeopt.export").joinpath("templates", "detection.txt").read_text(encoding="utf-8")
    return "\n".join(["\n\n", template, "", "HEADS = (", *lines, ")", f"SHAPES = {tuple(shapes)}", ""])
