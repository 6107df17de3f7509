"""The finished artefact: its model, how it is built of a finished search, its addresses, its recount and its verification."""

from qeopt.design.model import (
    FORMAT,
    Alternative,
    Baseline,
    BitsProof,
    Certificate,
    CertificatePart,
    Design,
    FileHash,
    Peak,
    Provenance,
    SpaceCertificate,
    VerificationError,
    load_design,
    uses,
    whole,
)

__all__ = [
    "FORMAT",
    "Alternative",
    "Baseline",
    "BitsProof",
    "Certificate",
    "CertificatePart",
    "Design",
    "FileHash",
    "Peak",
    "Provenance",
    "SpaceCertificate",
    "VerificationError",
    "load_design",
    "uses",
    "whole",
]
