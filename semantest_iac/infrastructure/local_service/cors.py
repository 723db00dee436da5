"""Cross-origin rules as gateways apply them: preflights are answered before anything runs, answers get the headers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs

PREFIX = "access-control-"
ASKED_METHOD, ASKED_HEADERS = "access-control-request-method", "access-control-request-headers"


@dataclass(frozen=True, slots=True)
class CorsRules:
    """Who may call from where; without methods or headers whatever a browser asks for is allowed.

    `status` is that of answers to preflights.
    """

    origins: Sequence[str]
    methods: Sequence[str] = ()
    headers: Sequence[str] = ()
    exposed: Sequence[str] = ()
    credentials: bool = False
    max_age: int = 0
    status: int = 204

    def preflight(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a preflight, bare where the origin is not allowed; None for every other request."""
        if request.method != "OPTIONS" or not (request.header("origin") and request.header(ASKED_METHOD)):
            return None
        return HttpResponse(self.status, (*self._of_origin(request), *self._of_preflight(request)))

    def dressed(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The answer with the rules' headers in place of the function's own."""
        own = tuple(pair for pair in response.headers if not pair[0].startswith(PREFIX))
        exposed = ((f"{PREFIX}expose-headers", ",".join(self.exposed)),) if self.exposed else ()
        given = self._of_origin(request)
        return replace(response, headers=(*own, *given, *(exposed if given else ())))

    def allows(self, origin: str) -> bool:
        """Whether pages of that origin may call."""
        return "*" in self.origins or origin in self.origins

    def _of_origin(self, request: HttpRequest) -> Pairs:
        origin = request.header("origin")
        if not origin or not self.allows(origin):
            return ()
        shown = "*" if "*" in self.origins else origin
        credentials = ((f"{PREFIX}allow-credentials", "true"),) if self.credentials else ()
        return ((f"{PREFIX}allow-origin", shown), *credentials)

    def _of_preflight(self, request: HttpRequest) -> Iterator[tuple[str, str]]:
        if not self.allows(request.header("origin")):
            return
        yield f"{PREFIX}allow-methods", ",".join(self.methods) or request.header(ASKED_METHOD)
        if headers := ",".join(self.headers) or request.header(ASKED_HEADERS):
            yield f"{PREFIX}allow-headers", headers
        if self.max_age:
            yield f"{PREFIX}max-age", str(self.max_age)
