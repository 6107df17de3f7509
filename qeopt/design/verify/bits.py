"""Set what is claimed of bits, by several engines, against a recount of those bits and a new proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from qeopt.design.claims import Claim
from qeopt.design.model import Certificate
from qeopt.design.verify.consistency import gap_faults, same
from qeopt.network import Network
from qeopt.qbr import PROVER, Compiled, Refined
from qeopt.qbr.answers import TIGHTENED
from qeopt_solvers import Status
from qeopt_solvers.recount import value as recounted


def bits_faults(claim: Claim, network: Network, proof: Refined) -> list[str]:
    """What does not hold of the bits of one design: set against a recount, against each other, and against `proof`."""
    bits = claim.said.bits
    compiled = claim.refiner.compile(network)
    found = [*_certificates(claim), *gap_faults("bits.", claim.said.score, bits.bound, bits.gap)]
    if not same(bits.value, claim.said.score):
        found.append(f"bits.value: the design says {bits.value}, its score is {claim.said.score}")
    if isinstance(compiled, Compiled):
        found += _agreement(claim, compiled)
    return [*found, *_against(claim, proof)]


def _certificates(claim: Claim) -> Iterator[str]:
    """Certificates that are missing, doubled or invented, or that contradict themselves."""
    found = Counter(certificate.engine for certificate in claim.said.bits.certificates)
    known = claim.provers | {claim.refiner.settings.scout}
    for engine in sorted(claim.provers - found.keys()):
        yield f"bits: the certificate of {engine} is missing"
    for engine, times in found.items():
        if times > 1:
            yield f"bits: there are {times} certificates of {engine}"
        claims = any(one.status is not Status.FEASIBLE for one in claim.said.bits.certificates if one.engine == engine)
        if engine not in known and claims:  # a rule that proves nothing claims nothing but its bits
            yield f"bits: there is a certificate of {engine!r}, which this study does not ask"
    for certificate in claim.said.bits.certificates:
        fault = _contradiction(certificate)
        if fault:
            yield f"bits: the certificate of {certificate.engine} {fault}"


def _contradiction(certificate: Certificate) -> str:
    """How a certificate contradicts itself."""
    status, value, bound = certificate.status, certificate.value, certificate.bound
    if status is Status.INFEASIBLE:
        return "says that no bits fit, and here are some"
    if (value is None) != (status is Status.UNKNOWN):
        return f"is {status.value} with the value {value}"
    if status is Status.OPTIMAL and value != bound:
        return f"is optimal with the value {value} and the bound {bound}"
    if value is not None and bound is not None and value > bound:
        return f"has the value {value} above its bound {bound}"
    return ""


def _agreement(claim: Claim, compiled: Compiled) -> Iterator[str]:
    """Set status, engine, bound and note of the bits against the certificates beside them."""
    said, picks = claim.said.bits, compiled.picks(claim.bits)
    if picks is None:  # told by the recount
        return
    value = recounted(compiled.problem, picks)
    own = next((found for found in said.certificates if found.engine == said.engine), None)
    if own is None:
        yield f"bits: said to be chosen by {said.engine!r}, which has no certificate"
    elif own.value != value:
        yield f"bits: the certificate of {own.engine} says {own.value}, these bits are worth {value}"
    proven = any(found.status is Status.OPTIMAL and found.value == value for found in said.certificates)
    status = Status.OPTIMAL if proven else Status.FEASIBLE
    if said.status is not status:
        yield f"bits.status: the design says {said.status.value}, its certificates {status.value}"
    bounds = [compiled.bound_nats(found.bound) for found in said.certificates if found.bound is not None]
    expected = claim.said.score if proven else min(bounds, default=None)
    if (said.bound is None) != (expected is None) or not same(said.bound or 0.0, expected or 0.0):
        yield f"bits.bound: the design says {said.bound}, its certificates give {expected}"
    if said.note not in {"", compiled.note, "" if proven else TIGHTENED}:
        yield f"bits.note: nothing proven says {said.note!r}"


def _against(claim: Claim, proof: Refined) -> list[str]:
    """Set the claimed status, bound and certificates of the bits against a new proof."""
    if proof.status is Status.INFEASIBLE:
        return [f"bits: {PROVER} proves that no bits fit: {proof.reason}"]
    if proof.status is not Status.OPTIMAL or proof.outcome is None or proof.outcome.value is None or proof.score is None:
        return []
    said, found, proven = claim.said, [], proof.outcome.value
    better = proof.score > said.score and not same(proof.score, said.score)
    if better and said.bits.status is Status.OPTIMAL:
        found.append(f"bits: said to be optimal, but {PROVER} finds bits that score {proof.score} instead of {said.score}")
    bound = said.bits.bound
    if bound is not None and proof.score > bound and not same(proof.score, bound):
        found.append(f"bits: said to score {bound} at most, but {PROVER} finds {proof.score}")
    for certificate in said.bits.certificates:
        is_false = certificate.value is not None and certificate.value > proven
        if is_false or (certificate.status is Status.OPTIMAL and certificate.value != proven):
            found.append(f"bits: the certificate of {certificate.engine} says {certificate.value}, {PROVER} proves {proven}")
        if certificate.bound is not None and certificate.bound < proven:
            found.append(f"bits: the certificate of {certificate.engine} bounds by {certificate.bound}, {PROVER} finds {proven}")
    return found
