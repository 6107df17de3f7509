"""Networks from files that end in a softmax, or give it beside what it ranks, are trained and marked as those without."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper

from qeopt.design import Design
from qeopt.export import export
from qeopt.export.design_export import at_eight_bits
from qeopt.export.exporter import configured
from qeopt.training.data.dataset import Dataset, Split
from qeopt.training.evaluation import score_onnx, score_reference
from qeopt.training.model_files import score_file
from qeopt.training.recipe import Recipe
from qeopt.training.sensitivity.trials import by_trial
from qeopt.training.train import train

onnxruntime = pytest.importorskip("onnxruntime")
sys.path[:0] = [str(Path(__file__).parents[1] / "network" / "importers")]
from onnx_author import Author  # type: ignore[import-not-found]

ENDS = [("told",), ("classifier", "told"), ("classifier",)]


def model(path: Path, ends: tuple[str, ...], seen: Split, steep: float = 1.0) -> Path:
    """Three classes, none of which is usual of the images; `steep` makes values further apart."""
    net = Author((1, 8, 8), batch=1)
    logits = net.classifier(net.conv(net.conv("image", 8, 3, 2), 16, bn=False, name="last"), 3)
    session = onnxruntime.InferenceSession(net.model(logits).SerializeToString(), providers=["CPUExecutionProvider"])
    images = (seen.pixels / 255).astype(np.float32)
    means = np.mean([session.run(None, {"image": image[None]})[0][0] for image in images], axis=0)
    for held in net.constants:
        if held.name.startswith("classifier"):
            values = numpy_helper.to_array(held) - (means if held.name.endswith("bias") else np.float32(0))
            held.CopyFrom(numpy_helper.from_array(values * np.float32(steep), held.name))
    told = net.node("Softmax", [logits], name="told", axis=1)
    return Path(net.save(path, *({"told": told, "classifier": logits}[end] for end in ends)))


def design_of(path: Path) -> Design:
    found = at_eight_bits(path, configured("onnx-qdq", {})).solution.design
    assert found is not None
    return found


@pytest.mark.parametrize("ends", ENDS, ids=" ".join)
def test_both_runtimes_mark_them_alike(ends: tuple[str, ...], data: Dataset, tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", ends, data.test)
    design = design_of(path)
    wanted = score_reference(design, path, data.test)
    assert len(set(wanted.picks.tolist())) > 1
    assert np.array_equal(score_onnx(design, path, data.test).picks, wanted.picks)
    assert np.mean(score_file(path, data.test, 3).picks == wanted.picks) > 0.9


def test_a_softmax_of_few_bits_contradicts_nothing(data: Dataset, tmp_path: Path) -> None:
    """Shares so close to each other, or so far from each other, that integers of 8 bits hold them to be the same."""
    for steep in (1e-3, 30.0):
        path = model(tmp_path / "m.onnx", ("classifier", "told"), data.test, steep)
        (made,) = export(design_of(path), "onnx-qdq", tmp_path / "q.onnx", {"weights": str(path)})
        plain = model(tmp_path / "plain.onnx", ("classifier",), data.test, steep)
        assert np.array_equal(score_file(made, data.test, 3).picks, score_reference(design_of(plain), plain, data.test).picks)


def test_losses_by_trial_are_of_what_a_softmax_reads(data: Dataset, tmp_path: Path) -> None:
    images = Split(data.test.pixels[:12], data.test.labels[:12])

    def table(ends: tuple[str, ...]) -> list[tuple[str, int, float]]:
        path = model(tmp_path / "m.onnx", ends, data.test)
        found = by_trial("loss", design_of(path), path, images, (2, 8), (4, 8))
        return [(loss.choice.label, loss.bits, loss.measured) for loss in found]

    plain = table(("classifier",))
    assert any(loss > 0 for *_, loss in plain)
    assert table(("classifier", "told")) == plain
    assert table(("told",)) == plain


@pytest.mark.slow
def test_losses_by_curvature_are_of_what_a_softmax_reads(data: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from qeopt.training.sensitivity.curvature import by_curvature  # noqa: PLC0415 - needs PyTorch

    images = Split(data.test.pixels[:6], data.test.labels[:6])

    def table(ends: tuple[str, ...]) -> list[Any]:
        path = model(tmp_path / "m.onnx", ends, data.test)
        return [loss.measured for loss in by_curvature("fisher", design_of(path), path, images, (2, 8), (4, 8))]

    assert table(("classifier", "told")) == table(("classifier",))


@pytest.mark.slow
@pytest.mark.parametrize("ends", ENDS[:2], ids=" ".join)
def test_they_learn(ends: tuple[str, ...], data: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("torch").set_num_threads(1)
    design = design_of(model(tmp_path / "m.onnx", ends, data.test))
    found = train(design, "tiny", data, Recipe(epochs=12, batch=20, rate=1e-2), tmp_path / "run")
    assert found is not None
    assert found.accuracy > 0.8
    assert abs(found.accuracy - found.simulated.accuracy) <= 2 / 60 + 1e-9
    assert abs(found.accuracy - found.onnxruntime.accuracy) <= 1 / 60 + 1e-9
