"""A study with everything it names in place: as YAML that can be solved again, with the file each part came from."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from qeopt.budgets import budget
from qeopt.design.build import resolved
from qeopt.escape import hides, line
from qeopt.memory import Limits
from qeopt.report.solution import sources_document
from qeopt.report.words import amount, place, used_name
from qeopt.spec.load import Loaded
from qeopt.study import Study

FORMAT = "qeopt.study/1"


def limits_document(limits: Limits) -> dict[str, int]:
    """Every limit in force."""
    return dict(limits)


def study_yaml(loaded: Loaded[Study]) -> str:
    """The study as one YAML file; comments say what was read and which limits follow."""
    units = {name: "B" if budget(name).unit.is_memory else "" for name in loaded.value.limits}
    limits = [f"{name} {amount(limit, units[name])}" for name, limit in loaded.value.limits.items()]
    head = [
        *(f"# {line(used_name(file))}: {line(str(place(file.path)))}" for file in loaded.files),
        f"# limits in force: {', '.join(limits) or 'none'}",
    ]
    return "\n".join([*head, dump_yaml({"kind": "study", **resolved(loaded)})])


def study_document(loaded: Loaded[Study]) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        "format": FORMAT,
        "name": loaded.value.name,
        "limits": limits_document(loaded.value.limits),
        "study": dict(resolved(loaded)),
        "sources": sources_document(loaded.files),
    }


def dump_yaml(data: dict[str, Any]) -> str:
    """Plain data as YAML in block style, short lists in one line."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.width = 120
    yaml.allow_unicode = not hides(str(data))
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its annotation knows None alone
    text = io.StringIO()
    yaml.dump(data, text)
    return text.getvalue()
