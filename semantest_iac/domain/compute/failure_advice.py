"""Says what a person can do about a failure of a service's own code, by what the code printed.

The patterns are the words of Python, Node and of widely used clients; what nothing matches gets no advice.
"""

from __future__ import annotations

import re
from typing import Final

_VARIABLE: Final = r"(?P<variable>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"
_SET_VARIABLE: Final = (
    "The code asks for the variable {variable}: set it under `environment` of the component, a secret as "
    "${{secrets.<name>}}."
)
_HOST: Final = r"(?P<host>[\w.-]+(?::\d+)?)"
_REACH_HOST: Final = (
    "The code cannot reach {host}: start it, or set its address under `environment` of the component. On this machine "
    "and in the cloud it needs its own."
)
_NODE_PACKAGE: Final = "Add '{module}' to the dependencies of package.json; devDependencies are not packaged."
_PACKAGE_NAME: Final = r"(?P<module>@[\w.-]+/[\w.-]+|[a-zA-Z][\w.-]*)"

# pattern -> advice, which may use the groups of its pattern; the first match counts
_ADVICE: Final = (
    (
        r"No module named '(?P<module>\w+)",
        "Add the package of module '{module}' to requirements.txt; a module of your own must lie in the source.",
    ),
    (rf"Cannot find (?:module|package) '{_PACKAGE_NAME}(?:/[^']*)?'", _NODE_PACKAGE),
    (
        r"Cannot find module '(?P<module>[./][^']*)'",
        "The file '{module}' is not in the package: build it before you deploy, or name it in package.include.",
    ),
    (rf"KeyError: '{_VARIABLE}'", _SET_VARIABLE),
    (rf"(?i:environment variable|env var)s?[^\n]{{0,40}}?\b{_VARIABLE}\b", _SET_VARIABLE),
    (
        rf"\b{_VARIABLE}\b[^\n]{{0,40}}? (?i:is not (?:set|defined|configured)|not set|is missing|is required|"
        r"must be (?:set|defined|provided)|is undefined|must not be empty)",
        _SET_VARIABLE,
    ),
    (
        r"validation errors? for \w*Settings\s+(?P<variable>\w+)\s+Field required",
        _SET_VARIABLE,
    ),
    (
        r"Unable to locate credentials|Could not load credentials from any providers|CredentialsProviderError|"
        r"UnrecognizedClientException|InvalidClientTokenId|InvalidAccessKeyId",
        "The code calls a cloud and finds no credentials, which a simulated cloud does not give: set them, "
        "or the endpoint of a stand-in, under `environment` of the component.",
    ),
    (rf"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) {_HOST}", _REACH_HOST),
    (rf"connect (?:ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH) {_HOST}", _REACH_HOST),
    (r"could not translate host name \"(?P<host>[^\"\s]+)\"", _REACH_HOST),
    (r"connection to server at \"(?P<host>[^\"\s]+)\"[^\n]* failed", _REACH_HOST),
    (r"Failed to resolve '(?P<host>[^'\s]+)'", _REACH_HOST),
    (r"host='(?P<host>[^'\s]+)', port=\d+\): Max retries exceeded", _REACH_HOST),
    (
        r"ConnectionRefusedError|Connection refused|Name or service not known|"
        r"Temporary failure in name resolution",
        _REACH_HOST.replace("{host}", "a host that it needs"),
    ),
)


def advise_on_failure(output: str) -> str:
    """Return what to do about the failure that the output tells of, or empty text."""
    for pattern, advice in _ADVICE:
        if match := re.search(pattern, output):
            return advice.format_map(match.groupdict())
    return ""
