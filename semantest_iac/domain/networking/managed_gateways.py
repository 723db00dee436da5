"""The gateway in front of services: its APIs with their rules, products, and subscriptions with keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.environments.platform.gateway_settings import join_version
from semantest_iac.domain.networking.http_exchange import Pairs
from semantest_iac.domain.resource import Ref, Resource

if TYPE_CHECKING:  # the settings of components have the gateway's among them
    from semantest_iac.domain.environments.settings import Authorizer, Cors

KEY_HEADER = "x-api-key"
"""The header with the key of a subscription, the same on every cloud."""
LOGIN_HEADER = "Authorization"
"""The header with the user and the password of the login, as HTTP has it."""
LOGIN_REALM = "gateway"
"""What a client that has to log in is told in the header `WWW-Authenticate`."""
QUOTA_PERIODS_S = {"day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}
"""The seconds of each period where a cloud has no calendar."""

QuotaPeriod = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class RequestRate:
    """The `calls` that pass in any `seconds`; more are answered with 429."""

    calls: int
    seconds: int = 1


@dataclass(frozen=True, slots=True)
class RequestQuota:
    """The `calls` of a subscription that pass in a period; more are refused until the next one."""

    calls: int
    period: QuotaPeriod = "month"


@dataclass(frozen=True, slots=True)
class ResponseCache:
    """For how many `seconds` an answer to GET is given again, to requests with the same path, parameters and headers.

    `query` and `headers` are the names of those on which the answer depends.
    """

    seconds: int
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderRules:
    """The headers that are set, in place of those that are there, and the names of those that are removed."""

    set: Pairs = ()
    remove: tuple[str, ...] = ()

    def apply(self, headers: Pairs) -> Pairs:
        """Return the headers with the changes; their names are compared in any case."""
        gone = {name.lower() for name in (*self.remove, *(name for name, _ in self.set))}
        return (*(pair for pair in headers if pair[0].lower() not in gone), *self.set)


@dataclass(frozen=True, slots=True)
class GatewayOperation:
    """A method (or ANY) and a path below that of its API; `{name}` matches one segment, `{name+}` the rest.

    `query` are the names of the parameters that it takes.
    """

    method: str
    path: str
    query: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


EVERY_OPERATION = (GatewayOperation("ANY", "/"), GatewayOperation("ANY", "/{path+}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayApi:
    """An API at a `path` of the gateway, such as `/orders`; its backend gets the rest of the path.

    With a `version`, it is at that segment below the path, beside other versions and one without.

    The backend is a `service`, or the `url` of one elsewhere. Requests that fit none of the `operations` are answered
    with 404. What a request must have: the key of a subscription (`needs_key`), the login of the gateway
    (`needs_login`), a token (`authorizer`), an address in `allowed_ips` (networks such as 192.0.2.0/24; all without).
    The `rate` counts the requests of all clients together.
    """

    name: str
    path: str
    service: Ref | None = None
    url: str = ""
    operations: tuple[GatewayOperation, ...] = EVERY_OPERATION
    needs_key: bool = True
    needs_login: bool = False
    authorizer: Authorizer | None = None
    rate: RequestRate | None = None
    cache: ResponseCache | None = None
    allowed_ips: tuple[str, ...] = ()
    request_headers: HeaderRules = HeaderRules()
    response_headers: HeaderRules = HeaderRules()
    cors: Cors | None = None
    version: str = ""

    @property
    def whole_path(self) -> str:
        """The path with the version."""
        return join_version(self.path, self.version)

    @property
    def cache_headers(self) -> tuple[str, ...]:
        """The headers by which kept answers are told apart: those of the cache, and those that may say who asks.

        A login is the same for all clients, and a header that the gateway sets is the same for all requests.
        """
        callers = (
            "" if self.needs_login else LOGIN_HEADER,
            self.authorizer.header if self.authorizer else "",
            "Cookie" if self.cors and self.cors.credentials else "",
        )
        set_here = {name.lower() for name, _ in self.request_headers.set}
        wanted = (*(self.cache.headers if self.cache else ()), *filter(None, callers))
        found = {name.lower(): name for name in reversed(wanted) if name.lower() not in set_here}
        return tuple(reversed(found.values()))


@dataclass(frozen=True, slots=True)
class GatewayProduct:
    """APIs, by name, that a subscription may call with one key; `rate` and `quota` count each subscription by itself.

    An API that needs a key is in at least one product.
    """

    name: str
    apis: tuple[str, ...]
    rate: RequestRate | None = None
    quota: RequestQuota | None = None


@dataclass(frozen=True, slots=True)
class GatewaySubscription:
    """A client of a product; its key is made and kept by the cloud."""

    name: str
    product: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedGateway(Resource):
    """What receives the requests from outside and leads those that may pass to the services.

    The login is `login_user` with the password in `login_secret`. `subnet` is that of the gateway in the `network`,
    from which services without a public address are reached; `load_balancer` stands in front of them on clouds where
    they have one.
    """

    publisher_email: str
    apis: tuple[GatewayApi, ...]
    products: tuple[GatewayProduct, ...] = ()
    subscriptions: tuple[GatewaySubscription, ...] = ()
    tier: Tier = "basic"
    login_user: str = ""
    login_secret: Ref | None = None
    network: Ref | None = None
    subnet: Ref | None = None
    load_balancer: Ref | None = None
    vault: Ref | None = None
    log_store: Ref | None = None
    tracing: bool = True

    @property
    def services(self) -> tuple[Ref, ...]:
        """The services that its APIs call, each once."""
        return tuple(dict.fromkeys(api.service for api in self.apis if api.service))

    def needs(self) -> tuple[str, ...]:
        """Return the services of the APIs besides the resources that the gateway itself names."""
        return tuple(dict.fromkeys((*Resource.needs(self), *self.services)))

    def find_products(self, api: GatewayApi) -> tuple[GatewayProduct, ...]:
        """Return the products with an API."""
        return tuple(product for product in self.products if api.name in product.apis)
