"""No answer of any shipped runtime breaks what its file declares: bits of one network, and structures that a search finds."""

import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from qeopt.hardware import Runtime
from qeopt.memory import Budgets, Limits, count, limits_of
from qeopt.network import Bits, Network, NetworkBuilder, Op, OpKind, Tensor
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.score import QEScore
from qeopt.spec.library import Library, builtin_folder
from qeopt.spec.load import load
from qeopt.spec.model import build
from qeopt.verbs.solve import solve
from qeopt_solvers import Status

RUNTIMES = sorted(path.stem for path in (builtin_folder() / "runtimes").glob("*.yaml"))
WIDTHS = (2, 4, 8)
every_runtime = pytest.mark.parametrize("name", RUNTIMES)


@cache
def declared(name: str) -> Mapping[str, Any]:
    """What the file says, read without any of the code under test; `extends` merges mappings."""
    text = (builtin_folder() / "runtimes" / f"{name}.yaml").read_text(encoding="utf-8")
    said = YAML(typ="safe", pure=True).load(text)
    return _merged(declared(said["extends"]), said) if "extends" in said else said


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> Mapping[str, Any]:
    both = dict(base)
    for key, value in change.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def faults(op: Op, bits: tuple[int, int, int], said: Mapping[str, Any]) -> list[str]:
    """What an operator breaks of a file."""
    if said["kernels"] == "any":
        return []
    kernel = said["kernels"].get(op.kind.value)
    if kernel is None:
        return ["no kernel"]
    if kernel.get("tuples"):
        found = [] if list(bits) in kernel["tuples"] else ["tuple"]
    else:
        lists = (kernel["in"], kernel["weights"] if op.has_weights else [0], kernel["out"])
        found = ["bits" for width, allowed in zip(bits, lists, strict=True) if width not in allowed]
    multiples, by_weights = kernel.get("channel_multiple", {}), kernel.get("weight_channel_multiple", {})
    for channels, width in ((_read(op, said), bits[0]), (op.output.channels, bits[2])):
        wrong = channels % multiples.get(str(width), 1) or channels % by_weights.get(str(bits[1]), 1)
        found += ["channels"] if wrong else []
        found += ["too many"] if channels > kernel.get("max_channels", channels) else []
    if op.has_weights:
        per_output = op.kernel * op.kernel * (1 if op.kind is OpKind.DEPTHWISE else _read(op, said))
        found += ["columns"] if per_output % kernel.get("columns", {}).get(str(bits[1]), 1) else []
    if kernel.get("square"):
        found += ["square"] if any(tensor.height != tensor.width for tensor in (*op.inputs, op.output)) else []
    names = {"k_h": op.kernel, "c_in": _read(op, said), "c_out": op.output.channels, "stride": op.stride, "w_bits": bits[1]}
    found += ["asks"] * sum(eval(formula, {"min": min}, names) != 0 for formula in kernel.get("asks", {}).values())
    found += ["window"] if op.kernel not in kernel.get("windows", [op.kernel]) else []
    found += ["stride"] if op.stride not in kernel.get("strides", [op.stride]) else []
    return found


