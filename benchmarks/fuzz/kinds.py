"""Every kind of file that comes from outside: how sound ones are made, how they are damaged, and which commands then read them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import sound_models
from mutate import change_bytes, change_data, change_json_lines, change_lines, change_numbers, formula
from PIL import Image
from ruamel.yaml import YAML
from typer.testing import CliRunner

from qeopt.cli.verbs import app
from qeopt.design import Design
from qeopt.export import export
from qeopt.network import OpKind
from qeopt.spec.document import parse
from qeopt.verbs.solve import solve

STUDY: dict[str, Any] = {
    "kind": "study",
    "task": {"input": [16, 16, 3], "classes": 4},
    "space": {
        "widths": "non_decreasing",
        "blocks": [
            {"kind": "conv", "name": "stem", "width": [8], "kernel": 3, "stride": 2, "weight_bits": 8},
            {"kind": "k1dwk1", "name": "b1", "stride": 2, "width": [8, 16], "kernel": [3], "ratio": [1.5, 2], "units": [1, 2]},
            {"kind": "conv", "name": "head", "width": [16, 32]},
            {"kind": "classifier"},
        ],
    },
    "device": {
        "sram": "8 KiB",
        "flash": "64 KiB",
        "core": "cortex-m4",
        "clock_mhz": 80,
        "source": {"url": "https://example.org", "date": "2026-01-01"},
    },
    "runtime": {"extends": "qeopt-c"},
    "budgets": {"layers": 9},
    "bits": {"weights": [2, 4, 8], "activations": [2, 4, 8]},
    "objective": {"kind": "qe"},
    "search": {"evaluations": 20, "walks": 3, "baselines": []},
}
LAYER: dict[str, Any] = {"name": "MBInvertedConvLayer", "in_channels": 8, "expand_ratio": 2, "mid_channels": 16, "use_se": False}
MCUNET: dict[str, Any] = {
    "first_conv": {"name": "ConvLayer", "kernel_size": 3, "stride": 2, "in_channels": 3, "out_channels": 8},
    "blocks": [
        {
            "mobile_inverted_conv": {**LAYER, "out_channels": 8, "kernel_size": 3, "stride": 1},
            "shortcut": {"name": "IdentityLayer"},
        },
        {"mobile_inverted_conv": {**LAYER, "out_channels": 16, "kernel_size": 5, "stride": 2}, "shortcut": None},
    ],
    "feature_mix_layer": None,
    "classifier": {"name": "LinearLayer", "in_features": 16, "out_features": 4},
    "resolution": 16,
}
OPERATORS = (
    "Conv", "Add", "Mul", "Pad", "Reshape", "LSTM", "Nothing", "MatMul", "Clip", "Split", "If", "", "PRelu", "LayerNormalization",
    "ConvTranspose", "Resize", "LeakyRelu", "Softmax", "ConvInteger", "QLinearConv", "Transpose", "Slice", "Concat", "Max",
    "Gather", "ReduceMean", "Gemm", "QuantizeLinear", "DequantizeLinear", "Shape", "Expand", "AveragePool", "BatchNormalization",
)  # fmt: skip
DETECTING: dict[str, Any] = {
    **STUDY,
    "task": {"input": [16, 16, 1], "classes": 1},
    "network": {
        "blocks": [
            {"kind": "conv", "name": "stem", "width": 8, "kernel": 3, "stride": 2, "weight_bits": 8},
            {"kind": "detection", "name": "near", "anchors": 2},
            {"kind": "conv", "name": "deeper", "width": 8, "kernel": 3, "stride": 2},
            {"kind": "detection", "name": "far"},
        ]
    },
    "budgets": {},
}
del DETECTING["space"]
BOXES = """\
0--Parade/a.png
2
4 2 8 6 0 0 0 0 0 0
10 3 6 6 2 0 0 1 2 0
b.png
0
0 0 0 0 0 0 0 0 0 0
c.png
1
-4 8 8 20 1 0 0 0 0 1
"""
"""In the text format of WIDER FACE, of pictures of 16 x 16 pixels."""


Words = tuple[str, ...]
"""Of the command that a damaged file is fed to."""
Maker = Callable[["Sound", Path, Random], Words]


class Sound:
    """Sound files, each made once, in a folder that lasts as long as they are used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def design(self) -> Design:
        """A finished design of the small study."""
        found = solve(parse(_yaml(STUDY), "small.yaml")).design
        assert found is not None
        return found

    @cached_property
    def design_data(self) -> dict[str, Any]:
        """The design as data."""
        return self.design.model_dump(mode="json")

    @cached_property
    def detecting(self) -> bytes:
        """A design with detection heads, as its file has it."""
        found = solve(parse(_yaml(DETECTING), "detecting.yaml")).design
        assert found is not None
        found.save(self._folder / "detecting.json")
        return (self._folder / "detecting.json").read_bytes()

    @cached_property
    def onnx(self) -> bytes:
        """The design as an ONNX model with random weights."""
        return self._exported("onnx")

    @cached_property
    def tflite(self) -> bytes:
        """A design of 8 bits as a TFLite model with random weights."""
        return self._exported("tflite")

    @cached_property
    def journal(self) -> Mapping[str, bytes]:
        """The saved state of a run, by name."""
        study = self._folder / "small.yaml"
        study.write_text(_yaml(STUDY), encoding="utf-8")
        solve(study, run_dir=self._folder / "run")
        return {path.name: path.read_bytes() for path in (self._folder / "run" / "state").iterdir()}

    @cached_property
    def tables(self) -> tuple[str, str]:
        """Features of some designs, and made-up results of two trainings of each."""
        study = self._folder / "sampled.yaml"
        study.write_text(_yaml(STUDY), encoding="utf-8")
        CliRunner().invoke(app, ["sample", str(study), "--n", "12", "--quiet", "--out", str(self._folder / "sample")])
        features = (self._folder / "sample" / "features.csv").read_text(encoding="utf-8")
        names = [line.split(",")[0] for line in features.splitlines()[1:]]
        rows = [f"{name},{0.5 + 0.02 * number},{seed}" for number, name in enumerate(names) for seed in (0, 1)]
        return features, "\n".join(["design,accuracy,seed", *rows]) + "\n"

    def _exported(self, file_format: str) -> bytes:
        path = self._folder / "sound.bin"
        found = solve(parse(_yaml({**STUDY, "bits": {"weights": [8], "activations": [8]}}), "small.yaml")).design
        assert found is not None
        export(found, file_format, path)
        return path.read_bytes()


