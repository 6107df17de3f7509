"""TFLite models."""

from qeopt.network.importers.tflite.read import read_tflite

__all__ = ["read_tflite"]
