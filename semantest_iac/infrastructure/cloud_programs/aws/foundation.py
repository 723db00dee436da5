"""How long names may be on AWS, in characters (source: the service models of botocore)."""

from __future__ import annotations

_MAX_NAME_LENGTHS = {
    "alarm": 255,
    "api": 128,
    "function": 64,
    "role": 64,
    "secret": 505,  # 512 less the hyphen and six characters that AWS appends to the ARN
    "security group": 255,
    "statement": 100,
    "table": 255,
    "tag": 256,
    "topic": 256,
}


def max_name_length(kind: str) -> int:
    """The most characters that a name of this kind may have."""
    return _MAX_NAME_LENGTHS[kind]