def study(sound: Sound, folder: Path, rng: Random) -> Words:
    """Studies with everything that they name written into them."""
    path = folder / "study.yaml"
    path.write_text(_yaml(change_data(STUDY, rng, 3)), encoding="utf-8")
    return (rng.choice(["check", "show"]), str(path))


def solved_study(sound: Sound, folder: Path, rng: Random) -> Words:
    """The same, searched."""
    return ("solve", study(sound, folder, rng)[1], "--time-limit", "5", "--no-baselines", "--out", str(folder / "out"))


def yaml_text(sound: Sound, folder: Path, rng: Random) -> Words:
    """Texts that may be no YAML any more."""
    path = folder / "study.yaml"
    path.write_bytes(change_bytes(_yaml(STUDY).encode(), rng))
    return ("check", str(path))


def formulas(sound: Sound, folder: Path, rng: Random) -> Words:
    """Formulas of a runtime."""
    key = rng.choice(["parameters", "weight_bytes", "bitops", "scratch"])
    path = folder / "study.yaml"
    formulas_of = {rng.choice(["conv", "dense", "add", "pool", "depthwise"]): formula(rng)}
    runtime = {"extends": "ideal", key: {"bytes": formulas_of} if key == "scratch" else formulas_of}
    path.write_text(_yaml({**STUDY, "runtime": runtime}), encoding="utf-8")
    if rng.random() < 0.3:
        return ("solve", str(path), "--time-limit", "5", "--no-baselines", "--out", str(folder / "out"))
    return (rng.choice(["check", "show"]), str(path))


