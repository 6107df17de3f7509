"""Models of time: what they say of a network, on which core, and how a budget of time is kept."""

import importlib
import re
from pathlib import Path

import pytest

from qeopt.budgets import LATENCY
from qeopt.memory.resources import count
from qeopt.network import Bits, OpKind, macs
from qeopt.spec.document import parse
from qeopt.spec.errors import SpecError
from qeopt.study import Study
from qeopt.study.load import load_study

STUDY = """\
kind: study
task: {input: [49, 10, 1], classes: 12}
network: mlperf_kws
device: stm32l4r5
runtime: cmsis-nn
bits: {weights: [4, 8], activations: [8]}
objective: {kind: qe}
"""


def study(*overrides: str) -> Study:
    return load_study(parse(STUDY, "kws.yaml"), overrides=overrides).value


def cycles(shown: Study) -> float:
    network = shown.subject.expand(shown.subject.smallest(), shown.task)
    return count(network, shown.runtime, Bits.uniform(network, 8)).used[LATENCY.name]


def test_a_model_is_that_of_the_core() -> None:
    """By hand: MACs and written values of DS-CNN, as benchmarks/latency/networks.py counts them from the published network."""
    conv_macs, outputs, dense_macs = 320_000 + 4 * 125 * 64 * (9 + 64), 8_000 + 8 * 125 * 64 + 64, 64 * 12
    assert cycles(study()) == pytest.approx(3.31 * conv_macs + 46.4 * outputs + 3.91 * dense_macs, rel=1e-6)
    assert cycles(study("device=stm32h7a3")) == pytest.approx(2.12 * conv_macs + 24.1 * outputs + 2.35 * dense_macs, rel=1e-6)


def test_another_core_has_a_floor() -> None:
    shown = study("runtime=cmsis-nn-mve", "device=alif-e8")
    network = shown.subject.expand(shown.subject.smallest(), shown.task)
    assert shown.runtime.timing is not None
    assert shown.runtime.timing.is_floor
    assert shown.device is not None
    assert shown.device.macs_per_cycle == 8
    floor = sum(int(macs(op)) // 8 for op in network.ops if op.kind in {OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE})
    assert cycles(shown) == floor
    assert study("runtime=qeopt-c").runtime.timing == study("runtime=qeopt-c").on(study().device).runtime.timing  # type: ignore[arg-type]


def test_a_study_on_another_device_has_the_time_of_that_core() -> None:
    there = study("device=stm32h7a3")
    assert there.device is not None
    assert cycles(study().on(there.device)) == cycles(there)


def test_frames_a_second_are_time() -> None:
    assert study("budgets.fps=5").limits == study("budgets.latency_ms=200").limits
    with_margin = study("budgets={fps: 5, margin: 25 %}").limits
    assert with_margin[LATENCY.name] == 160 * 120_000
    assert study("device={extends: stm32l4r5, stall_factor: 2}", "budgets.fps=5").limits[LATENCY.name] == 100 * 120_000


def test_time_said_anew_replaces_time_in_other_words(tmp_path: Path) -> None:
    """In an override, and in a study that extends another; who says both at once is refused."""
    said_so = study("budgets={latency_ms: 200}").budgets
    assert study("budgets={fps: 9}", "budgets.latency_ms=200").budgets == said_so
    assert study("budgets={latency_ms: 9, layers: 5}", "budgets.fps=5").budgets == study("budgets={fps: 5, layers: 5}").budgets
    (tmp_path / "parent.yaml").write_text(f"{STUDY}budgets: {{fps: 9}}\n", encoding="utf-8")
    child = tmp_path / "child.yaml"
    child.write_text("kind: study\nextends: parent.yaml\nbudgets: {latency_ms: 200}\n", encoding="utf-8")
    assert load_study(child).value.budgets == said_so
    with pytest.raises(SpecError, match="one budget in two ways"):
        study("budgets.fps=5", "budgets.latency_ms=200")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("budgets={fps: 5, latency_ms: 200}", "one budget in two ways"),
        ("budgets={margin: 15 %}", "none of them is stated"),
        ("budgets={fps: 5, margin: 15}", "a percentage from 0 % to 1000 %"),
        ("budgets={fps: 0}", "more than 0.0 was expected"),
        ("runtime={extends: cmsis-nn, latency: {cycles: {conv: macs}}}", "so `cores` and `floor` cannot stand beside it"),
        ("runtime={extends: cmsis-nn, latency: {cores: {cortex-m4: {transferred: [0, 1]}}}}", "either `measured` or `transferred`"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(override: str, said: str) -> None:
    with pytest.raises(SpecError, match=re.escape(said)):
        study(override)


def test_a_budget_of_time_without_an_estimate_is_refused() -> None:
    with pytest.raises(SpecError, match=r"no `latency` for the core 'cortex-m3', nor has the device a `macs_per_cycle`"):
        study("runtime=qeopt-c-m3", "device={extends: stm32f103, macs_per_cycle: null}", "budgets.fps=5")
    with pytest.raises(SpecError, match="has no `latency`"):
        study("runtime=paper", "budgets.fps=5")


def test_shipped_models_are_what_the_fit_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """`benchmarks/latency/fit.py` prints what runtimes state, from the measurements beside it."""
    pytest.importorskip("scipy")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks" / "latency"))
    blocks = importlib.import_module("fit").blocks
    for name, cores in blocks().items():
        shipped = load_study(parse(STUDY, "kws.yaml"), overrides=(f"runtime={name}",)).value.runtime.latency
        assert shipped is not None
        assert shipped.cores is not None
        assert set(shipped.cores) == set(cores)
        for core, block in cores.items():
            stated = shipped.cores[core].model_dump(mode="json", exclude={"source", "call"}, exclude_none=True)
            assert stated == block, (name, core)
