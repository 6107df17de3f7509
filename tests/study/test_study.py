"""Studies: those that ship, a board and a network of one's own, and what does not fit together."""

import re
from pathlib import Path

import pytest

from qeopt.design.recount import recount
from qeopt.memory import Limits
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library, builtin_folder
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve

MIB = 1024 * 1024
LIMITS = {  # SRAM, flash, bit operations, MACs, layers
    "vww_256k": (256 * 1024 - 1024, MIB - 4096, None, None, 47),
    "vww_256k_cmix": (256 * 1024, MIB, None, None, 47),
    "vww_256k_fast": (256 * 1024 - 1024, MIB - 4096, None, 60_000_000, 47),
    "vww_256k_any_bits": (256 * 1024, MIB, None, None, 47),
    "vww_128k": (128 * 1024, 512 * 1024, None, 60_000_000, 47),
    "imagenet_256k": (256 * 1024, MIB, None, None, 47),
    "imagenet_320k": (320 * 1024, MIB, None, None, 47),
    "imagenet_512k": (512 * 1024, 2 * MIB, None, None, 47),
    "vww_5fps": (256 * 1024, MIB, None, None, 30),
    "kws_150ms": (96 * 1024, MIB, None, None, 20),
    "vww_64k": (63 * 1024, 508 * 1024, None, None, 30),
    "vww_80": (35 * 1024, 124 * 1024, None, 4_000_000, 30),
    "ic_64k": (63 * 1024, 508 * 1024, None, 30_000_000, 14),
    "ad_128k": (35 * 1024, 124 * 1024, None, None, 9),
    "wider_face_640": (650_000, None, None, 40_000_000, 58),
    "wider_face_480": (512 * 1024 - 1024, 2 * MIB - 4096, None, 100_000_000, 58),
    "paper/mixed_7g": (None, None, 64 * 109_000_000, None, 47),
    "paper/mixed_19g": (None, None, 64 * 300_000_000, None, 47),
    "paper/mcu_256k": (256_000, 1_000_000, None, None, 47),
    "paper/mobilenet_v2": (512 * 1024, 2 * MIB, None, None, None),
}
CYCLES = {"vww_5fps": int(100_000_000 / 5 / 1.15), "kws_150ms": int(80_000_000 * 0.150 / 1.15)}
"""Clock cycles that the time allowed comes to, less a margin of 15 %."""
SMALL = ["search.evaluations=60", "search.baselines=[]"]
STUDY = """\
kind: study
task: {input: [32, 32, 3], classes: 2}
space: k1dwk1
device: myboard
runtime: cmix-nn
budgets: {layers: 20}
bits: {weights: [2, 4, 8], activations: [2, 4, 8]}
objective: {kind: qe, stage_weights: [0, 0, 1, 1, 6]}
"""
BOARD = """\
kind: device
sram: 24 KiB
flash: {size: 64 KiB, reserved: 8 KiB}
core: cortex-m4
clock_mhz: 64
source: {url: "https://example.org/board", date: 2026-11-21}
"""


def load(name: str) -> Study:
    return load_study(name, library=Library()).value


def refusal(folder: Path, text: str) -> str:
    path = folder / "study.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_study(path, library=Library())
    return re.sub(r":(\d+):\d+: ", r":\1: ", str(caught.value).replace(str(path), "study.yaml"), count=1)  # no columns


def test_every_shipped_study_is_known_here() -> None:
    folder = builtin_folder()
    found = {path.relative_to(folder).with_suffix("").as_posix() for path in [*folder.glob("*.yaml"), *folder.glob("paper/*.yaml")]}
    assert found == LIMITS.keys()


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_shipped_budgets(name: str) -> None:
    limits = dict(zip(("sram", "flash", "bitops", "macs", "layers"), LIMITS[name], strict=True))
    assert load(name).limits == Limits(**limits, cycles=CYCLES.get(name))


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_every_shipped_study_says_what_it_is(name: str) -> None:
    text = (builtin_folder() / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    assert load(name).name == name.rsplit("/", 1)[-1]


def test_the_papers_studies_count_as_the_paper_does() -> None:
    assert load("paper/mixed_7g").runtime.classifier_counted
    assert load("paper/mixed_19g").runtime.classifier_counted
    assert not load("paper/mcu_256k").runtime.classifier_counted
    for name in ("paper/mixed_7g", "paper/mixed_19g", "paper/mcu_256k"):
        study = load(name)
        assert study.bits.weights == study.bits.activations == (3, 4, 5, 6)
        assert study.subject.name == "paper_k1dwk1"
    assert load("paper/mobilenet_v2").space is None


def test_no_eight_bit_network_fits_the_smallest_study() -> None:
    """What the narrowest block reads and makes of it first already need more, so fewer bits are what makes it possible."""
    study = load("vww_128k")
    network = study.subject.expand(study.subject.smallest(), study.task)
    expand = next(op for op in network.ops if op.name == "b1.expand")
    eight_bits = int(expand.inputs[0].elements) + int(expand.output.elements)
    assert eight_bits == 51_200 + 102_400
    assert eight_bits > (study.limits.sram_bytes or 0)


def test_a_board_is_one_file_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "myboard.yaml").write_text(BOARD)
    (tmp_path / "mine.yaml").write_text(STUDY)
    assert len(BOARD.splitlines()) <= 10
    design = solve(tmp_path / "mine.yaml", overrides=SMALL).design
    assert design is not None
    assert {name: use.limit for name, use in design.uses.items() if use.limit is not None} == {
        "sram": 24 * 1024,
        "flash": 56 * 1024,
        "layers": 20,
    }
    assert all(use.limit is None or use.used <= use.limit for use in design.uses.values())
    assert design.bits.status == "optimal"
    assert recount(design) == ()
    assert "myboard.yaml" in {file.name for file in design.provenance.files}


