"""What building a design and running it in the emulator showed, beside what was counted."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from qeopt.export.c.trial import Trial
from qeopt.report.tables import rows_table

LEFT, RIGHT = "left", "right"


def trial_table(trial: Trial) -> Group:
    """One row a layer, where it ran, and what was weighed beside what was counted."""
    columns = {"on " + trial.machine.name: LEFT, "measured": RIGHT, "counted": RIGHT}
    rows = [
        ("flash: code and constants of the network", f"{trial.flash_bytes:,} B", f"{trial.counted_flash_bytes:,} B"),
        ("RAM: the arena", f"{trial.arena_bytes:,} B", f"{trial.arena_bytes:,} B"),
    ]
    if trial.run is None:
        return Group(rows_table(columns, rows))
    run = trial.run
    rows += [
        ("RAM: the most on the stack", f"{run.stack_bytes:,} B", ""),
        ("instructions", f"{run.instructions:,}", ""),
        ("instructions per MAC", f"{run.instructions / max(trial.macs, 1):.2f}", ""),
    ]
    layers = rows_table(
        {"layer": LEFT, "MACs": RIGHT, "instructions": RIGHT, "per MAC": RIGHT, "as the reference": LEFT},
        (
            (
                layer.name,
                f"{layer.macs:,}" if layer.macs else "",
                f"{done.instructions:,}",
                f"{done.instructions / layer.macs:.2f}" if layer.macs else "",
                "yes" if done.hash == layer.hash else "NO",
            )
            for layer, done in zip(trial.layers, run.layers, strict=True)
        ),
    )
    return Group(layers, Text(), rows_table(columns, rows), Text(f"output: {' '.join(map(str, trial.output))}"))
