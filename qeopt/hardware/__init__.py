"""Devices and runtimes: facts declared in YAML, and what one operator costs under them."""

from qeopt.hardware.device import Device, Flash, Region, Run, Source
from qeopt.hardware.runtime import Kernel, Runtime

__all__ = ["Device", "Flash", "Kernel", "Region", "Run", "Runtime", "Source"]
