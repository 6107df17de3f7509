"""`qeopt check`: any kind of file, before anything is solved."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

import qeopt.infeasibility.network
from qeopt.check import estimates
from qeopt.hardware import Runtime
from qeopt.memory import count
from qeopt.network import Bits, Network
from qeopt.qbr import answers

Run = Callable[..., Result]


def _findings(result: Result) -> list[str]:
    return [line for line in result.stdout.splitlines() if line.startswith(("error: ", "warning: ", "note: "))]


def test_a_study_that_can_work(run: Run) -> None:
    result = run("check", "tiny.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("study tiny: can work\n  study tiny ")
    assert _findings(result) == [
        "note: the smallest structure fits",
        "note: budgets: sram 14,336 B (14.0 KiB), flash 16,384 B (16.0 KiB), layers 14",
        "note: 17,280 structures, rules between blocks aside",
        "note: stm32f412 finishes at most 200,000,000 MACs a second; there is no MAC budget, so designs may take longer than that",
    ]


def test_a_budget_of_time_leaves_nothing_to_say_of_macs_a_second(run: Run) -> None:
    asked = ("check", "tiny.yaml", "--runtime", "cmsis-nn", "--weight-bits", "4,8", "--activation-bits", "8")
    assert any("MACs a second" in line for line in _findings(run(*asked)))
    assert not any("MACs a second" in line for line in _findings(run(*asked, "--fps", "2")))


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ("sram=2 KiB", "5264 B"),
        ("flash=1 KiB", "3184 B"),
        ("layers=3", "8"),
        ("macs=10", "162304"),
        ("bitops=1000", "6623232"),
    ],
)
def test_the_smallest_change_of_a_budget_that_no_structure_meets(run: Run, change: str, least: str) -> None:
    name = change.partition("=")[0]
    result = run("check", "tiny.yaml", "--set", f"budgets.{change}", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["format"], found["status"]) == (1, "qeopt.check/1", "findings")
    (error,) = (finding for finding in found["findings"] if finding["weight"] == "error")
    assert (error["key"], error["place"]["file"]) == (f"budgets.{name}", f"--set budgets.{change}")
    (told,) = (finding for finding in found["findings"] if finding["change"])
    assert told["text"].startswith(f"the smallest change: `budgets.{name}: {least}` (")
    assert told["change"] == {f"budgets.{name}": least}
    helped = run("check", "tiny.yaml", "--set", f"budgets.{name}={least}")
    assert (helped.exit_code, "error" in helped.stdout) == (0, False)
    number, _, unit = least.partition(" ")
    assert run("check", "tiny.yaml", "--set", f"budgets.{name}={int(number) - 1} {unit}".strip()).exit_code == 1


LATENCY = """\
kind: runtime
extends: cmix-nn
latency:
  floor: null
  cycles: {conv: macs * in_bits + 100, depthwise: 2 * macs}
  source: {url: "https://example.org", date: 2026-01-01}
energy:
  picojoules: {conv: macs * w_bits, depthwise: macs}
  source: {url: "https://example.org", date: 2026-01-01}
