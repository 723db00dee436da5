"""The operations of an API: one for each method and path, for none covers all methods."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256

from semantest_iac.domain.networking.apis import ApiEndpoint

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_MAX_ID_LENGTH = 80


def expand_methods(endpoints: Sequence[ApiEndpoint]) -> Iterator[tuple[ApiEndpoint, str]]:
    """Yield each endpoint once per method: no operation covers all methods, and an exact one takes precedence.

    It may name the variables of its path otherwise.
    """
    exact = {endpoint.shape for endpoint in endpoints}
    for endpoint in endpoints:
        for method in _METHODS if endpoint.method == "ANY" else (endpoint.method,):
            if endpoint.method == method or replace(endpoint, method=method).shape not in exact:
                yield endpoint, method


def make_operation_id(endpoint: ApiEndpoint, method: str) -> str:
    """Build a readable id, with a hash to distinguish similar paths."""
    shape = replace(endpoint, method=method).shape
    path = re.sub(r"[^a-z0-9]+", "-", shape.partition(" ")[2].lower()).strip("-") or "root"
    digest = sha256(shape.encode()).hexdigest()[:6]
    return f"{method.lower()}-{path}"[: _MAX_ID_LENGTH - 7] + f"-{digest}"


def make_url_template(path: str) -> tuple[str, list[str]]:
    """Turn `/a/{id}/{rest+}` into `/a/{id}/*`, with `id` as its only parameter."""
    template = re.sub(r"\{\w+\+\}$", "*", path)
    return template, _PATH_PARAMETER.findall(template)
