"""What greedy and exact bits make of many structures: how much memory they use (table 5, figure of QBR), and where bits go."""

from __future__ import annotations

from collections import Counter
from functools import cache
from statistics import fmean

from markdown import table
from published import facts, mcunet
from tables import memory_row

from qeopt.budgets import FLASH, SRAM
from qeopt.verbs.bits_by_depth import bits_by_depth
from qeopt.verbs.compare import Comparison, compare

STUDIES = (
    "vww_256k",
    "vww_128k",
    "vww_64k",
    "vww_80",
    "vww_256k_any_bits",
    "vww_256k_cmix",
    "vww_256k_fast",
    "imagenet_256k",
    "imagenet_320k",
    "imagenet_512k",
    "wider_face_640",
    "wider_face_480",
    "ad_128k",
    "ic_64k",
    "paper/mcu_256k",
    "paper/mixed_7g",
    "paper/mixed_19g",
)
"""Shipped studies of a space in which budgets make bits a question."""
NO_QUESTION = ("vww_5fps", "kws_150ms")
"""Those where structures fit at 8 bits or not at all."""
GREEDY, EXACT = "paper", "chain"
SAMPLES = 10


@cache
def compared(study: str, samples: int) -> Comparison:
    """Structures drawn from the space of a study, at bits by the paper's rule, by Rusci's and by an exact engine."""
    return compare(study, samples=samples, engines=(GREEDY, "rusci", EXACT))


def table5(*, with_searches: bool = True) -> None:
    """MCUNet's networks for Visual Wake Words, and how much of both memories bits use over 100 structures."""
    rows = [
        [title, memory, flash, accuracy, *memory_row(*mcunet(name))] for title, name, memory, flash, accuracy in facts()["table5"]
    ]
    heads = ["network", "printed SRAM, kB", "printed flash, kB", "accuracy, %"]
    print(table([*heads, "`paper`, KiB", "`paper`, MiB", "`ideal`, KiB", "MACs, M"], rows))
    if with_searches:
        print()
        print(table(["study", "bits by", "answered", "SRAM used", "flash used", "score lost"], utilisation("vww_256k", 100)))


def utilisation(study: str, samples: int) -> list[list[str]]:
    """Mean shares of the budgets that bits of every engine use, over the structures for which all of them found some."""
    found = compared(study, samples)
    limits = found.loaded.value.limits
    whole = [instance for instance in found.instances if all(a.refined.resources is not None for a in instance.answers)]
    rows = []
    for engine in found.engines:
        answers = [answer for instance in whole for answer in instance.answers if answer.engine == engine]
        shares = [
            fmean(answer.refined.resources.used[name] / limits[name] for answer in answers if answer.refined.resources is not None)
            for name in (SRAM.name, FLASH.name)
        ]
        lost = fmean(answer.gap or 0.0 for answer in answers)
        rows.append(
            [
                f"`{study}`",
                f"`{engine}`",
                f"{len(answers)} of {len(found.instances)}",
                *(f"{100 * share:.1f} %" for share in shares),
                f"{100 * lost:.3f} %",
            ]
        )
    return rows


def visualisation(*, with_searches: bool = True) -> None:
    """Where bits go from front to back, greedy beside exact, and of how many networks the paper's claim is true."""
    rows, true, asked = [], Counter[str](), Counter[str]()
    for study in STUDIES if with_searches else ():
        for profile in bits_by_depth(compared(study, SAMPLES)):
            halves = [_half(bits, back=back) for bits in (profile.weights, profile.activations) for back in (False, True)]
            counts = (profile.weights_fall, profile.activations_rise, profile.both)
            rows.append([f"`{study}`", f"`{profile.engine}`", *halves, *(f"{count} of {profile.answered}" for count in counts)])
            true[profile.engine] += profile.both
            asked[profile.engine] += profile.answered
    rows += [["all studies", f"`{engine}`", *[""] * 6, f"{true[engine]} of {asked[engine]}"] for engine in true]
    heads = ["study", "bits by", "weights, front", "weights, back", "inputs, front", "inputs, back"]
    print(table([*heads, "weights fall", "inputs rise", "both"], rows))


def _half(bits: tuple[float | None, ...], *, back: bool) -> str:
    middle = len(bits) // 2
    known = [width for width in (bits[middle:] if back else bits[:middle]) if width is not None]
    return f"{fmean(known):.2f}" if known else "-"