"""


@pytest.mark.parametrize("study", ["tiny.yaml", "net.yaml"])
@pytest.mark.parametrize("key", ["latency_ms", "energy_uj"])
def test_the_smallest_change_of_an_estimate_is_said_in_the_units_of_the_study(
    run: Run, tmp_path: Path, study: str, key: str
) -> None:
    (tmp_path / "timed.yaml").write_text(LATENCY)
    options = ("check", study, "--runtime", "./timed.yaml", "--json", "--set")
    found = json.loads(run(*options, f"budgets.{key}=0.001").stdout)
    (told,) = (finding for finding in found["findings"] if finding["change"])
    least = told["change"][f"budgets.{key}"]
    assert run(*options, f"budgets.{key}={least}").exit_code == 0
    assert run(*options, f"budgets.{key}={float(least) * 0.999}").exit_code == 1


@pytest.mark.parametrize("latency", ["0.1", "0.5"])
def test_boards_that_others_answer_for_are_told_as_if_each_were_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch, latency: str
) -> None:
    asked = ("check", "tiny.yaml", "--latency-ms", latency)
    told = _findings(run(*asked))
    assert any("known devices that meet all budgets" in line for line in told)
    monkeypatch.setattr(estimates, "_known_by", lambda board, tried: None)
    assert _findings(run(*asked)) == told


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("check_space_sram", ("budgets.sram=2 KiB",)),
        ("check_space_three", ("budgets.sram=2 KiB", "budgets.flash=1 KiB", "budgets.layers=3")),
        ("check_space_together", ("budgets.sram=5300 B", "budgets.flash=2800 B", "budgets.layers=8")),
        ("check_space_illegal", ("bits.weights=[3]",)),
        ("check_space_device", ("task.input=[96, 96, 3]", "device=stm32f103", "runtime=tflm", "budgets={layers: 14}")),
        ("check_net_one", ("budgets.flash=7 KiB",)),
        ("check_net_two", ("budgets.sram=5 KiB", "budgets.flash=3 KiB")),
        ("check_net_totals", ("budgets.macs=5k", "budgets.layers=4")),
        ("check_net_illegal", ("bits.weights=[3]",)),
    ],
)
def test_what_can_never_fit(run: Run, golden: Callable[[str, str], None], name: str, changes: tuple[str, ...]) -> None:
    study = "tiny.yaml" if name.startswith("check_space") else "net.yaml"
    result = run("check", study, *(part for change in changes for part in ("--set", change)))
    assert (result.exit_code, result.stderr) == (1, "")
    golden(f"{name}.txt", result.stdout)


def test_what_can_never_fit_is_told_where_it_stands(run: Run, tmp_path: Path) -> None:
    text = (tmp_path / "net.yaml").read_text().replace("sram: 14 KiB", "sram: 5 KiB")
    (tmp_path / "net.yaml").write_text(text)
    assert any(line.startswith("error: net.yaml:12:17: SRAM at step 'stem': ") for line in _findings(run("check", "net.yaml")))


def test_buffers_without_addresses_are_no_proof(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def wasteful(network: Network, runtime: Runtime, bits: Bits, limit_bytes: int, _: tuple[int, ...] = ()) -> int:
        return max(math.ceil(count(network, runtime, bits).sram_bytes) + 100 - limit_bytes, 0)

    monkeypatch.setattr(answers, "overflow_bytes", wasteful)
    monkeypatch.setattr(answers, "find_addresses", lambda *asked: wasteful(*asked) == 0)
    monkeypatch.setattr(qeopt.infeasibility.network, "overflow_bytes", wasteful)
    result = run("check", "net.yaml", "--set", "budgets.sram=8336 B")
    assert result.exit_code == 0
    warning, change, *_ = _findings(result)
    assert warning.startswith("warning: bits fit every step and the sum of all weights, but with addresses")
    enough = "a change that is enough, though not proven to be the smallest"
    assert change == f"note: {enough}: `budgets.sram: 8436 B` (100 B more)"
    short = run("check", "tiny.yaml", "--set", "budgets.sram=2 KiB").stdout
    assert "`budgets.sram: 5264 B` (3,216 B (3.1 KiB) more); with addresses for all buffers it may take more" in short


def test_a_wider_structure_may_need_less_than_the_smallest(run: Run) -> None:
    """Kernels that want channels in multiples give the narrowest tensors only wide bits."""
    result = run("check", "vww_256k_cmix", "--set", "budgets.sram=140 KiB")
    assert result.exit_code == 0
    assert "note: the smallest structure does not fit, but another one does" in _findings(result)


def test_a_runtime_that_cannot_trade_sram_by_bits_says_so(run: Run) -> None:
    result = run("check", "tiny.yaml", "--runtime", "cmsis-nn")
    assert result.exit_code == 0
    assert "warning: SRAM cannot be traded by bits: of the activation bits allowed, only 8 is executed" in _findings(result)


def test_more_macs_than_the_core_can_do_are_a_warning(run: Run) -> None:
    result = run("check", "tiny.yaml", "--set", "budgets.macs=300 M")
    assert "warning: stm32f412 finishes at most 200,000,000 MACs a second, and the MAC budget allows 300,000,000" in _findings(
        result
    )


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("vww_256k", "study vww_256k: can work"),
        ("stm32f412", "device stm32f412: can work"),
        ("cmix-nn", "runtime cmix-nn: can work"),
        ("k1dwk1", "space k1dwk1: can work"),
        ("mobilenet_v2", "network mobilenet_v2: can work"),
    ],
)
def test_every_kind_of_file(run: Run, name: str, first: str) -> None:
    result = run("check", name)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, first)


def test_a_runtime_without_a_kernel_is_warned_of(run: Run, tmp_path: Path) -> None:
    kernels = "kernels: {conv: {in: [8], weights: [8], out: [8]}}"
    (tmp_path / "bare.yaml").write_text(f"kind: runtime\n{kernels}\nsource: {{url: 'https://example.org', date: 2026-01-01}}\n")
    result = run("check", "bare.yaml")
    assert "warning: there is no kernel for depthwise, dense, add, pool" in _findings(result)


def test_a_network_with_choices_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "open.yaml").write_text("kind: network\nblocks: [{kind: conv, name: a, width: [8, 16]}]\n")
    result = run("check", "open.yaml")
    assert result.exit_code == 1
    assert _findings(result) == ["error: open.yaml:2:1: a network leaves no structural choice open; this one has some"]


GRAPH = """\
kind: network
image: {name: x, shape: [32, 32, 3]}
ops:
  - {name: a, op: conv, reads: [x], shape: [16, 16, 16], kernel: [3, 3], stride: [2, 2], stage: 0, weight_bits: 8}
  - {name: b, op: conv, reads: [a], shape: [16, 16, 32], stage: 0}
  - {name: p, op: pool, reads: [b], shape: [1, 1, 32], kernel: [16, 16], bits: 8}
  - {name: y, op: dense, reads: [p], shape: [1, 1, 2], weight_bits: 8, bits: 8}
