"""How a search went: what it proved after how many structures, and how few of them needed an exact solve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qeopt.escape import line
from qeopt.report.pictures.picture import SERIES, Picture, colours, data, field, tips
from qeopt.report.words import gap as gap_words
from qeopt.score.gap import relative_gap

HEIGHT = 200
NAMES = {"study": "this study", "eight_bits": "with 8 bits", "tied": "with tied bits"}
Round = Mapping[str, Any]
"""A row of the history in a run record."""


def convergence_pictures(history: Sequence[Round]) -> list[Picture]:
    """The best score and the bound over time, and what became of the structures that were looked at."""
    told = [row for row in history if row.get("best_score") is not None]
    if not told:
        return []
    return [_scores(told), _funnel(told)] if _moved(told) else [_funnel(told)]


def _moved(told: Sequence[Round]) -> bool:
    """Whether anything changed after the first round of a search: a line that never moves shows nothing."""
    seen: dict[str, set[tuple[float, float | None]]] = {}
    for row in told:
        seen.setdefault(str(row["search"]), set()).add((row["best_score"], row["bound"]))
    return any(len(values) > 1 for values in seen.values())


def _scores(told: Sequence[Round]) -> Picture:
    """Best scores as steps, bounds above them, over the time of each search."""
    searches = list(dict.fromkeys(str(row["search"]) for row in told))
    rows = [row for search in searches for row in _lines(search, [one for one in told if one["search"] == search])]
    palette = dict(zip((NAMES.get(search, line(search)) for search in searches), SERIES, strict=False))
    shared = {
        "x": field("seconds", "seconds", scale={"zero": True}),
        "y": field("value", "score", scale={"zero": False, "padding": 12}),
        "color": colours("search", palette),
        "strokeDash": {
            "field": "kind",
            "type": "nominal",
            "scale": {"domain": ["best found", "no design exceeds"], "range": [[1, 0], [5, 4]]},
            "legend": {"title": None, "orient": "top", "symbolType": "stroke"},
        },
    }
    drawn = {"mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.8}, "encoding": shared}
    dots = {
        "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
        "encoding": {
            **{name: shared[name] for name in ("x", "y", "color")},
            "tooltip": tips(search="search", kind="", said="score", seconds="seconds", evaluations="structures", gap="gap"),
        },
    }
    title = _title(_of_first(told))
    return Picture(
        "convergence",
        title,
        f"Lines of the best score found and of the proven bound over seconds, for {len(searches)} searches. {title}.",
        {"height": HEIGHT, "data": data(rows), "layer": [drawn, dots]},
    )


def _lines(search: str, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    found = []
    for row in rounds:
        shared = {
            "search": NAMES.get(search, line(search)),
            "seconds": round(row["seconds"], 3),
            "evaluations": f"{row['evaluations']:,}",
        }
        shared["gap"] = _gap(row)
        for kind, value in (("best found", row["best_score"]), ("no design exceeds", row["bound"])):
            if value is not None:
                found.append({**shared, "kind": kind, "value": value, "said": f"{value:.4f}"})
    return found


def _gap(row: Round) -> str:
    if row["bound"] is None:
        return "no bound known"
    return gap_words(relative_gap(row["best_score"], row["bound"]))


def _title(rounds: Sequence[Round]) -> str:
    """What a search came to."""
    last = rounds[-1]
    first = next(row for row in rounds if row["best_score"] == last["best_score"])
    after = f"{last['evaluations']:,} structures in {last['seconds']:.1f} s"
    proven = (
        "without a bound"
        if last["bound"] is None
        else f"within {_gap(last)} of what is possible"
        if _gap(last) != "0 %"
        else "proven best"
    )
    found = f"found among the first {first['evaluations']:,}" if first is not last else "found last"
    return f"{last['best_score']:.4f}, {proven}, after {after}; {found}"


def _of_first(told: Sequence[Round]) -> list[Round]:
    return [row for row in told if row["search"] == told[0]["search"]]


def _funnel(told: Sequence[Round]) -> Picture:
    """How many structures were looked at, could fit, and were solved exactly, by search."""
    ends = {str(row["search"]): row for row in told}
    kinds = {"evaluations": "looked at", "feasible": "may fit", "refined": "solved exactly"}
    rows = [
        {"search": NAMES.get(search, line(search)), "kind": kind, "number": max(row[key], 1), "said": f"{row[key]:,}"}
        for search, row in ends.items()
        for key, kind in kinds.items()
    ]
    palette = dict(zip((NAMES.get(search, line(search)) for search in ends), SERIES, strict=False))
    y = {"field": "kind", "type": "nominal", "sort": list(kinds.values()), "title": None, "axis": {"ticks": False, "domain": False}}
    offset = {"yOffset": {"field": "search", "type": "nominal", "sort": None}}
    x = field("number", "structures", scale={"type": "log", "domainMin": 0.7})
    bars = {
        "mark": {"type": "bar"},
        "encoding": {
            "y": y,
            **offset,
            "x": x,
            "x2": {"datum": 0.7},
            "color": colours("search", palette),
            "tooltip": tips(search="search", kind="", said="structures"),
        },
    }
    text = {
        "mark": {"type": "text", "align": "left", "dx": 5, "style": "mark-text"},
        "encoding": {"y": y, **offset, "x": x, "text": {"field": "said"}},
    }
    first = next(iter(ends.values()))
    title = (
        f"of {first['evaluations']:,} structures looked at, {first['refined']:,} needed an exact solve; {_title(_of_first(told))}"
    )
    spec = {"height": 18 * len(rows) + 12, "data": data(rows), "layer": [bars, text]}
    return Picture("funnel", title, f"Bars of structures looked at, that may fit, and solved exactly. {title}.", spec)
