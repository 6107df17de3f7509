"""Write the networks of torchvision and timm that docs/models.md names as ONNX, with random weights of a seed.

`python benchmarks/models/export_torch.py FOLDER` where torch, torchvision, timm and onnxscript are installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import timm
import torch
import torchvision

TORCHVISION = (
    "alexnet", "vgg11_bn", "resnet18", "resnet50", "squeezenet1_1", "densenet121", "googlenet", "mobilenet_v2",
    "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet0_5", "shufflenet_v2_x0_5", "efficientnet_b0", "regnet_y_400mf",
    "resnext50_32x4d", "convnext_tiny",
)  # fmt: skip
TIMM = (
    "efficientnet_lite0", "ghostnet_100", "hardcorenas_a", "lcnet_050", "tinynet_e", "mobilevitv2_050", "repvgg_a0", "mobileone_s0",
    "fbnetc_100", "xception41",
)  # fmt: skip
SIDE = 224


def main(folder: Path) -> None:
    """Export every network that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for source, names in (("torchvision", TORCHVISION), ("timm", TIMM)):
        for name in names:
            path = folder / f"{name}.onnx"
            if path.exists():
                continue
            torch.manual_seed(0)
            more = {"init_weights": True, "aux_logits": False} if name == "googlenet" else {}
            made = getattr(torchvision.models, name)(**more) if source == "torchvision" else timm.create_model(name)
            image = torch.rand(1, 3, SIDE, SIDE)
            try:
                torch.onnx.export(made.eval(), (image,), str(path), external_data=False)
            except Exception as error:  # the exporter's own limits are not what is looked at
                print(f"{name}: not exported: {str(error).splitlines()[0][:200]}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
