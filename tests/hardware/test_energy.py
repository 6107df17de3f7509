"""Models of energy: what they say of a network, on which device, how a budget of energy is kept, and what they were fitted to."""

import importlib
import re
from pathlib import Path

import pytest

from qeopt.budgets import ENERGY, LATENCY
from qeopt.check.estimates import check_estimates
from qeopt.memory.resources import count
from qeopt.network import Bits
from qeopt.report.energy import spelled
from qeopt.spec.document import parse
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt.testing.bounds import best_of_all, check_bound
from qeopt.testing.small_studies import SmallStudy
from qeopt.verbs.solve import solve

STUDY = (Path(__file__).parents[1] / "separable.yaml").read_text(encoding="utf-8").replace("layers: 5", "layers: 5, energy_uj: 230")
DECLARED = 'energy: {picojoules: {conv: 60 * macs}, source: {url: "https://example.com", date: "2026-11-29"}}'


def study(*overrides: str) -> Study:
    return load_study(parse(STUDY, "small.yaml"), overrides=overrides).value


def used(shown: Study, name: str) -> float:
    network = shown.subject.expand(shown.subject.smallest(), shown.task)
    return count(network, shown.runtime, Bits.uniform(network, 8)).used[name]


@pytest.mark.parametrize(("device", "runtime", "rate"), [("stm32l4r5", "cmsis-nn", 433), ("stm32u575", "x-cube-ai", 144)])
def test_energy_is_so_much_for_every_cycle(device: str, runtime: str, rate: int) -> None:
    shown = study(f"device={device}", f"runtime={runtime}", "bits.weights=[8]")
    assert used(shown, ENERGY.name) == rate * used(shown, LATENCY.name)


def test_a_study_on_another_device_has_the_energy_of_that_board() -> None:
    there = study("device=stm32h7a3", "runtime=x-cube-ai", "bits.weights=[8]")
    assert there.device is not None
    assert used(study("runtime=x-cube-ai", "bits.weights=[8]").on(there.device), ENERGY.name) == used(there, ENERGY.name)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("device=stm32f412",), "has no `energy` for the device 'stm32f412'; energy was measured on stm32l4r5"),
        (("device=stm32u575", "runtime=x-cube-ai-7", "bits.weights=[8]"), "energy was measured on stm32h7a3, stm32l4r5"),
        (("runtime=qeopt-c",), "the runtime 'qeopt-c' has no `energy`"),
        (("runtime=cmsis-nn-mve", "device=alif-e8"), "the runtime 'cmsis-nn-mve' has no `energy`"),
        (("runtime={extends: cmsis-nn, latency: {cores: null}}",), "has no `energy` for the device 'stm32l4r5'"),
        (("budgets={layers: 5, margin: 15 %}",), "`margin` is of `latency_ms`, `fps` or `energy_uj`"),
    ],
)
def test_where_nothing_was_submitted_there_is_no_figure(overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(SpecError, match=re.escape(said)):
        study(*overrides)


def test_what_a_user_measured_comes_first() -> None:
    """Costs by operator replace the models of a runtime that is extended; a device of one's own is one more line."""
    assert used(study(f"runtime={{extends: cmsis-nn, {DECLARED}}}"), ENERGY.name) % 60 == 0
    stated = '{picojoules_per_cycle: 200, source: {url: "https://example.com", date: "2026-11-29"}}'
    runtime = f"runtime={{extends: cmsis-nn, energy: {{devices: {{mine: {stated}}}}}}}"
    shown = study("device={extends: stm32l4r5, name: mine}", runtime)
    assert used(shown, ENERGY.name) == 200 * used(shown, LATENCY.name)


def test_a_margin_leaves_less() -> None:
    assert study("budgets={layers: 5, energy_uj: 230, margin: 15 %}").limits[ENERGY.name] == int(230e6 / 1.15)


def test_a_budget_of_energy_is_priced_and_the_answer_is_the_best_of_all(tmp_path: Path) -> None:
    shown = study()
    assert isinstance(shown.open_space, type(shown.subject))
    small = SmallStudy(shown.open_space, shown.task, shown.refiner)
    check_bound(small)
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    design = solve(path).design
    assert design is not None
    assert design.score == pytest.approx(best_of_all(small))
    assert 0 < design.uses[ENERGY.name].used <= 230e6
    unlimited = solve(path, overrides=("budgets={layers: 5}",)).design
    assert unlimited is not None
    assert unlimited.uses[ENERGY.name].used > 230e6, "the budget binds"


def test_check_says_the_least_energy_and_the_boards() -> None:
    least, boards = [finding.text for finding in check_estimates(study(), Library())]
    found = re.search(
        r"the least energy within the other budgets: .* uJ \(([\d,]+) pJ\) \(an estimate, measured networks: -1 to \+1 %\)", least
    )
    assert found is not None, least
    assert int(found[1].replace(",", "")) <= 230e6
    assert "1 (stm32l4r5)" in boards


def test_energies_are_spelled_with_few_digits() -> None:
    assert [spelled(value) for value in (4.4321, 443.2, 4413.9, 141_600)] == ["4.43 uJ", "443 uJ", "4.41 mJ", "142 mJ"]


def test_shipped_models_are_what_the_fit_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """`benchmarks/latency/energy.py` prints what runtimes state, from the measurements beside it."""
    pytest.importorskip("scipy")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks" / "latency"))
    for name, devices in importlib.import_module("energy").blocks().items():
        shipped = study(f"runtime={name}", "bits.weights=[8]", "budgets={layers: 5}").runtime.energy
        assert shipped is not None
        assert set(shipped.known) == set(devices)
        for device, block in devices.items():
            model = (shipped.devices or {})[device]
            assert model is not None
            assert model.model_dump(mode="json", exclude={"source"}, exclude_none=True) == block, (name, device)