stage_ends: [b]
"""
COUNTED = "note: 4 operators, 1,008 weights, 241,728 MACs"


def test_a_network_operator_by_operator(run: Run, tmp_path: Path) -> None:
    (tmp_path / "graph.yaml").write_text(GRAPH)
    (tmp_path / "heir.yaml").write_text("kind: network\nextends: ./graph.yaml\ntitle: mine\n")
    for name in ("graph.yaml", "heir.yaml"):
        result = run("check", name)
        assert (result.exit_code, result.stderr) == (0, "")
        read = "note: it reads an image of [32, 32, 3]: the `task` of a study has to say so"
        assert _findings(result) == [COUNTED, read]
    scored = [json.loads(run("score", name, "--bits", "4", "--json").stdout) for name in ("graph.yaml", "heir.yaml")]
    for found in scored:
        assert [(term["op"], term["input_bits"], term["weight_bits"]) for term in found["terms"]] == [("a", 8, 8), ("b", 4, 4)]
        assert found["score"] == scored[0]["score"]
        assert found["score"] == pytest.approx(found["constant"] + sum(t["weights"] + t["activations"] for t in found["terms"]))
    wider = run("score", "graph.yaml", "--bits", "4", "--set", "ops.0.shape=[16, 16, 32]", "--json")
    assert json.loads(wider.stdout)["score"] > scored[0]["score"]
    (tmp_path / "graph.yaml").write_text(GRAPH.replace("op: dense", "op: dens"))
    result = run("check", "graph.yaml")
    assert result.exit_code == 2
    assert result.stderr.startswith("graph.yaml:7:19: network.ops[3].op is 'dens'; ")
    assert result.stderr.endswith("did you mean 'dense'?\n")


@pytest.mark.parametrize("verb", ["check", "explain", "show", "score", "compare", "sweep --sram 8KiB,16KiB", "solve"])
def test_verbs_on_a_study_of_a_network_operator_by_operator(run: Run, tmp_path: Path, verb: str) -> None:
    (tmp_path / "graph.yaml").write_text(GRAPH)
    start, end = (tmp_path / "net.yaml").read_text().split("network:\n")
    _, _, end = end.partition("device:")
    (tmp_path / "net.yaml").write_text(f"{start}network: ./graph.yaml\ndevice:{end}")
    name, *options = verb.split()
    result = run(name, "net.yaml", *options)
    assert (result.exit_code, result.exception) == (0, None)
    assert result.stdout


def test_a_model_file(run: Run, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    make = onnx.helper
    weights = onnx.numpy_helper.from_array(np.ones((16, 3, 3, 3), dtype=np.float32), "w")
    node = make.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    image, out = (make.make_tensor_value_info(name, 1, shape) for name, shape in (("x", [1, 3, 32, 32]), ("y", [1, 16, 16, 16])))
    (tmp_path / "models").mkdir()
    graph = make.make_graph([node], "g", [image], [out], [weights])
    onnx.save(make.make_model(graph), str(tmp_path / "models" / "one.onnx"))
    (tmp_path / "models" / "one.yaml").write_text("kind: network\nfile: one.onnx\n")
    for name in ("models/one.onnx", "models/one.yaml"):
        result = run("check", name)
        assert (result.exit_code, result.stderr) == (0, "")
        assert _findings(result)[0] == "note: 1 operator, 432 weights, 110,592 MACs"
        scored = json.loads(run("score", name, "--json").stdout)
        assert [(term["op"], term["weight_bits"]) for term in scored["terms"]] == [("y", 8)]
    assert run("score", "models/one.yaml", "--set", "file=models/one.onnx").exit_code == 0
    assert run("check", "models/one.yaml", "--set", "file=models/one.onnx").exit_code == 0
    assert run("check", "none.onnx").stderr == "none.onnx: there is no such file\n"


def test_a_design_is_verified(run: Run, tmp_path: Path) -> None:
    run("solve", "net.yaml", "--no-baselines")
    assert run("check", "runs/net/1/design.json").exit_code == 0
    path = tmp_path / "runs" / "net" / "1" / "design.json"
    path.write_text(path.read_text().replace('"used": 11328', '"used": 11329'))
    result = run("check", "runs/net/1/design.json")
    assert (result.exit_code, _findings(result)) == (1, ["error: sram: the design says 11,329, the recount 11,328"])


def test_the_schema_of_a_network_has_all_its_forms(run: Run) -> None:
    text = run("schema", "network").stdout
    schema = json.loads(text)
    assert [form["title"] for form in schema["anyOf"]] == ["Space", "GraphNetwork", "FileNetwork"]
    for form in schema["anyOf"]:
        assert form["properties"]["kind"]["const"] == "network"
        assert "extends" in form["properties"]
        assert not {"$schema", "$defs"} & set(form)
    assert {name.removeprefix("#/$defs/") for name in re.findall(r'"\$ref": "(.*)"', text)} == set(schema["$defs"])
    given = ({"blocks"}, {"image", "ops"}, {"file"})
    for form, keys in zip(schema["anyOf"], given, strict=True):
        assert {"required": sorted(keys)} in form["anyOf"]
        assert keys <= set(form["properties"])


def test_mistakes_at_verbs_on_files(run: Run, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    run("solve", "net.yaml", "--no-baselines", "--out", "out")
    (tmp_path / "graph.yaml").write_text(GRAPH)
    wrong = [
        *((verb, "out/design.json", "--set", "budgets.sram=5 KiB") for verb in ("check", "score")),
        *(("score", name, "--input", "32,32,3") for name in ("graph.yaml", "net.yaml", "out/design.json")),
        *(("score", name) for name in ("k1dwk1", "stm32f412", "tiny.yaml", "none.onnx", "none.json", "none.yaml")),
        ("score", "graph.yaml", "--set", "opps=3"),
        ("score", "mobilenet_v2", "--set", "blocks.0.widht=3"),
        *(("explain", name) for name in ("graph.yaml", "none.yaml", "out/design.json")),
        *(("explain", "net.yaml", "--weight", weight) for weight in ("layers=1", "macs=5", "cycles=5", "sram", "sram=0 B")),
        *(("explain", "tiny.yaml", "--set", change) for change in ("budget.sram=5 KiB", "budgets.srm=5 KiB", "budgets.sram=-1")),
        ("check", "stm32f412", "--set", "arena=3"),
        ("check", "net.yaml", "--device", "stm32f41"),
        ("schema", "netwrok"),
    ]
    said = ""
    for arguments in wrong:
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        said += f"$ qeopt {' '.join(arguments)}\n{result.stderr}"
    golden("mistakes_in_files.txt", said)


def test_problems_have_places_in_text_and_in_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("kind: study\ntusk: 3\n")
    result = run("check", "bad.yaml")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("bad.yaml:2:1: ")
    found = json.loads(run("check", "bad.yaml", "--json").stdout)
    assert (found["format"], found["exit_code"]) == ("qeopt.error/1", 2)
    last = found["problems"][-1]
    assert (last["file"], last["line"], last["column"]) == ("bad.yaml", 2, 1)
    assert "did you mean 'task'" in last["message"]


def test_unknown_kinds_and_names(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("kind: devise\n")
    assert run("check", "odd.yaml").stderr.endswith("did you mean 'device'?\n")
    assert run("check", "odd.yaml").exit_code == 2
    assert run("check", "stm32f413").stderr == "there is no file and nothing shipped named 'stm32f413'; did you mean 'stm32f412'?\n"
