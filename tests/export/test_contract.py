"""The formats that ship keep the contract that those from outside are asked to keep."""

from __future__ import annotations

from typing import Any

import pytest

from qeopt.export import EXPORTERS
from qeopt.testing.exporters import ExporterContract

NEEDS = {"onnx": "onnx", "onnx-qdq": "onnx", "qonnx": "onnx"}
TESTS = [name for name in dir(ExporterContract) if name.startswith("test_")]


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("name", [name for name in EXPORTERS.names() if name != "max78000"])  # it takes chains alone
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_format_keeps_the_contract(name: str, test: str) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    contract: Any = type("Contract", (ExporterContract,), {"name": name})()
    getattr(contract, test)()
