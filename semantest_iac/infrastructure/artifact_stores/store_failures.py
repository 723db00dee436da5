"""What the errors of object stores mean: a code, a cause and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_CAUSES: Mapping[str, tuple[str, str]] = {
    "UNREACHABLE": ("it does not answer", "Check the network and the endpoint, and try again."),
    "UNKNOWN_USER": ("there are no credentials for it", "Set {credentials}."),
    "DENIED": ("it denies access", "Check {credentials}, and what they may do there."),
    "MISSING": ("it does not exist", "Create it, or correct {setting}."),
    "INSECURE": ("its endpoint has no TLS", "Use an endpoint that begins with https://."),
    "REFUSED": ("it refuses the request", "Check {setting}, the region and {credentials}."),
}
"""End of the error code -> cause and hint."""

_CODES: Mapping[str, str] = {
    r"/latest/(api/token|meta-data)|/metadata/identity|computeMetadata|oauth2/": "UNKNOWN_USER",  # a machine's role
    r"NoCredentials|ProfileNotFound": "UNKNOWN_USER",
    r"PermissionDeniedError|UnauthenticatedError|status code: 40[13]": "DENIED",
    r"FileNotFoundError|status code: 404": "MISSING",
    r"BadScheme": "INSECURE",
    r"ValueError|status code: (?!408|429)[34]": "REFUSED",
}
"""What is in the class or the text of obstore's error -> end of our code; the first that is found."""

_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)


class StoreFailure(NamedTuple):
    """What a store said, in our words: the end of an error code, a message and a hint."""

    code: str
    message: str
    hint: str

    @property
    def is_unreachable(self) -> bool:
        """Whether the store does not answer, so that a later try may succeed."""
        return self.code == "UNREACHABLE"


def describe_store_failure(error: Exception, purpose: str, setting: str, credentials: str) -> StoreFailure:
    """Say what failed; the store's own text may hold names and parameters of requests.

    `purpose` is what was tried, such as "read packages in 's3://bucket'"; `setting` names where the URL is written,
    and `credentials` the variables that open the store.
    """
    text = f"{type(error).__name__} {error}"
    code = next((code for pattern, code in _CODES.items() if re.search(pattern, text)), "UNREACHABLE")
    cause, hint = _CAUSES[code]
    return StoreFailure(code, f"Cannot {purpose}: {cause}.", hint.format(credentials=credentials, setting=setting))


def is_object_missing(error: Exception) -> bool:
    """Whether there is no such object in a store that exists."""
    return isinstance(error, FileNotFoundError) and not _NO_BUCKET.search(str(error))
