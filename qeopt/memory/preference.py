"""In which memories of a device a study wants buffers to lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qeopt.hardware import Device, Run, Runtime
from qeopt.spec.errors import did_you_mean, one_of
from qeopt.spec.model import Block


class MemoryPreference(Block):
    """Which memories are used first."""

    prefer: tuple[str, ...] = ()
    """Memories of the device, the first choice first, in any case of letters: as many bytes of buffers as can be lie in the first,
    and so on; what is not named comes last. Without any, as little as can be is set aside in all of them together."""

    def ordered(self, runs: Sequence[Run]) -> tuple[Run, ...]:
        """The same runs of memory, each with its place in the order of preference."""
        if not self.prefer:
            return tuple(runs)
        wanted = [name.casefold() for name in self.prefer]
        places = [min((wanted.index(bank) for bank in _banks(run) if bank in wanted), default=len(wanted)) for run in runs]
        return tuple(replace(run, rank=place) for run, place in zip(runs, places, strict=True))

    def complaint(self, device: Device | None, runtime: Runtime, runs: Sequence[Run]) -> str | None:
        """Why this cannot be had of a device; None where it can."""
        if not self.prefer:
            return None
        known = [] if device is None else [region.name for region in device.regions if "activations" in region.holds]
        folded = {name.casefold() for name in known}
        for number, name in enumerate(self.prefer):
            if name.casefold() not in folded:
                said = f"{one_of(known)} was expected{did_you_mean(name, known)}" if known else "the study states no device"
                return f"there is no memory {name!r} that may hold activations; {said}"
            if name.casefold() in {other.casefold() for other in self.prefer[:number]}:
                return f"names {name!r} twice"
        if runtime.memory.banks == "largest" and len(known) > 1:
            said = f"the runtime {runtime.name!r} keeps all buffers in the largest memory"
            return f"{said}; a runtime with `memory: {{banks: all}}` was expected (--set runtime.memory.banks=all)"
        return None if runs else "the budget of SRAM is no memory of the device; leave `budgets.sram` out"


def _banks(run: Run) -> list[str]:
    return [bank.casefold() for bank in run.banks]
