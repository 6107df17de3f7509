"""The score of one network, for a person and as a document."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from qeopt.report.tables import rows_table
from qeopt.verbs.score import Scored

FORMAT = "qeopt.score/1"


def print_score(console: Console, scored: Scored) -> None:
    """The sum and its terms."""
    rows = (
        (term["op"], str(term["input_bits"]), str(term["weight_bits"]), f"{term['activations']:.6f}", f"{term['weights']:.6f}")
        for term in scored.terms()
    )
    console.print(rows_table({"operator": "left", **dict.fromkeys(("in", "weights", "input term", "weight term"), "right")}, rows))
    console.print(f"constant of the structure: {scored.constant:.6f}")
    console.print(f"score: {scored.score:.6f}")


def score_document(scored: Scored) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        "format": FORMAT,
        "network": scored.network.name,
        "score": scored.score,
        "constant": scored.constant,
        "layers": scored.network.layers,
        "terms": scored.terms(),
    }
