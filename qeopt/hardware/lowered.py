"""A network as a runtime runs it."""

from __future__ import annotations

from qeopt.hardware.runtime import Runtime
from qeopt.network import Network, OpKind
from qeopt.network.lowering import RANKING, lower


def lowered(network: Network, runtime: Runtime) -> tuple[Network, tuple[str, ...]]:
    """Fold what the runtime folds, and spell out gates that it has no kernel for.

    Returns:
        The network as it runs, and what people should know of that.
    """
    missing = [function for function in RANKING if not _has_kernel(runtime, function)]
    return lower(network, runtime.folds, spells_gates=_spells_gates(runtime), without=missing)


def _has_kernel(runtime: Runtime, function: str) -> bool:
    """Whether a function by itself can be run there."""
    if runtime.kernels == "any":
        return True
    kernel = runtime.kernels.get(OpKind.ACTIVATION)
    return kernel is not None and (not kernel.functions or function in kernel.functions)


def _spells_gates(runtime: Runtime) -> bool:
    """Whether x * sigmoid(x) is two operators there, as in the files of most exporters."""
    if runtime.kernels == "any" or OpKind.MUL not in runtime.kernels:
        return False
    kernel = runtime.kernels.get(OpKind.ACTIVATION)
    return kernel is not None and "sigmoid" in kernel.functions and "silu" not in kernel.functions
