"""Fit every model of time and print it as runtimes state it: `python benchmarks/latency/fit.py`."""

import sys
from pathlib import Path

from measurements import ENGINES, FILE, read
from models import Errors, Fit, Model, carried, fit_all, transfer_errors, way, ways

TRANSFERS = (("cmsis-nn", "cortex-m7"), ("cmsis-nn", "cortex-m33"), ("x-cube-ai-7", "cortex-m33"))
START = "cortex-m4"


def blocks(path: Path = FILE) -> dict[str, dict[str, dict[str, object]]]:
    """By runtime and core: the model, rounded to a hundredth of a cycle, and its evidence."""
    fits, found = fit_all(read(path)), {}
    for engine in ENGINES:
        found[engine] = {
            core: {**_stated(fit.model), "measured": _measured(fit)} for (name, core), fit in fits.items() if name == engine
        }
    for engine, core in TRANSFERS:
        factors = way(ways(fits, START, core).values())
        model = carried(fits[engine, START].model, factors)
        found[engine][core] = {**_stated(model), "transferred": _listed(transfer_errors(fits, START, core))}
    return found


def _stated(model: Model) -> dict[str, float]:
    conv, output, dense = (round(value, 2) for value in model)
    return {"conv_mac": conv, "dense_mac": dense, "output": output}


def _measured(fit: Fit) -> dict[str, object]:
    found: dict[str, object] = {
        "rows": len(fit.rows),
        "networks": len({row.network for row in fit.rows}),
        "boards": len({row.board for row in fit.rows}),
        "error": _listed(fit.error),
    }
    if fit.networks_out is not None:
        found["leave_one_network_out"] = _listed(fit.networks_out)
    if fit.boards_out is not None:
        found["leave_one_board_out"] = _listed(fit.boards_out)
    return found


def _listed(errors: Errors | None) -> list[int]:
    return list(errors or ())


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


if __name__ == "__main__":
    for runtime, cores in blocks(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE).items():
        print(runtime)
        for core, block in sorted(cores.items()):
            print(f"  {core}: {_flow(block)}")
