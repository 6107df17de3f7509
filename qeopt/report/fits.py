"""The report on a learnt objective, and its file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from qeopt.files import write_atomically
from qeopt.report.judgement import predictor_worth
from qeopt.report.tables import rows_table
from qeopt.score.fitted import Fitted
from qeopt.score.terms import split
from qeopt.verbs.fit import Fit

FORMAT = "qeopt.fit/1"


def print_fit(console: Console, found: Fit) -> None:
    """What each term is worth, and what the whole is worth as a judge of unseen structures."""
    objective = found.objective
    rows = []
    for name, worth in found.worth.items():
        interval = f"[{worth.low:.3g}, {worth.high:.3g}]"
        rows.append(
            (name, f"{objective.coefficients.get(name, 0.0):.4g}", interval, f"{found.effect[name]:+.2f}", split(name)[0].meaning)
        )
    console.print(
        rows_table(
            {"term": "left", "worth": "right", "95 %": "right", "points by its spread": "right", "one of it is": "left"}, rows
        )
    )
    console.print()
    if objective.evidence is not None:
        console.print(f"{predictor_worth(objective.evidence)}; difference {objective.evidence.gain}", soft_wrap=True)
        if not objective.evidence.beats_macs:
            console.print(
                "it does not beat MACs alone beyond the interval: more designs, or other terms, would be needed", soft_wrap=True
            )
    others = ", ".join(f"{name} {worth}" for name, worth in found.rivals.items())
    console.print(f"alone, each in the direction that suits these designs: {others}", soft_wrap=True)
    if found.within_depth is not None:
        console.print(f"among designs of equal depth: {found.within_depth}")
    console.print(f"predictions of unseen structures miss by {found.error:.2f} points (root mean square)")


def fit_document(found: Fit) -> dict[str, Any]:
    """Everything as one JSON document; the same tables give the same one."""
    return {
        "format": FORMAT,
        "objective": found.objective.model_dump(mode="json"),
        "beats_macs": found.objective.evidence is not None and found.objective.evidence.beats_macs,
        "strength": found.strength,
        "terms": {name: {**asdict(worth), "effect": found.effect[name]} for name, worth in found.worth.items()},
        "alone": {name: asdict(worth) for name, worth in found.rivals.items()},
        "within_depth": None if found.within_depth is None else asdict(found.within_depth),
        "error": found.error,
        "predictions": {
            one.design: {"predicted": float(predicted), "measured": one.accuracy}
            for one, predicted in zip(found.data.designs, found.predictions.tolist(), strict=True)
        },
    }


def objective_text(objective: Fitted) -> str:
    """The file of a learnt objective, which a study names as `objective: FILE`."""
    lines = ["# A learnt objective: `objective: FILE` in a study makes the search maximise it. See docs/learning.md."]
    if objective.evidence is not None:
        lines.append(f"# It is {predictor_worth(objective.evidence)}.")
        if not objective.evidence.beats_macs:
            lines.append("# It does not beat MACs alone: do not expect more of its optimum than of the largest network that fits.")
    lines += ["kind: fitted", f"unit: {objective.unit}", f"intercept: {json.dumps(objective.intercept)}"]
    data = objective.model_dump(mode="json")
    for key in ("coefficients", "evidence", "limits"):
        lines.append(f"{key}:")
        lines += [f"  {name}: {json.dumps(value)}" for name, value in (data[key] or {}).items()]
    return "\n".join(lines) + "\n"


def write_objective(path: Path, objective: Fitted) -> None:
    """Write the file of a learnt objective whole or not at all."""
    write_atomically(path, objective_text(objective))
