"""The id under which logs and traces know a deployment: the same in every process that carries it out."""

from __future__ import annotations

import hashlib
from uuid import UUID


def derive_trace_id(deployment: str) -> str:
    """Return 32 hexadecimal digits, as W3C Trace Context has them: those of the deployment's own id if it is a UUID."""
    try:
        digits = UUID(deployment).hex
    except ValueError:
        digits = hashlib.sha256(deployment.encode()).hexdigest()[:32]
    return digits if digits.strip("0") else f"{1:032x}"  # all zeros are no id


def derive_root_span_id(deployment: str) -> str:
    """Return the 16 hexadecimal digits of the span to which all others of the deployment belong."""
    return hashlib.sha256(f"deployment {deployment}".encode()).hexdigest()[:16]
