"""Quantization Bits Refinement as an integer program."""

from qeopt.qbr.choose import Refined
from qeopt.qbr.compile import Compiled, Impossible, compile_bits
from qeopt.qbr.refine import Refiner
from qeopt.qbr.settings import PROVER, BitChoices, QbrSettings

__all__ = ["PROVER", "BitChoices", "Compiled", "Impossible", "QbrSettings", "Refined", "Refiner", "compile_bits"]