def design(sound: Sound, folder: Path, rng: Random) -> Words:
    """Designs: verified, exported, scored."""
    path = folder / "design.json"
    path.write_text(json.dumps(change_data(sound.design_data, rng, 3)), encoding="utf-8")
    formats = ("csv", "c", "json", "litert", "max78000", "pytorch")
    words = [("verify", str(path)), ("score", str(path))]
    words += [("export", str(path), "--format", name, "--out", str(folder / "exported")) for name in formats]
    return rng.choice(words)


def mcunet(sound: Sound, folder: Path, rng: Random) -> Words:
    """Descriptions of MCUNet."""
    path = folder / "net.json"
    path.write_text(json.dumps(change_data(MCUNET, rng, 3)), encoding="utf-8")
    return ("import", str(path), "--out", str(folder / "net.yaml"))


def onnx(sound: Sound, folder: Path, rng: Random) -> Words:
    """ONNX models: attributes, shapes, names and operators of the graph, or bytes of the file."""
    path = folder / "net.onnx"
    written = rng.choice([lambda: sound.onnx, *sound_models.onnx_files().values()])()
    path.write_bytes(change_bytes(written, rng) if rng.random() < 0.5 else _change_onnx(written, rng))
    return ("import", str(path), "--out", str(folder / "net.yaml"))


def tflite(sound: Sound, folder: Path, rng: Random) -> Words:
    """TFLite models: words of the file, which are offsets, numbers and enumerations."""
    path = folder / "net.tflite"
    written = rng.choice([lambda: sound.tflite, *sound_models.tflite_files().values()])()
    path.write_bytes(change_bytes(written, rng))
    return ("import", str(path), "--out", str(folder / "net.yaml"))


def features(sound: Sound, folder: Path, rng: Random) -> Words:
    """Tables of features and results."""
    one, other = folder / "features.csv", folder / "results.csv"
    both = list(sound.tables)
    number = rng.randrange(2)
    both[number] = rng.choice([change_lines, change_numbers])(both[number], rng)
    one.write_text(both[0], encoding="utf-8")
    other.write_text(both[1], encoding="utf-8")
    if rng.random() < 0.5:
        return ("correlate", str(one), str(other), "--resamples", "100", "--out", str(folder / "out"))
    return ("fit", str(one), str(other), "--out", str(folder / "objective.yaml"))


def journal(sound: Sound, folder: Path, rng: Random) -> Words:
    """Saved states of runs."""
    state = sound.journal
    run = folder / "run"
    (run / "state").mkdir(parents=True, exist_ok=True)
    chosen, as_bytes = rng.choice(sorted(state)), rng.random() < 0.3
    for name, content in state.items():
        change = (lambda _, read, at: change_bytes(read, at)) if as_bytes else _change_state
        (run / "state" / name).write_bytes(change(name, content, rng) if name == chosen else content)
    return ("resume", str(run))


def _change_state(name: str, content: bytes, rng: Random) -> bytes:
    if name.endswith(".jsonl"):
        return change_json_lines(content.decode(), rng).encode()
    return json.dumps(change_data(json.loads(content), rng)).encode()


