"""What a managed gateway does with a request, as values that name no cloud; a reader per cloud makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum

from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpResponse, Pairs
from semantest_iac.domain.networking.managed_gateways import HeaderRules
from semantest_iac.infrastructure.local_service.api_frontend import CorsRules
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import JwtRules

_USUAL_BODY_LIMIT = BodyLimit(10 * 1024 * 1024, HttpResponse(413))


class RefusalReason(StrEnum):
    """Why the gateway answers itself instead of what is behind it."""

    NO_ROUTE = "no route"
    ADDRESS = "address not allowed"
    NO_KEY = "no key"
    WRONG_KEY = "wrong key"
    NO_LOGIN = "no login"
    WRONG_LOGIN = "wrong login"
    NO_TOKEN = "no token"  # noqa: S105 - a reason
    WRONG_TOKEN = "wrong token"  # noqa: S105 - a reason
    RATE = "rate exceeded"
    QUOTA = "quota exceeded"
    UNREACHABLE = "backend unreachable"
    TIMED_OUT = "backend too slow"


@dataclass(frozen=True, slots=True)
class GatewayRefusal:
    """How a cloud words a refusal.

    In `body`, `{wait}` is the number of seconds after which the client may try again, and `{clock}` is the same as
    `01:02:03`. Of refusals with such a time, the header `retry-after` has it, unless `names_wait` is False.
    """

    status: int
    body: str
    headers: Pairs = (("content-type", "application/json"),)
    names_wait: bool = True


class GatewayCheck(StrEnum):
    """What a request must pass; the order of `GatewayRules.checks` decides what a request with two faults is told."""

    ADDRESS = "address"
    KEY = "key"
    LOGIN = "login"
    TOKEN = "token"  # noqa: S105 - a check
    PRODUCT_RATE = "product rate"
    PRODUCT_QUOTA = "product quota"
    API_RATE = "api rate"


class CountedBy(StrEnum):
    """Whose calls a limit counts together."""

    ALL = "all"
    KEY = "key"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class CallRate:
    """`calls` in `seconds`.

    In a window, no period of that length has more calls. A bucket holds `calls` after a pause, and one more every
    `seconds / calls`; with `burst`, it holds so many.
    """

    calls: int
    seconds: float
    counted_by: CountedBy = CountedBy.KEY
    is_bucket: bool = False
    burst: int = 0


@dataclass(frozen=True, slots=True)
class CallQuota:
    """`calls` in a period of fixed beginning: of `seconds`, counted from the first Monday of the calendar (UTC), or a
    month of it."""

    calls: int
    seconds: float = 86_400
    is_month: bool = False
    counted_by: CountedBy = CountedBy.KEY


@dataclass(frozen=True, slots=True)
class CacheRule:
    """Answers to GET and HEAD with status 200 are kept for `seconds`.

    Answers to requests that differ in the named query parameters or headers are apart; None stands for all parameters.
    `keeps_authorized` says whether answers to requests with an Authorization header are kept, too.
    """

    seconds: float
    query: tuple[str, ...] | None = ()
    headers: tuple[str, ...] = ()
    keeps_authorized: bool = True


@dataclass(frozen=True, slots=True)
class BasicLogin:
    """The user and password of basic authentication."""

    user: str
    password: str = field(repr=False)


class BackendKind(StrEnum):
    """What answers behind the gateway."""

    SERVICE = "service"  # the target is the name of the service, as in the configuration
    URL = "url"  # the target is the address


@dataclass(frozen=True, slots=True)
class GatewayBackend:
    """What answers the requests of a route."""

    kind: BackendKind
    target: str


@dataclass(frozen=True, slots=True)
class EnforcedRoute:
    """Where the requests of a route go: below `prefix` of the backend, without `dropped_prefix` of their own path.

    With `/orders` dropped and the prefix `/v2`, `/orders/7` arrives as `/v2/7`.
    """

    api: str
    backend: GatewayBackend
    dropped_prefix: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class EnforcedApi:
    """The rules of one API. Without `allowed_addresses` (addresses and networks), every client is allowed.

    `removed_parameters` are those of the query that its backend does not get.
    """

    name: str
    _: KW_ONLY
    needs_key: bool = False
    login: BasicLogin | None = None
    token: JwtRules | None = None
    rate: CallRate | None = None
    cache: CacheRule | None = None
    allowed_addresses: tuple[str, ...] = ()
    request_headers: HeaderRules = field(default_factory=HeaderRules)
    removed_parameters: tuple[str, ...] = ()
    response_headers: HeaderRules = field(default_factory=HeaderRules)
    cors: CorsRules | None = None


@dataclass(frozen=True, slots=True)
class EnforcedProduct:
    """APIs that are sold together, with what each key of it may use."""

    name: str
    apis: frozenset[str]
    rate: CallRate | None = None
    quota: CallQuota | None = None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """The key of a subscription to a product."""

    name: str
    value: str = field(repr=False)
    product: str


@dataclass(frozen=True, slots=True)
class GatewayRules:
    """All rules of one gateway. `routes` are by keys as `GET /orders/{id}` and `ANY /orders/{rest+}`.

    A client sends its key in `key_header` (in lower case) or, where it is named, in `key_parameter`. `base_path` is
    before all routes and belongs to none, such as the stage of a REST API. `refusals` has every reason, and
    `foreign_key` is the one for a key that is for other APIs. `origin` is the
    address in the cloud, `https://` and host; `body_limit` is kept by whoever receives requests. `refuses_with_cors`
    and `answers_with_cors`: whether the gateway puts the headers of CORS on its refusals and on answers of backends.
    """

    routes: Mapping[str, EnforcedRoute]
    apis: Mapping[str, EnforcedApi]
    refusals: Mapping[RefusalReason, GatewayRefusal]
    _: KW_ONLY
    products: Mapping[str, EnforcedProduct] = field(default_factory=dict)
    keys: tuple[IssuedKey, ...] = ()
    key_header: str = "x-api-key"
    key_parameter: str = ""
    checks: tuple[GatewayCheck, ...] = tuple(GatewayCheck)
    foreign_key: RefusalReason = RefusalReason.WRONG_KEY
    base_path: str = ""
    origin: str = ""
    timeout_s: float = 29
    body_limit: BodyLimit = _USUAL_BODY_LIMIT
    refuses_with_cors: bool = True
    answers_with_cors: bool = True
