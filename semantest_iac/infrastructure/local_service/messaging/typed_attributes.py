"""The attributes of messages as SQS and SNS write them, with their types, and the digests that clients compare."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

from semantest_iac.domain.messaging.message_filters import AttributeValue

MOST_MESSAGE_ATTRIBUTES = 10
_TRANSPORT_TYPES = {"String": 1, "Number": 1}


def parse_typed_attributes(written: Mapping[str, Mapping[str, Any]]) -> dict[str, AttributeValue]:
    """Return the values by name; raises ValueError for types that are not simulated and for no number."""
    if len(written) > MOST_MESSAGE_ATTRIBUTES:
        raise ValueError(f"Number of message attributes [{len(written)}] exceeds the allowed maximum [10].")
    return {name: _parse_typed_value(name, value) for name, value in written.items()}


def _parse_typed_value(name: str, written: Mapping[str, Any]) -> AttributeValue:
    kind = str(written.get("DataType", "")).partition(".")[0]
    text = written.get("StringValue")
    if kind not in _TRANSPORT_TYPES:
        raise ValueError(f"The attribute '{name}' has the type '{kind}'; texts (String) and numbers are simulated.")
    if not isinstance(text, str) or not text:
        raise ValueError(f"Message (user) attribute '{name}' must contain a non-empty value of type 'String'.")
    if kind == "String":
        return text
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"Can't cast the value of message (user) attribute '{name}' to a number.") from error


def describe_typed_attributes(attributes: Mapping[str, AttributeValue]) -> dict[str, dict[str, str]]:
    """Return the attributes with their types, as receivers get them."""
    return {
        name: {"DataType": "String" if isinstance(value, str) else "Number", "StringValue": str(value)}
        for name, value in attributes.items()
    }


def compute_body_digest(body: str) -> str:
    """Return the digest of a body that clients compare."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def compute_attributes_digest(typed: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the digest of attributes that clients compare. Source: SQS' guide, MD5 of message attributes."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(typed):
        kind, text = str(typed[name]["DataType"]), str(typed[name].get("StringValue", ""))
        for part in (name, kind):
            digest.update(struct.pack("!I", len(part.encode())) + part.encode())
        digest.update(bytes([_TRANSPORT_TYPES.get(kind.partition(".")[0], 1)]))
        digest.update(struct.pack("!I", len(text.encode())) + text.encode())
    return digest.hexdigest()
