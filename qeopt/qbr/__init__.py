"""Quantization Bits Refinement as an integer program."""

from qeopt.qbr.choose import Refined
from qeopt.qbr.compile import Compiled, Impossible, compile_bits
from qeopt.qbr.deadline import NEVER, Deadline
from qeopt.qbr.goal import LeastUse
from qeopt.qbr.refine import Refiner
from qeopt.qbr.settings import PROVER, BitChoices, QbrSettings

__all__ = [
    "NEVER",
    "PROVER",
    "BitChoices",
    "Compiled",
    "Deadline",
    "Impossible",
    "LeastUse",
    "QbrSettings",
    "Refined",
    "Refiner",
    "compile_bits",
]
