"""Ask every room of a budget that is installed from outside; a program of its own, as fields of studies are made on import."""

import json
import sys
from pathlib import Path

from qeopt.budgets import table
from qeopt.check import check_study
from qeopt.design.verify import verify
from qeopt.memory import Budgets
from qeopt.network import weight_count
from qeopt.report.explanation import ExplanationReport
from qeopt.report.solution import SolutionReport
from qeopt.spec.library import Library
from qeopt.study.load import load_study
from qeopt.verbs.explain import explain
from qeopt.verbs.solve import solve
from qeopt.verbs.sweep import sweep

NAME = "weight_reads"
study, folder = sys.argv[1], Path(sys.argv[2])
assert table()[NAME].name in Budgets.model_fields
loaded = load_study(study)
limit = loaded.value.limits[NAME]
solution = solve(study)
assert solution.design is not None
solution.design.save(folder / "design.json")
report = SolutionReport.of(solution, solution.design).document()
checked = verify(folder / "design.json")
explained = ExplanationReport(explain(study, weights={NAME: 1000})).document()
less = limit // 2
swept = sweep(study, {NAME: [less, limit]}, overrides=["search.evaluations=40"])
tight = check_study(load_study(study, overrides=[f"budgets.{NAME}=1"]).value, Library())
certificate = solution.design.space_certificate
network, bits = solution.design.network(), solution.design.bit_widths()
sys.stdout.write(
    json.dumps(
        {
            "limit": limit,
            "use": report["uses"][NAME],
            "most": max(weight_count(op) * bits.of(op)[1] * op.output.height for op in network.weighted_ops),
            "left_out": [] if certificate is None else certificate.left_out,
            "mismatches": checked.mismatches,
            "space_bound": checked.space_bound,
            "bound": solution.design.bound,
            "price": None if certificate is None else certificate.parts[0].prices.get(NAME),
            "explained": [row["name"] for row in explained["budgets"]],
            "priced": list(explained["space"]["prices"]),
            "swept": [
                point.refined.resources.used[NAME] if point.refined and point.refined.resources else None for point in swept.points
            ],
            "limits": [less, limit],
            "checked": [finding.text for finding in tight],
            "about": Budgets.model_fields[NAME].description,
        }
    )
)
