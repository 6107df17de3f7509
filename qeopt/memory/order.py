"""The order in which operators run, once their bits are known: buffers have other proportions than at uniform bits."""

from __future__ import annotations

from qeopt.hardware import Runtime
from qeopt.hardware.costs import held, tensor_elements
from qeopt.memory.resources import count
from qeopt.network import Bits, Network
from qeopt.network.order import least_memory


def lower_order(network: Network, runtime: Runtime, bits: Bits) -> Network | None:
    """The network in an order whose peak is lower at `bits`, as the runtime counts it; None where none was found.

    Working memory plays no part in what is tried, only in what is kept.
    """
    widths = bits.activations
    sizes = {t.name: int(held(runtime, tensor_elements(runtime, t), widths[t.name])) for t in network.tensors}
    ordered = least_memory(network, sizes)
    if ordered.peak >= ordered.given_peak:
        return None
    is_lower = count(ordered.network, runtime, bits).sram_bytes < count(network, runtime, bits).sram_bytes
    return ordered.network if is_lower else None
