"""The section of the configuration file about the gateway in front of services."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from semantest_iac.domain.environments.section_types import (
    FUNCTION_NAME,
    AuthorizerSection,
    CorsSection,
    ListOf,
    Methods,
    Section,
    Variable,
)

_NAMES: dict[str, Any] = {"propertyNames": {"pattern": f"^{FUNCTION_NAME.pattern}$"}}


class RequestRateSection(Section):
    """How many requests pass in a time; more are answered with 429."""

    calls: int = Field(description="Requests.")
    seconds: int | None = Field(default=None, description="In so many seconds, 1 to 300; 1 by default.")


class RequestQuotaSection(Section):
    """How many requests a subscription has in a period."""

    calls: int = Field(description="Requests.")
    period: Literal["day", "week", "month"] | None = Field(default=None, description="A month by default.")


class ResponseCacheSection(Section):
    """For how long an answer to GET is given again."""

    seconds: int = Field(description="Seconds, 1 to 3600.")
    query: ListOf[str] | None = Field(
        default=None,
        description="Parameters on which the answer depends, [] for none; those of the OpenAPI document by default.",
    )
    headers: ListOf[str] | None = Field(
        default=None, description="Headers on which the answer depends, such as accept-language."
    )


class HeaderRulesSection(Section):
    """Headers that are set or removed."""

    set: dict[str, Variable] = Field(default={}, description="Headers that are set, in place of those that are there.")
    remove: ListOf[str] = Field(default=(), description="Headers that are removed.")


class GatewayOperationSection(Section):
    """A path of an API with its methods."""

    path: str = Field(description="Path below that of the API such as /{id}; / for the path of the API itself.")
    methods: Methods = Field(default=("ANY",), description="HTTP methods, a list or one word.")
    query: ListOf[str] = Field(default=(), description="Names of the parameters that it takes.")


class GatewayApiSection(Section):
    """An API of the gateway: its backend, and what a request must have."""

    path: str | None = Field(default=None, description="Path at the gateway such as /orders; / and the name without.")
    version: str | None = Field(
        default=None, description="Version such as v1, a segment after the path; APIs with one path are its versions."
    )
    service: str | None = Field(default=None, description="The service of the component that answers.")
    url: str | None = Field(default=None, description="The address of a backend elsewhere, in its place.")
    openapi: str | None = Field(
        default=None, description="An OpenAPI document (YAML or JSON), relative to this file, whose operations it has."
    )
    operations: ListOf[GatewayOperationSection] | None = Field(
        default=None, description="The operations, in place of a document; all by default."
    )
    key: bool | None = Field(default=None, description="Requests need the key of a subscription; true by default.")
    login: bool | None = Field(default=None, description="Requests need the login of the gateway; false by default.")
    jwt: AuthorizerSection | None = Field(default=None, description="Requests need a JSON web token.")
    rate: RequestRateSection | None = Field(default=None, description="Limit of all clients together.")
    cache: ResponseCacheSection | None = Field(default=None, description="Give answers to GET again for some time.")
    allow_ips: ListOf[str] | None = Field(
        default=None, description="Addresses and networks such as 192.0.2.0/24 that may call; all by default."
    )
    request_headers: HeaderRulesSection = Field(
        default=HeaderRulesSection(), description="What is changed in the headers of requests."
    )
    response_headers: HeaderRulesSection = Field(
        default=HeaderRulesSection(), description="What is changed in the headers of answers."
    )
    cors: CorsSection | None = Field(default=None, description="Browser origins; unset for those of the environment.")


class GatewayProductSection(Section):
    """APIs that a subscription may call with one key."""

    apis: ListOf[str] = Field(description="Names of APIs.")
    rate: RequestRateSection | None = Field(default=None, description="Limit of each subscription.")
    quota: RequestQuotaSection | None = Field(default=None, description="Requests of each subscription in a period.")


class GatewaySubscriptionSection(Section):
    """A client with a key of its own."""

    product: str = Field(description="The product that its key is for.")


class GatewayLoginSection(Section):
    """The name and the password for APIs with `login`."""

    user: str = Field(description="Name of the user.")
    password: str = Field(description="A secret: ${secrets.name} and nothing else.")


def _as_api(value: Any) -> Any:
    return {} if value is None else value


class GatewaySection(Section):
    """The gateway in front of the services."""

    publisher_email: str | None = Field(default=None, description="Address that the cloud writes to about the gateway.")
    apis: (
        dict[
            str,
            Annotated[GatewayApiSection, BeforeValidator(_as_api, json_schema_input_type=GatewayApiSection | None)],
        ]
        | None
    ) = Field(
        default=None,
        description="APIs by name; one for each service of the component by default.",
        json_schema_extra=_NAMES,
    )
    products: dict[str, GatewayProductSection] | None = Field(
        default=None,
        description="Products by name; one named standard, with all APIs that need a key, by default.",
        json_schema_extra=_NAMES,
    )
    subscriptions: dict[str, GatewaySubscriptionSection] | None = Field(
        default=None,
        description="Subscriptions by name; one for each product, named like it, by default.",
        json_schema_extra=_NAMES,
    )
    domain: str | None = Field(
        default=None, description="Domain of one's own, such as api.example.com, besides the gateway's own address."
    )
    dns_zone: str | None = Field(
        default=None, description="Zone of the domain, such as example.com, which the stack makes for its records."
    )
    login: GatewayLoginSection | None = Field(default=None, description="The login that APIs may ask for.")
