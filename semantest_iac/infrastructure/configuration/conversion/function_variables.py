"""What a variable of a function may be in a configuration: plain text, or a reference to a secret."""

from __future__ import annotations

import re

from semantest_iac.domain.environments.names import secret_variable_name
from semantest_iac.domain.security.secret_patterns import looks_secret

_RESERVED = re.compile(r"LAMBDA_|SEMANTEST_")


def name_secret(name: str) -> tuple[str, str]:
    """Return the variable of this machine that holds the secret of a variable, and the reference to it."""
    secret = re.sub(r"_+", "_", re.sub(r"[^a-z0-9_]", "_", name.lower())).strip("_")
    return secret_variable_name(secret), f"${{secrets.{secret}}}"


def is_reserved_name(name: str) -> bool:
    """Whether functions have a variable of this name from the cloud or from this tool."""
    return _RESERVED.match(name) is not None


def is_plain_text(name: str, text: str) -> bool:
    """Whether the value of a variable can be written into a file: it is no secret, and looks like no reference."""
    return "${" not in text and not looks_secret(name, text)