def _read(op: Op, said: Mapping[str, Any]) -> int:
    padding = said.get("memory", {}).get("pad_image_channels", 1)
    channels = int(op.inputs[0].channels)
    return -(-channels // padding) * padding if op.inputs[0].is_image else channels


def broken(network: Network, bits: Bits, name: str) -> list[tuple[str, list[str]]]:
    """Every operator that breaks the file, and how."""
    found = [(op.name, faults(op, bits.of(op), declared(name))) for op in network.ops]
    said = declared(name).get("max_layers")
    layers = sum(op.is_scored for op in network.ops)
    return [entry for entry in found if entry[1]] + ([("network", ["layers"])] if said is not None and layers > said else [])


def _cannot_run(op: Op, name: str) -> bool:
    """Whether no bits at all let this operator run."""
    weights = ((op.weight_bits,) if op.weight_bits else WIDTHS) if op.has_weights else (0,)
    ins = (op.inputs[0].bits,) if op.inputs[0].bits else WIDTHS
    outs = (op.output.bits,) if op.output.bits else WIDTHS
    return all(faults(op, (i, w, o), declared(name)) for i in ins for w in weights for o in outs)


def any_network(rng: random.Random, windows: tuple[int, ...], strides: tuple[int, ...], has_depthwise: bool) -> Network:
    """A chain of convolutions of any width, as spaces do not make them."""
    height = rng.randint(4, 12)
    width = height if rng.random() < 0.7 else rng.randint(4, 12)
    image = Tensor("image", height, width, rng.choice((1, 3, 4)), bits=8, is_image=True)
    builder = NetworkBuilder("any", image)
    tensor = builder.conv("stem", image, rng.choice((4, 8, 12, 16, 24)), kernel=3, stride=rng.choice(strides), weight_bits=8)
    for number in range(rng.randint(1, 3)):
        if has_depthwise and rng.random() < 0.4:
            side = rng.choice([window for window in windows if window > 1])
            tensor = builder.depthwise(f"d{number}", tensor, kernel=side, stride=rng.choice(strides))
        width = rng.choice((6, 7, 8, 12, 16, 16, 21, 32, 48))
        tensor = builder.conv(f"c{number}", tensor, width, kernel=rng.choice(windows), stride=rng.choice(strides))
    builder.end_stage()
    if rng.random() < 0.7:
        builder.dense("classifier", builder.global_pool("pool", tensor), rng.choice((2, 8)))
    return builder.finish()


def runtime(name: str) -> Runtime:
    return load(Runtime, name, library=Library(), kind="runtime", folder="runtimes").value


def refiner(shown: Runtime, limits: Limits) -> Refiner:
    return Refiner(shown, limits, BitChoices(weights=WIDTHS, activations=WIDTHS), build(QEScore, {}), QbrSettings())


@every_runtime
def test_networks_it_cannot_run_are_refused_and_no_others(name: str) -> None:
    """Windows, strides and widths of every kind: an answer breaks nothing, and a refusal has its reason in the file."""
    refused = 0
    for seed in range(25):
        network = any_network(random.Random(seed), (1, 3, 5), (1, 2), has_depthwise=True)
        refined = refiner(runtime(name), Limits()).refine(network, "chain")
        if refined.bits is not None:
            assert broken(network, refined.bits, name) == []
            continue
        refused += 1
        assert refined.status is Status.INFEASIBLE
        assert refined.reason
        assert any(_cannot_run(op, name) for op in network.ops), refined.reason
    assert (refused > 0) == (name in {"cmix-nn", "max78000", "ne16", "tinyengine"})  # those with limits that these networks reach


@every_runtime
def test_bits_of_a_tight_budget_are_legal(name: str) -> None:
    """Where memory forces few bits, those that the number of channels forbids are not taken."""
    kernels = declared(name)["kernels"]
    conv = {} if kernels == "any" else kernels["conv"]
    windows, strides = tuple(conv.get("windows", (1, 3, 5))), tuple(conv.get("strides", (1, 2)))
    if "depthwise" in (kernels if kernels != "any" else {}):
        windows = tuple(kernels["depthwise"].get("windows", windows))
    has_depthwise = kernels == "any" or "depthwise" in kernels
    answers = forced = 0
    for seed in range(15):
        network = any_network(random.Random(seed), windows, strides[:2], has_depthwise)
        free = refiner(runtime(name), Limits()).refine(network, "chain")
        if free.bits is None:
            continue
        used = count(network, runtime(name), free.bits)
        limits = Limits(sram=int(used.sram_bytes * 0.75), flash=int(used.flash_bytes * 0.75))
        for bound in (limits, Limits(flash=limits.flash_bytes), Limits(sram=limits.sram_bytes)):
            refined = refiner(runtime(name), bound).refine(network, ("chain", "cp_sat", "ratio")[seed % 3])
            if refined.bits is not None:
                answers += 1
                forced += refined.bits != free.bits
                assert broken(network, refined.bits, name) == []
    assert forced == answers
    only_eight = {"tinyengine", "ethos-u", "x-cube-ai", "x-cube-ai-7", "x-cube-ai-8.1"}  # 8-bit weights alone
    assert (forced > 0) == (name not in only_eight)


SPACE = """
  blocks:
    - {kind: conv, name: stem, width: [4, 8, 9], kernel: 3, stride: STRIDE, weight_bits: 8}
    - {kind: k1dwk1, name: b1, stride: 2, width: [8, 12, 16, 19], kernel: [3, 5], ratio: [1, 2], units: [1, 2]}
    - {kind: conv, name: head, width: [16, 32, 37]}
    - {kind: classifier}
"""
WITHOUT_DEPTHWISE = """
  blocks:
    - {kind: conv, name: stem, width: [4, 8, 9], kernel: 3, stride: STRIDE, weight_bits: 8}
    - {kind: conv, name: middle, width: [8, 12, 16, 19], kernel: [1, 3, 5], stride: STRIDE}
    - {kind: conv, name: head, width: [16, 32, 37]}
    - {kind: classifier}
"""
BUDGETS = {
    "ethos-u": "sram: 14000, flash: 6 KiB",
    "max78000": "sram: 128 KiB, flash: 8 KiB",
    "mpic": "sram: 2600, flash: 3000",  # too little for nine channels at 8 bits, and at 4 bits there are none of nine
    "pulp-nn": "sram: 2600, flash: 3000",
    **dict.fromkeys(("qeopt-c", "qeopt-c-m0", "qeopt-c-m3"), "sram: 6000, flash: 20 KiB"),  # the code of its kernels counts
}


@every_runtime
def test_search_finds_legal_designs(name: str, tmp_path: Path) -> None:
    """The space holds widths and windows that some runtimes cannot run, the widest among them; the search takes none of them."""
    depthwise = declared(name)["kernels"] == "any" or "depthwise" in declared(name)["kernels"]
    text = (SPACE if depthwise else WITHOUT_DEPTHWISE).replace("STRIDE", "2" if depthwise else "1")
    device = "device: max78000-cnn\n" if name == "max78000" else ""
    budgets = BUDGETS.get(name, "sram: 6000, flash: 3000")
    (tmp_path / "study.yaml").write_text(
        f"kind: study\ntask: {{input: [24, 24, 3], classes: 2}}\nspace:{text}{device}runtime: {name}\n"
        f"budgets: {{{budgets}, layers: 8}}\nbits: {{weights: [2, 4, 8], activations: [2, 4, 8]}}\nobjective: {{kind: qe}}\n"
        "search: {evaluations: 60, baselines: []}\n"
    )
    design = solve(tmp_path / "study.yaml").design
    assert design is not None
    assert broken(design.network(), Bits(design.weights, design.activations), name) == []


def test_no_more_layers_than_an_accelerator_has() -> None:
    shown = runtime("max78000")
    budgets: dict[str, Any] = {"sram": "1 MiB", "flash": "1 MiB"}
    assert limits_of(build(Budgets, budgets), None, shown).get("layers") == declared("max78000")["max_layers"] == 31
    assert limits_of(build(Budgets, {**budgets, "layers": 40}), None, shown).get("layers") == 31
    assert limits_of(build(Budgets, {**budgets, "layers": 7}), None, shown).get("layers") == 7
