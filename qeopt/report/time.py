"""How estimates of time are said: with the errors of the model behind them, or as the floor that they are."""

from __future__ import annotations

from qeopt.budgets import LATENCY
from qeopt.hardware.latency import Errors
from qeopt.memory import Resources
from qeopt.report.counted import Counted
from qeopt.study import Study

MEASURED_BITS = 8
"""Models are fitted to networks of 8-bit weights and activations."""


def milliseconds(study: Study, cycles: float) -> float | None:
    """Cycles of an estimate as time on the study's device; None without one."""
    return None if study.device is None else cycles / study.device.cycles_per_ms


def time_of(study: Study, resources: Resources | None) -> float | None:
    """Milliseconds of one inference; None without an estimate."""
    if resources is None or study.runtime.timing is None:
        return None
    return milliseconds(study, resources.used[LATENCY.name])


def is_timed(study: Study) -> bool:
    """Whether the time of an inference can be told."""
    return study.runtime.timing is not None and study.device is not None


def span(errors: Errors) -> str:
    """`-14 to +11 %`."""
    low, high = errors
    return f"{low:+g} to {high:+g} %"


def spelled(ms: float) -> str:
    """A time with three or four digits: 1.21 ms, 142 ms, 1,905 ms."""
    return f"{ms:,.0f} ms" if ms >= 100 else f"{ms:.3g} ms"


def frames(ms: float) -> str:
    """How many inferences of so many milliseconds a second has: 0.473 frames, 29.9 frames, 2,500 frames."""
    rate = 1000 / ms
    return f"{rate:,.0f} frames" if rate >= 100 else f"{rate:.3g} frames"


def marked(ms: float, *, is_floor: bool) -> str:
    """A time, marked where it is the least it can be."""
    return f"{'>= ' if is_floor else ''}{spelled(ms)}"


def short(study: Study, ms: float | None) -> str:
    """A time for tables; a floor is marked as one."""
    if ms is None:
        return ""
    timing = study.runtime.timing
    return marked(ms, is_floor=timing is not None and timing.is_floor)


def of_budget(study: Study, ms: float | None) -> str:
    """A time for tables with its share of the budget, where there is one: `95.8 ms, 98 %`."""
    limit = study.limits.get(LATENCY.name)
    if ms is None or limit is None or study.device is None:
        return short(study, ms)
    return f"{short(study, ms)}, {100 * ms * study.device.cycles_per_ms / limit:.0f} %"


def say_time(study: Study, ms: float) -> str:
    """`about 142 ms (measured networks: -14 to +11 %)` or `at least 310 ms (floor)`."""
    timing = study.runtime.timing
    if timing is None:
        return spelled(ms)
    if timing.is_floor:
        return f"at least {spelled(ms)} (floor)"
    if timing.errors is None:
        return f"about {spelled(ms)} (estimated, not measured)"
    model = timing.model
    whose = "carried over from another core" if model is not None and model.measured is None else "measured networks"
    return f"about {spelled(ms)} ({whose}: {span(timing.errors)})"


def tell_time(counted: Counted) -> tuple[str, ...]:
    """What is known of the time of one inference, in full sentences."""
    study, timing = counted.study, counted.study.runtime.timing
    if timing is None:
        return ()
    cycles = counted.resources.used[LATENCY.name]
    ms, device = milliseconds(study, cycles), study.device
    if ms is None or device is None:
        return (f"estimated, not measured: {cycles:,.0f} cycles ({_url(counted)})",)
    rate = f"; {frames(ms)} a second{' at most' if timing.is_floor else ''}" if ms else ""
    lines = [f"time: {say_time(study, ms)} at {device.clock_mhz:g} MHz{rate}", *_evidence(counted)]
    if timing.margin and LATENCY.name in study.limits:
        allowed = study.limits[LATENCY.name] * (1 + timing.margin) / device.cycles_per_ms
        longest = f"{spelled(ms * (1 + timing.margin))} of {spelled(allowed)}"
        lines.append(f"time with the margin of {100 * timing.margin:g} %: {longest}")
    return tuple(lines)


def _evidence(counted: Counted) -> list[str]:
    """What the model was fitted to, and what of this network was not in it."""
    timing = counted.study.runtime.timing
    if timing is None or timing.is_floor:
        return [f"nothing was measured of this runtime on this core: the least its MACs can take ({_url(counted)})"]
    model = timing.model
    if model is None:
        return [f"by declared costs, never measured ({_url(counted)})"]
    found = []
    if model.measured is not None:
        left_out = [
            f"{what} left out of the fit: {span(errors)}"
            for what, errors in (("networks", model.measured.leave_one_network_out), ("boards", model.measured.leave_one_board_out))
            if errors is not None
        ]
        fitted = f"fitted to {model.measured.rows} measurements of {model.measured.networks} networks"
        found.append("; ".join((fitted, *left_out)) + f" ({_url(counted)})")
    else:
        found.append(f"not measured on this core: carried over from another one ({_url(counted)})")
    if any(bits < MEASURED_BITS for bits in counted.bits.weights.values()):
        found.append("its weights of fewer than 8 bits are timed as 8-bit ones; kernels that unpack them take longer")
    return found


def _url(counted: Counted) -> str:
    timing = counted.study.runtime.timing
    if timing is None:
        return ""
    source = timing.source if timing.model is None else timing.model.source
    return (source[0] if isinstance(source, tuple) else source).url
