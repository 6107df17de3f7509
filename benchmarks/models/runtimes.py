"""Which well-known networks each runtime executes at 8 bits, and what that takes: a table.

`python benchmarks/models/runtimes.py [docs/runtimes.md]` where qeopt is installed. With a page, the table between its two marks is
replaced.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from nets import NETWORKS

from qeopt.hardware import Runtime
from qeopt.hardware.costs import channels_fit, legal_tuples, shape_limits
from qeopt.hardware.lowered import lowered
from qeopt.memory import count
from qeopt.network import Bits, Network, macs, weight_count
from qeopt.spec.library import Library, builtin_folder
from qeopt.spec.load import load

WIDTH = 8
BEGIN, END = "<!-- table of networks: begin -->", "<!-- table of networks: end -->"


def obstacles(network: Network, runtime: Runtime) -> list[str]:
    """What no kernel of the runtime executes, each kind of obstacle once."""
    found: dict[str, None] = {}
    for op in network.ops:
        if not legal_tuples(runtime, op, (WIDTH,), (WIDTH,)):
            found[op.kind.value] = None
        elif not all(fits for _, fits in shape_limits(runtime, op)):
            what = op.function or "a change of scale" if op.kind.value == "activation" else op.kind.value
            limits = ", ".join(
                dict.fromkeys(text for text, fits in shape_limits(runtime, op) if not fits and "functions" not in text)
            )
            found[f"{what} ({limits})" if limits else what] = None
        elif not all(channels_fit(runtime, op, tensor, WIDTH) for tensor in (*op.inputs, *op.outputs)):
            found[f"{op.kind.value} (channels)"] = None
    if runtime.max_layers is not None and network.layers > runtime.max_layers:
        found[f"{network.layers} layers"] = None
    return list(found)


def cell(network: Network, runtime: Runtime) -> str:
    """Peak of SRAM and flash in KiB, or why it does not run."""
    ran, _ = lowered(network, runtime)
    missing = obstacles(ran, runtime)
    if missing:
        return "no: " + ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    uses = count(ran, runtime, Bits.uniform(ran, WIDTH))
    sram, flash = uses.sram_bytes + runtime.reserve.sram, uses.flash_bytes + runtime.reserve.flash
    return f"{sram / 1024:,.0f} / {flash / 1024:,.0f}"


def table() -> Iterator[str]:
    """Rows of networks, columns of runtimes."""
    library = Library()
    names = sorted(
        path.stem for path in (builtin_folder() / "runtimes").glob("*.yaml") if path.stem not in {"paper", "tflm-x86-64"}
    )
    runtimes = [load(Runtime, name, library=library, kind="runtime", folder="runtimes").value for name in names]
    yield f"| Network | weights | MACs | {' | '.join(f'`{name}`' for name in names)} |"
    yield f"|---|---|---|{'---|' * len(names)}"
    for make in NETWORKS.values():
        network = make()
        weights, products = (sum(int(of(op)) for op in network.ops) for of in (weight_count, macs))
        cells = (cell(network, runtime) for runtime in runtimes)
        yield f"| {network.name} | {weights / 1e6:,.2f} M | {products / 1e6:,.1f} M | {' | '.join(cells)} |"


def main() -> None:
    """Print the table, or put it into a page."""
    rows = "\n".join(table())
    if len(sys.argv) < 2:
        print(rows)
        return
    page = Path(sys.argv[1])
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{rows}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
