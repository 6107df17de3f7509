"""Evaluate the certificate over a space once more, and set what is claimed of the space against it."""

from __future__ import annotations

from qeopt.design.build import why_no_bound
from qeopt.design.model import Design, SpaceCertificate
from qeopt.design.verify.consistency import same
from qeopt.qbr import PROVER, Refiner
from qeopt.relaxation.bound import best_bits, bound_of, recheck
from qeopt.relaxation.cells.left_out import left_out
from qeopt.relaxation.cells.overhead import Overhead
from qeopt.space import Space
from qeopt.space.restrict import Where, covers, restricted
from qeopt.study import Study


def space_bound(design: Design, study: Study) -> float | None:
    """What the design's certificate proves over its whole space; None where there is none, or checking it would take too long."""
    if design.space_certificate is None or study.space is None:
        return None
    return evaluated(design.space_certificate, study.space, study, study.refiner)


def evaluated(certificate: SpaceCertificate, space: Space, study: Study, refiner: Refiner) -> float | None:
    """What a certificate proves under some terms; None where checking it would take too long."""
    proven = []
    for part in certificate.parts:
        if not _is_part(space, part.where):  # told by `certificate_faults`
            return None
        inner = restricted(space, part.where)
        if part.exact and inner.size == 1:
            value = bound_of(best_bits(inner, study.task, refiner, inner.smallest(), PROVER))
        else:
            value = recheck(inner, study.task, refiner, part.prices, Overhead(part.at_least, part.at_most))
        if value is None:
            return None
        proven.append(value)
    return max(proven)


def space_faults(design: Design, study: Study, proven: float | None) -> list[str]:
    """Set the claimed bound over the space against what its certificate proves."""
    certificate = design.space_certificate
    if design.bound is None and design.no_bound not in {"", why_no_bound(study)}:
        return [f"no_bound: nothing in the study says {design.no_bound!r}"]
    if design.bound is not None and design.no_bound:
        return [f"no_bound: the design says {design.no_bound!r}, and has a bound"]
    if (design.bound is None) != (certificate is None):
        return ["space: a bound and the certificate that proves it come together or not at all"]
    if certificate is None or design.bound is None:
        return []
    if study.open_space is None:
        return ["space: the study has none, so there is nothing that a certificate could be about"]
    found = certificate_faults("space", certificate, study.open_space, study.refiner)
    if reason := why_no_bound(study):
        found.append(f"space: the study has no bound ({reason}), and this design has one")
    if proven is not None and proven > design.bound and not same(proven, design.bound):
        found.append(f"space: said that nothing scores above {design.bound}, but the certificate proves {proven} only")
    return found


def certificate_faults(where: str, certificate: SpaceCertificate, space: Space, refiner: Refiner) -> list[str]:
    """Designs that a certificate leaves out, and rules that it does not own up to leaving out."""
    found = [] if is_whole(certificate, space) else [f"{where}: the parts of the certificate leave designs out"]
    relaxed = left_out(refiner)
    found += [f"{where}: the bound leaves out {rule}, and does not say so" for rule in relaxed if rule not in certificate.left_out]
    return found + [f"{where}: the bound does not leave out {rule!r}" for rule in certificate.left_out if rule not in relaxed]


def is_whole(certificate: SpaceCertificate, space: Space) -> bool:
    """Whether every design is in some part.

    Parts are ranges that follow each other from nothing to any amount, or values of genes that the space has, at any amount.
    """
    if any(part.where for part in certificate.parts):
        at_any = all(part.at_least == 0 and part.at_most is None for part in certificate.parts)
        wheres = [part.where for part in certificate.parts]
        return at_any and all(_is_part(space, where) for where in wheres) and covers(space, wheres)
    begins = [part.at_least for part in certificate.parts]
    ends = [part.at_most for part in certificate.parts]
    inner = [end for end in ends[:-1] if end is not None]
    return begins[0] == 0 and ends[-1] is None and len(inner) == len(ends) - 1 and begins[1:] == [end + 1 for end in inner]


def _is_part(space: Space, where: Where) -> bool:
    try:
        restricted(space, where)
    except ValueError:
        return False
    return True
