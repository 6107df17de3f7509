"""Where the bound leaves memory out, a search is founded on structures that have a chance to fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qeopt.reading import load_study
from qeopt.search.bound import bound_space
from qeopt.search.founders import within_reach
from qeopt.search.island import Terms
from qeopt.spec.library import Library
from qeopt.spec.load import load_text
from qeopt.study import Study

STUDY = """\
kind: study
task: {{input: [32, 32, 3], classes: 2}}
space:
  blocks:
    - {{kind: conv, name: stem, width: [8, 16], kernel: 3, stride: 2, weight_bits: 8}}
    - {{kind: k1dwk1, name: b1, stride: 2, width: [8, 16, 24, 32], kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2, 3]}}
    - {{kind: k1dwk1, name: b2, stride: 2, width: [16, 32, 48, 64], kernel: [3, 5], ratio: [1.5, 2, 3], units: [1, 2, 3]}}
    - {{kind: classifier}}
runtime: {runtime}
budgets: {{sram: 16 KiB, flash: 64 KiB, layers: 20}}
bits: {{weights: [4, 8], activations: [8]}}
objective: {{kind: qe}}
"""


@pytest.mark.parametrize(("runtime", "leaves_out"), [("tflm", True), ("tinyengine", True), ("ideal", False)])
def test_structures_met_with_less_memory_can_fit(runtime: str, leaves_out: bool) -> None:
    study = load_text(Study, STUDY.format(runtime=runtime), library=Library(), kind="study", name="small").value
    assert study.space is not None
    terms = Terms(study.space, study.task, study.refiner, study.search)
    bound = bound_space(study.space, study.task, study.refiner, tolerance=1e-4, most_walks=20)
    assert bound is not None
    found = within_reach(terms, bound)
    assert bool(found) == leaves_out
    fitting = [s for s in found if study.refiner.refine(study.space.expand(s, study.task)).bits is not None]
    assert bool(fitting) == leaves_out
    assert within_reach(terms, None) == ()
    without = replace(study.refiner, limits=replace(study.limits, sram_bytes=None))
    assert within_reach(replace(terms, refiner=without), bound) == ()


def test_what_is_left_out_is_named() -> None:
    study = load_study("vww_256k", overrides=["runtime=tflm"]).value
    assert study.space is not None
    bound = bound_space(study.space, study.task, study.refiner, tolerance=0.1, most_walks=1)
    assert bound is not None
    assert set(bound.left_out) == {"memory that operators elsewhere hold for good", "addresses of buffers"}