def test_a_fixed_network_has_its_bits_chosen(tmp_path: Path) -> None:
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "mine.yaml").write_text(
        "kind: network\n"
        "blocks:\n"
        "  - {kind: conv, name: stem, width: 8, kernel: 3, stride: 2, weight_bits: 8}\n"
        "  - {kind: mbconv, name: b1, width: 16, ratio: 4, units: 2, stride: 2}\n"
        "  - {kind: classifier}\n"
    )
    (tmp_path / "study.yaml").write_text(
        "kind: study\n"
        "task: {input: [32, 32, 3], classes: 10}\n"
        "network: mine\n"
        "runtime: ideal\n"
        "budgets: {sram: 8 KiB, flash: 2 KiB}\n"
        "bits: {weights: [2, 4, 8], activations: [2, 4, 8]}\n"
        "objective: {kind: qe}\n"
    )
    found = solve(tmp_path / "study.yaml")
    assert found.design is not None
    assert found.design.bits.status == "optimal"
    assert found.design.stopped == "single structure"
    assert set(found.design.weights.values()) >= {4, 8}  # 8 bits everywhere need more flash than there is
    assert recount(found.design) == ()


def test_documented_studies_load(repository: Path, tmp_path: Path) -> None:
    pieces = (repository / "docs" / "studies.md").read_text().split("```yaml\n")[1:]
    assert len(pieces) == 3
    for number, piece in enumerate(pieces):
        path = tmp_path / f"documented_{number}.yaml"
        path.write_text(piece.split("```")[0])
        loaded = load_study(path, library=Library())
        assert loaded.value.network is not None or loaded.value.limits.get("layers") == 47
    design = solve(loaded).design  # the last one, of single layers
    assert design is not None
    assert design.weights["stem"] == design.weights["head"] == design.weights["a.pw"] == design.weights["b.pw"] == 8
    assert set(design.weights.values()) == {4, 8}


def test_the_documentation_names_every_study(repository: Path) -> None:
    page = (repository / "docs" / "studies.md").read_text()
    assert all(f"`{name}`" in page for name in LIMITS)


def test_budgets_that_nothing_fits_are_a_result(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        STUDY.replace("device: myboard\n", "").replace("layers: 20", "sram: 1 KiB, flash: 1 MiB, layers: 20")
    )
    found = solve(tmp_path / "study.yaml", overrides=SMALL)
    assert found.design is None
    assert "SRAM at step 'stem': 5,264 B (5.1 KiB) needed at the fewest legal bits, 1,024 B (1.0 KiB) allowed" in found.reason
    assert "image 4,096 B (4.0 KiB) at 8 bits" in found.reason


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("device: myboard\n", "", "study.yaml:5: no sram budget: state `budgets.sram` (a size or `unlimited`) or a `device`"),
        (
            "budgets: {layers: 20}\n",
            "budgets: {sram: 1 MiB}\n",
            "study.yaml:6: a study of a space needs a `layers` budget: the score grows with depth without end"
            " (layers: 47 is the paper's)",
        ),
        (
            "stage_weights: [0, 0, 1, 1, 6]",
            "stage_weights: [0, 1, 6]",
            "study.yaml:8: objective has 3 stage_weights but 'k1dwk1' has 5 stages",
        ),
        (
            "device: myboard\n",
            "device: stm32f412\nnetwork: mobilenet_v2\n",
            "study.yaml:1: a study needs either a `space` to search or a `network` whose bits are chosen, not both",
        ),
        (
            "space: k1dwk1\n",
            "",
            "study.yaml:1: a study needs either a `space` to search or a `network` whose bits are chosen, not both",
        ),
        ("weights: [2, 4, 8]", "weights: [8, 4]", "study.yaml:7: bits: `weights` must list its bits ascending and once each"),
        ("weights: [2, 4, 8]", "weights: []", "study.yaml:7: bits.weights is empty; at least 1 item was expected"),
        ("layers: 20", "layers: 0", "study.yaml:6: budgets.layers: got 0; more than zero was expected"),
        ("layers: 20", "layers: -3", "study.yaml:6: budgets.layers: got -3; more than zero was expected"),
        (
            "budgets: {layers: 20}",
            "budgets: {layers: 20, flash: 256kB}",
            "study.yaml:6: budgets.flash: '256kB' could mean 256,000 or 262,144 bytes; write 256000 B or 256 KiB",
        ),
        ("classes: 2", "classes: 0", "study.yaml:2: task.classes is 0; at least 1 was expected"),
    ],
)
def test_parts_that_do_not_fit_together(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = STUDY.replace(old, new)
    if "device: myboard" in text:
        text = text.replace("myboard", "stm32f412")
    assert refusal(tmp_path, text) == message


def test_a_runtime_that_reserves_everything_leaves_nothing(tmp_path: Path) -> None:
    text = STUDY.replace("myboard", "stm32f412").replace("cmix-nn", "{extends: cmix-nn, reserve: {sram: 256 KiB}}")
    assert refusal(tmp_path, text).endswith("the runtime reserves 262144 B of sram, the device has 262144 B: nothing is left")


def test_a_network_over_its_mac_budget_is_a_result_with_a_reason() -> None:
    solution = solve("paper/mobilenet_v2", overrides=["budgets.macs=100 M"])
    assert solution.design is None
    assert solution.reason == "no bits change it, and the network is over budget: macs 300,774,272 of 100,000,000"