def weights(sound: Sound, folder: Path, rng: Random) -> Words:
    """Arrays of weights."""
    path = folder / "weights.npz"
    arrays: dict[str, Any] = {}
    for op in sound.design.network().weighted_ops:
        source, groups = op.inputs[0].channels, op.output.channels if op.kind is OpKind.DEPTHWISE else 1
        sides = 2 if op.kind is OpKind.DENSE else 4
        arrays[op.name] = np.ones((op.output.channels, source // groups, *op.window)[:sides], "f4")
    for name in rng.sample(sorted(arrays), rng.randint(0, 2)):
        changed = [arrays[name].astype(kind) for kind in ("i8", "U3", "c8", "O", "?")]
        changed += [arrays[name] * np.nan, arrays[name] * 1e30, arrays[name][:0], arrays[name][None], arrays[name].ravel()]
        arrays[name] = rng.choice(changed)
    out = io.BytesIO()
    np.savez(out, **arrays)
    path.write_bytes(change_bytes(out.getvalue(), rng) if rng.random() < 0.5 else out.getvalue())
    design_path = folder / "design.json"
    sound.design.save(design_path)
    return ("export", str(design_path), "--format", "c", "--weights", str(path), "--out", str(folder / "exported"))


def images(sound: Sound, folder: Path, rng: Random) -> Words:
    """Pictures and arrays of them."""
    data = folder / "data"
    (data / "one").mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    np.save(out, rng.choice([np.zeros((16, 16, 3), "u1"), np.zeros((2, 16, 16, 3), "f4"), np.full((3,), np.nan), np.array(["x"])]))
    name = rng.choice(["a.npy", "one/a.npy", "a.png", "a.npz", "one/a.png"])
    (data / name).write_bytes(change_bytes(out.getvalue(), rng) if rng.random() < 0.7 else out.getvalue())
    design_path = folder / "design.json"
    sound.design.save(design_path)
    return ("export", str(design_path), "--format", "c", "--data", str(data), "--out", str(folder / "exported"))


def boxes(sound: Sound, folder: Path, rng: Random) -> Words:
    """Boxes of pictures, in lines of words, in cells, or in bytes; both verbs that learn from them or judge by them."""
    design_path, data = folder / "design.json", folder / "data"
    design_path.write_bytes(sound.detecting)
    changed = rng.randrange(3)
    for number, (name, pictures) in enumerate((("train", "WIDER_train"), ("val", "WIDER_val"))):
        for line in BOXES.splitlines():
            if line.endswith(".png"):
                path = data / pictures / "images" / line
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (16, 16), 100).save(path)
        written = BOXES.encode() if changed == number else _change_boxes(rng)
        (data / f"wider_face_{name}_bbx_gt.txt").write_bytes(written)
    if rng.random() < 0.5:
        return ("evaluate", str(design_path), "--data", str(data), "--weights", str(folder / "none.npz"))
    return (
        "train",
        str(design_path),
        "--data",
        str(data),
        "--epochs",
        "1",
        "--batch",
        "2",
        "--quiet",
        "--out",
        str(folder / "out"),
    )


def _change_boxes(rng: Random) -> bytes:
    if rng.random() < 0.3:
        return change_bytes(BOXES.encode(), rng)
    lines = change_data([line.split() for line in BOXES.splitlines()], rng, 4)
    return "".join(f"{' '.join(map(str, line)) if isinstance(line, list) else line}\n" for line in lines).encode("utf-8", "replace")


KINDS: Mapping[str, Maker] = {
    "studies": study,
    "studies, solved": solved_study,
    "YAML texts": yaml_text,
    "formulas": formulas,
    "designs": design,
    "MCUNet": mcunet,
    "ONNX": onnx,
    "TFLite": tflite,
    "CSV": features,
    "journals": journal,
    "weights": weights,
    "images": images,
    "boxes": boxes,
}


def _yaml(data: Any) -> str:
    out = io.StringIO()
    YAML(typ="safe", pure=True).dump(data, out)
    return out.getvalue()


def _change_onnx(written: bytes, rng: Random) -> bytes:
    model = __import__("onnx").load_from_string(written)
    for _ in range(rng.randint(1, 3)):
        graph = model.graph
        if not graph.node:
            break
        node = rng.choice(graph.node)
        match rng.randrange(7):
            case 0:
                graph.node.remove(node)
            case 1:
                node.op_type = rng.choice(OPERATORS)
            case 2 if node.attribute:
                attribute = rng.choice(node.attribute)
                attribute.ints[:] = [rng.choice([-1, 0, 1, 3, 2**31, 2**62]) for _ in range(rng.randint(0, 5))]
            case 3 if node.input:
                node.input[rng.randrange(len(node.input))] = rng.choice(["", "nothing", *(t.name for t in graph.initializer)])
            case 4 if graph.initializer:
                tensor = rng.choice(graph.initializer)
                tensor.dims[:] = [rng.choice([-1, 0, 1, 3, 2**31, 2**62]) for _ in range(rng.randint(0, 5))]
            case 5 if graph.initializer:
                rng.choice(graph.initializer).data_type = rng.randrange(25)
            case _:
                dims = graph.input[0].type.tensor_type.shape.dim
                if dims:
                    rng.choice(dims).dim_value = rng.choice([-1, 0, 1, 7, 2**31, 2**62])
    return model.SerializeToString()
