"""HTTP APIs and their endpoints."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.environments.settings import Authorizer, Cors, Throttling
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """One route: a method (or ANY) and a path; `{name}` matches one part, `{name+}` the rest."""

    method: str
    path: str
    public: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi(Resource):
    """A public HTTPS address whose endpoints are answered by one live function version."""

    target: Ref
    endpoints: tuple[ApiEndpoint, ...]
    throttling: Throttling
    access_log: Ref | None = None
    cors: Cors | None = None
    authorizer: Authorizer | None = None
    integration_timeout_s: int = 29
