"""The importers that ship keep the contract that those from outside are asked to keep."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
onnx_author = pytest.importorskip("onnx_author", exc_type=ImportError)
from test_mcunet import MCUNET, description  # type: ignore[import-not-found]  # beside this file
from tflite_author import small_network  # type: ignore[import-not-found]  # beside this file

from qeopt.testing.importers import ImporterContract


class TestMcunet(ImporterContract):
    name = "json"

    def write_files(self, folder: Path) -> list[Path]:
        path = folder / "net.json"
        path.write_text(json.dumps(description(next(iter(MCUNET)))), encoding="utf-8")
        return [path]


class TestTflite(ImporterContract):
    name = "tflite"

    def write_files(self, folder: Path) -> list[Path]:
        return [Path(small_network().save(folder / "net.tflite"))]


class TestOnnx(ImporterContract):
    name = "onnx"

    def write_files(self, folder: Path) -> list[Path]:
        net = onnx_author.Author((3, 16, 16))
        net.classifier(net.conv(net.conv("image", 8, 3, 2, name="stem"), 16, 3), 4)
        return [Path(net.save(folder / "net.onnx"))]
