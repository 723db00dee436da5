"""Recognizes values that are secrets by their name or form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

SECRET_TEXT: Final = "[secret]"  # noqa: S105  # what is shown for one
SETTING_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
"""`${secrets.name}` or `${env.NAME}` in a written value."""
_SECRET_KEY = re.compile(
    r"(?<!public)(?<!public_)(password|passwd|passphrase|secret|token|pepper|credentials?|_key|apikey|connection_string)"
    r"(_?\d+|_(base64|b64|hex|pem|value))?$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"""
    ^[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@    # a URL with a password
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | \b(AKIA|ASIA)[0-9A-Z]{16}\b              # an access key
    | \bgh[pousr]_[A-Za-z0-9]{20}               # GitHub
    | \bxox[abprs]-[A-Za-z0-9-]{10}             # Slack
    | ^https://hooks\.slack\.com/services/
    | \bsk[-_](live_|proj-)?[A-Za-z0-9]{20}     # Stripe, OpenAI
    | \beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.            # JSON web token
    | \b(AccountKey|SharedAccessKey|Password)=[^;\s]+
    """,
    re.VERBOSE,
)
_PROPERTY_NAME = re.compile(
    r"(password|passwd|passphrase|secret|secretString|secretStringWo|secretBinary|token|credentials?|connectionString"
    r"|apiKey|(access|account|admin|private|primary|secondary|shared|master|signing|instrumentation|subscription)Key)"
    r"s?$",
    re.IGNORECASE,
)


def looks_secret(name: str, value: str) -> bool:
    """Whether a written value is a secret by its name or form."""
    if not value or SETTING_REFERENCE.search(value):
        return False
    return bool(_SECRET_KEY.search(name) or _SECRET_VALUE.search(value))


def hide_secrets(value: Any, name: str = "") -> Any:
    """Return the settings with `[secret]` for each written value that is a secret by its name or form."""
    if isinstance(value, Mapping):
        return {inner_name: hide_secrets(inner, str(inner_name)) for inner_name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [hide_secrets(inner) for inner in value]
    return SECRET_TEXT if isinstance(value, str) and looks_secret(name, value) else value


def is_secret_property(name: str) -> bool:
    """Whether a cloud's property of this name holds a secret, such as `adminPassword` or `primaryKey`."""
    return "_" not in name and bool(_PROPERTY_NAME.search(name))
