"""Why nothing fits and what would have to give, of one network and of a whole space: in words and as documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from qeopt.budgets import budget, structural
from qeopt.check import Change, why_none_fits
from qeopt.check.words import listed, say_shortage, say_total, spell, title
from qeopt.infeasibility import Least, SpaceMisfit
from qeopt.infeasibility.network import Amounts, Misfit, Relief
from qeopt.report.tables import rows_table
from qeopt.report.words import engines
from qeopt.study import Study

MOST_SHORTAGES = 5
"""Rows that are named in the text; the document has all."""
BOUND = "joint bound"
"""What proves that no structure of a space does with less."""


def print_misfit(console: Console, study: Study, misfit: Misfit) -> None:
    """Say why one network does not fit, and the least by which its budgets must grow."""
    console.print("why it does not fit")
    for text in whys(study, misfit):
        console.print(f"  {text}", soft_wrap=True)
    if misfit.joint is None:
        console.print("  no budget helps: this is about what the runtime executes", soft_wrap=True)
        return
    console.print()
    console.print("the least by which one budget alone must grow for it to fit")
    columns = {"budget": "left", "more": "right", "then": "right", "best score there": "right", "proven by": "left"}
    console.print(rows_table(columns, (_single_cells(study, single) for single in misfit.singles)), "")
    _print_joint(console, study, misfit, misfit.joint)


def print_space_misfit(console: Console, study: Study, found: SpaceMisfit, changes: Sequence[Change]) -> None:
    """Say why no structure of a space fits, and the least by which budgets must grow for some structure to fit."""
    if found.excluded:
        console.print("why no structure of the space fits")
        for finding in why_none_fits(study, found):
            console.print(f"  {finding.text}", soft_wrap=True)
        console.print()
    if not found.singles:
        return
    console.print("the least by which one budget alone must grow for some structure of the space to fit")
    columns = {"budget": "left", "more": "right", "then": "right", "proven by": "left"}
    console.print(rows_table(columns, (_least_cells(study, single) for single in found.singles)), "")
    for change in changes:
        if len(change.amounts) > 1:
            _print_together(console, study, change)
        if not change.with_addresses:
            said = f"with addresses for all buffers it may take more than this: {listed([title(name) for name in change.amounts])}"
            console.print(f"{said}\n", soft_wrap=True)


def why_in_short(found: SpaceMisfit) -> str:
    """Say in a few words why it is proven that no structure fits."""
    if found.floors:
        return f"every one needs more {listed([title(floor.name) for floor in found.floors])} than is allowed"
    if not found.singles:
        return "none has legal bits"
    return "each budget can be met by itself, but not all of them together"


def whys(study: Study, misfit: Misfit) -> Iterator[str]:
    """Say why a network does not fit, a sentence a reason."""
    if not misfit.shortages and not misfit.totals:
        yield misfit.reason
    yield from (say_shortage(study, shortage) for shortage in misfit.shortages[:MOST_SHORTAGES])
    rest = len(misfit.shortages) - MOST_SHORTAGES
    if rest > 0:
        yield f"and {rest} more steps whose memory is over at the fewest legal bits"
    yield from (say_total(study, total) for total in misfit.totals)
    over = {total.name for total in misfit.totals}
    kept = [record.name for record in structural(study.runtime) if record.name in study.limits and record.name not in over]
    if kept:
        yield f"{listed([title(name) for name in kept])} {'are' if len(kept) > 1 else 'is'} within budget"


GROWTH = ("budget", "more", "then", "best score there", "proven by")
"""What is told of the least growth of one budget."""


def network_growth(study: Study, misfit: Misfit) -> Iterator[dict[str, Any]]:
    """By budget, the least by which it alone must grow for one network to fit: texts of a table and the share of the limit."""
    for single in misfit.singles:
        more = dict(single.extra).get(single.names[0], 0) if single.suffices else None
        yield _growth(study, single.names[0], more, dict(zip(GROWTH, _single_cells(study, single), strict=True)))


def space_growth(study: Study, found: SpaceMisfit) -> Iterator[dict[str, Any]]:
    """The same for some structure of a space to fit."""
    names = [name for name in GROWTH if name != "best score there"]
    for single in found.singles:
        more = None if single.amount is None else single.amount - study.limits[single.name]
        yield _growth(study, single.name, more, dict(zip(names, _least_cells(study, single), strict=True)))


def _growth(study: Study, name: str, more: int | None, told: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "share": None if more is None else more / study.limits[name], "told": dict(told)}


def _single_cells(study: Study, single: Relief) -> tuple[str, ...]:
    name = single.names[0]
    provers = engines(single.engines) if single.proven and single.engines else "" if single.proven else "not proven"
    if not single.suffices:
        return title(name), "none suffices", "", "", provers or "other budgets exclude it whatever the bits"
    more = dict(single.extra)[name]
    return (*_growth_cells(study, name, more), _score(study, single), provers)


def _least_cells(study: Study, single: Least) -> tuple[str, ...]:
    if single.amount is None:
        none = "none suffices" if single.proven else "none was found to suffice"
        return title(single.name), none, "", BOUND if single.proven else "not proven"
    more = single.amount - study.limits[single.name]
    return (*_growth_cells(study, single.name, more), BOUND if single.proven else "enough, not proven to be the least")


def _growth_cells(study: Study, name: str, more: int) -> tuple[str, ...]:
    return title(name), f"+{spell(study, name, more)}", spell(study, name, study.limits[name] + more)


def _print_growth(console: Console, study: Study, extra: Iterable[tuple[str, int]]) -> None:
    for name, more in extra:
        _, grown, then = _growth_cells(study, name, more)
        share = 100 * more / study.limits[name]
        console.print(f"  {title(name)} {grown} to {then} ({share:+.1f} %)", soft_wrap=True)


def _print_together(console: Console, study: Study, change: Change) -> None:
    console.print("the least by which budgets together must grow for some structure of the space to fit")
    _print_growth(console, study, _extra(study, change.amounts))
    proof = f"proven by {BOUND}: none can be less while the others stay" if change.proven else "not proven to be the least"
    console.print(f"  {proof}\n", soft_wrap=True)


def _extra(study: Study, amounts: Mapping[str, int]) -> Amounts:
    return tuple((name, amount - study.limits[name]) for name, amount in amounts.items())


def _print_joint(console: Console, study: Study, misfit: Misfit, joint: Relief) -> None:
    console.print("the least by which budgets together must grow for it to fit")
    if not joint.suffices:
        console.print("  no growth of all of them suffices: legal bits contradict each other", soft_wrap=True)
        return
    _print_growth(console, study, joint.extra)
    if joint.steps:
        steps = ", ".join(f"{name} {share:,}{' B' if budget(name).unit.is_memory else ''}" for name, share in misfit.weights)
        console.print(f"  weights: in steps of {steps} together, {joint.steps:,} steps are needed;", soft_wrap=True)
        console.print("  each budget was then taken back to the least that it needs while the others stay", soft_wrap=True)
    proof = f"proven by {engines(joint.engines)}" if joint.proven else "not proven to be the least"
    shown = "nothing else helps: no bits change these totals" if joint.proven and not joint.engines else proof
    console.print(f"  {shown}; score there {_score(study, joint)}", soft_wrap=True)
    if joint.with_addresses:
        console.print(f"  with addresses for all buffers: {_amounts(study, joint.with_addresses)} is enough", soft_wrap=True)


def _score(study: Study, relief: Relief) -> str:
    if relief.refined is not None and relief.refined.score is not None:
        return f"{relief.refined.score:.4f}"
    return f"none laid out; enough: {_amounts(study, relief.with_addresses)}"


def _amounts(study: Study, amounts: Amounts) -> str:
    return ", ".join(f"{title(name)} +{spell(study, name, more)}" for name, more in amounts)


def misfit_document(misfit: Misfit) -> dict[str, Any]:
    """Why one network does not fit, for a JSON document."""
    return {
        "reason": misfit.reason,
        "shortages": [asdict(shortage) for shortage in misfit.shortages],
        "totals": [asdict(total) for total in misfit.totals],
        "singles": [_relief(single) for single in misfit.singles],
        "joint": None if misfit.joint is None else _relief(misfit.joint),
        "weights": dict(misfit.weights),
    }


def _relief(relief: Relief) -> dict[str, Any]:
    return {
        "budgets": list(relief.names),
        "suffices": relief.suffices,
        "more": dict(relief.extra) if relief.suffices else None,
        "steps": relief.steps,
        "proven": relief.proven,
        "engines": list(relief.engines),
        "score": None if relief.refined is None else relief.refined.score,
        "with_addresses": dict(relief.with_addresses),
    }


def space_misfit_document(study: Study, found: SpaceMisfit, changes: Sequence[Change]) -> dict[str, Any]:
    """Why no structure of a space fits, for a JSON document."""
    known = {tuple(change.amounts): _change(study, change) for change in changes}
    useless = {"suffices": False, "more": None, "laid_out": False}
    return {
        "proven": found.excluded,
        "reasons": [finding.text for finding in why_none_fits(study, found)],
        "floors": [{"budget": floor.name, "least": floor.amount, "proven": floor.proven} for floor in found.floors],
        "singles": [
            known.get((single.name,), {"budgets": [single.name], **useless, "proven": single.proven}) for single in found.singles
        ],
        "joint": next((known[names] for names in known if len(names) > 1), None),
    }


def _change(study: Study, change: Change) -> dict[str, Any]:
    return {
        "budgets": list(change.amounts),
        "suffices": True,
        "more": dict(_extra(study, change.amounts)),
        "proven": change.proven,
        "laid_out": change.with_addresses,
    }
