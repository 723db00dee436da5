"""Validates the names and values of a component's variables; secrets are referenced, never written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from semantest_iac.domain.environments.configuration import parse_secret_reference
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault

VARIABLE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
SECRET_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST_VARIABLE_NAME = 64

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
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
_BY_REFERENCE = "Put the value into a secret and write ${secrets.name} here."


def find_variable_faults(variables: Mapping[str, str], reserved_prefixes: tuple[str, ...]) -> Iterator[Fault]:
    """Yield every fault at the name of its variable; no message shows a value."""
    for name, value in variables.items():
        at = make_printable(name)
        yield from filter(None, (_find_name_fault(at, name, reserved_prefixes), _find_reference_fault(at, value)))
        if looks_secret(name, value):
            yield Fault(at, "a plain value that looks like a secret", _BY_REFERENCE)


def looks_secret(name: str, value: str) -> bool:
    """Whether a written value is a secret by its name or form."""
    if not value or _REFERENCE.search(value):
        return False
    return bool(_SECRET_KEY.search(name) or _SECRET_VALUE.search(value))


def _find_name_fault(at: str, name: str, reserved_prefixes: tuple[str, ...]) -> Fault | None:
    if len(name) > LONGEST_VARIABLE_NAME or not VARIABLE_NAME.fullmatch(name):
        hint = f"Use letters, digits and '_', starting with a letter, 2 to {LONGEST_VARIABLE_NAME} characters."
        return Fault(at, "not the name of a variable", hint)
    if name.upper().startswith(reserved_prefixes):
        return Fault(at, f"reserved; names that start with {', '.join(reserved_prefixes)} are taken")
    return None


def _find_reference_fault(at: str, value: str) -> Fault | None:
    secret = parse_secret_reference(value)
    if secret is not None:
        return None if _is_secret_name(secret) else _secret_name_fault(at, secret)
    match = _REFERENCE.search(value)
    if match is None:
        return None
    if match.group(1).startswith("secrets."):
        hint = "Make the whole value the secret, and ${secrets.name} the whole value here."
        return Fault(at, "a secret cannot be a part of a value", hint)
    hint = "Use ${secrets.name} for a secret or ${env.NAME} for a variable of your own environment."
    return Fault(at, f"'${{{make_printable(match.group(1))}}}' refers to nothing", hint)


def _is_secret_name(secret: str) -> bool:
    return len(secret) <= LONGEST_VARIABLE_NAME and SECRET_NAME.fullmatch(secret) is not None


def _secret_name_fault(at: str, secret: str) -> Fault:
    hint = f"Use lower-case letters, digits and single '_', {LONGEST_VARIABLE_NAME} characters at most."
    return Fault(at, f"'{make_printable(secret)}' is not the name of a secret", hint)
