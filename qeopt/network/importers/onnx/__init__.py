"""ONNX models."""

from qeopt.network.importers.onnx.read import read_onnx

__all__ = ["read_onnx"]
