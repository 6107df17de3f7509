"""Budgets of work: bit operations, multiply-accumulates, layers."""

from __future__ import annotations

from qeopt.budgets.record import NO_WIDTHS, Budget, Given, Kind, named_in
from qeopt.hardware import Runtime
from qeopt.hardware import costs as of
from qeopt.network import OpKind


def _bitops_widths(runtime: Runtime, kind: OpKind) -> frozenset[str]:
    return named_in(of.bitops_formula(runtime, kind))


BITOPS = Budget(
    key="bitops",
    name="bitops",
    about="Bit operations of one inference, as the runtime counts them.",
    noun="bit operations",
    kind=Kind.SUM,
    cost=lambda runtime, op, in_bits, w_bits, out_bits: of.bitops(runtime, op, in_bits, w_bits),
    widths=_bitops_widths,
    ends_depth=True,
    row_unit="bit operations",
)
MACS = Budget(
    key="macs",
    name="macs",
    about="Multiply-accumulates of one inference.",
    noun="MACs",
    kind=Kind.SUM,
    cost=lambda runtime, op, in_bits, w_bits, out_bits: of.mac_count(runtime, op),
    widths=lambda runtime, kind: NO_WIDTHS,
    ends_depth=True,
)
LAYERS = Budget(
    key="layers",
    name="layers",
    about="Convolutions, classifier excluded. The score grows with depth without end, so a study of a space needs this.",
    noun="layers",
    kind=Kind.COUNT,
    cost=lambda runtime, op, in_bits, w_bits, out_bits: int(op.is_layer),
    widths=lambda runtime, kind: NO_WIDTHS,
    given=Given("runtime", lambda device, runtime: runtime.max_layers, always=True),
    ends_depth=True,
)
