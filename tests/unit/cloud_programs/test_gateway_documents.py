"""The OpenAPI document of a gateway on AWS."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from semantest_iac.domain.environments.settings import Authorizer, Cors
from semantest_iac.domain.networking.managed_gateways import (
    GatewayApi,
    GatewayOperation,
    GatewayProduct,
    HeaderRules,
    ManagedGateway,
    RequestRate,
    ResponseCache,
)
from semantest_iac.domain.resource import Ref
from semantest_iac.infrastructure.cloud_programs.aws.platform.gateway_documents import (
    ANY_METHOD,
    INTEGRATION,
    RESOURCE_POLICY,
    RESPONSES,
    GatewayTargets,
    build_document,
    list_methods,
)

_URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn/invocations"
_PLACES = GatewayTargets(_URI, "link01", {Ref("service-orders"): "orders-api.services.internal"})
_ORDERS = GatewayApi(name="orders", path="/orders", service=Ref("service-orders"))


def _build(*apis: GatewayApi, **more: Any) -> dict[str, Any]:
    gateway = ManagedGateway(name=Ref("gateway"), publisher_email="api@example.org", apis=apis, **more)
    return build_document(gateway, "gateway", _PLACES)


class TestBackends:
    def test_get_the_rest_of_the_path(self) -> None:
        paths = _build(_ORDERS)["paths"]
        called = {path: methods[ANY_METHOD][INTEGRATION]["uri"] for path, methods in paths.items()}

        assert called == {
            "/orders": "http://orders-api.services.internal/",
            "/orders/{path+}": "http://orders-api.services.internal/{path}",
        }

    def test_in_a_network_are_reached_by_the_link(self) -> None:
        integration = _build(_ORDERS)["paths"]["/orders"][ANY_METHOD][INTEGRATION]

        assert (integration["connectionType"], integration["connectionId"]) == ("VPC_LINK", "link01")

    def test_elsewhere_are_reached_by_their_address(self) -> None:
        api = GatewayApi(name="prices", path="/", url="https://prices.example.org/v1/", needs_key=False)
        paths = _build(api)["paths"]

        assert [it[ANY_METHOD][INTEGRATION]["uri"] for it in paths.values()] == [
            "https://prices.example.org/v1/",
            "https://prices.example.org/v1/{path}",
        ]
        assert not any("connectionId" in it[ANY_METHOD][INTEGRATION] for it in paths.values())

    def test_get_the_values_of_variables(self) -> None:
        operation = _build(replace(_ORDERS, operations=(GatewayOperation("GET", "/{id}/lines/{line}"),)))["paths"]
        method = operation["/orders/{id}/lines/{line}"]["get"]

        assert method[INTEGRATION]["uri"].endswith("/{id}/lines/{line}")
        assert method[INTEGRATION]["requestParameters"] == {
            "integration.request.path.id": "method.request.path.id",
            "integration.request.path.line": "method.request.path.line",
            "integration.request.header.x-api-key": "'-'",
            "integration.request.header.X-Forwarded-Host": "context.domainName",
        }
        assert [(it["name"], it["in"], it["required"]) for it in method["parameters"]] == [
            ("id", "path", True),
            ("line", "path", True),
        ]

    def test_get_the_headers_that_are_set(self) -> None:
        api = replace(_ORDERS, request_headers=HeaderRules(set=(("x-client", "gateway"),)))
        integration = _build(api)["paths"]["/orders"][ANY_METHOD][INTEGRATION]

        assert integration["requestParameters"]["integration.request.header.x-client"] == "'gateway'"

    def test_get_neither_the_key_nor_the_login(self) -> None:
        jwt = Authorizer("https://login.example.org/", ("orders",))
        apis = (
            replace(_ORDERS, needs_login=True),
            replace(_ORDERS, name="tokens", path="/tokens", needs_key=False, authorizer=jwt),
        )
        paths = _build(*apis)["paths"]
        sent = [paths[path][ANY_METHOD][INTEGRATION]["requestParameters"] for path in ("/orders", "/tokens")]

        header = "integration.request.header"
        host = {f"{header}.X-Forwarded-Host": "context.domainName"}
        assert sent == [{**{f"{header}.{name}": "'-'" for name in ("x-api-key", "Authorization")}, **host}, host]

    def test_get_a_header_once_in_whatever_case_it_is_set(self) -> None:
        rules = HeaderRules(set=(("authorization", "Basic abc"), ("x-forwarded-host", "example.org")))
        api = replace(_ORDERS, needs_login=True, request_headers=rules, cache=ResponseCache(30))
        sent = _build(api)["paths"]["/orders"]["get"][INTEGRATION]["requestParameters"]

        assert sent == {
            "integration.request.header.authorization": "'Basic abc'",
            "integration.request.header.x-forwarded-host": "'example.org'",
            "integration.request.header.x-api-key": "'-'",
        }


class TestVariables:
    def test_have_one_name_at_a_place(self) -> None:
        operations = tuple(GatewayOperation("GET", path) for path in ("/{id}", "/{order}/lines", "/{order}/lines/{id}"))
        paths = _build(replace(_ORDERS, operations=operations))["paths"]

        assert [*paths] == ["/orders/{id}", "/orders/{id}/lines", "/orders/{id}/lines/{id2}"]

    def test_of_a_path_have_names_of_their_own(self) -> None:
        operations = tuple(GatewayOperation("GET", path) for path in ("/{id}", "/{order}/lines/{id}"))
        [_, deep] = [it["get"] for it in _build(replace(_ORDERS, operations=operations))["paths"].values()]

        assert [parameter["name"] for parameter in deep["parameters"]] == ["id", "id2"]
        assert deep[INTEGRATION]["uri"].endswith("/{id}/lines/{id2}")


class TestAccess:
    def test_asks_for_what_the_api_needs(self) -> None:
        jwt = Authorizer("https://login.example.org/", ("prices",))
        apis = (
            replace(_ORDERS, needs_login=True),
            replace(_ORDERS, name="prices", path="/prices", needs_key=False, authorizer=jwt),
            replace(_ORDERS, name="open", path="/open", needs_key=False),
        )
        paths = _build(*apis, login_user="semantest", login_secret=Ref("secret"))["paths"]
        asked = {path: paths[path][ANY_METHOD].get("security") for path in ("/orders", "/prices", "/open")}

        assert asked == {
            "/orders": [{"access-orders": []}, {"key": []}],
            "/prices": [{"access-prices": []}],
            "/open": None,
        }

    def test_keeps_no_answer_about_a_token_that_expires(self) -> None:
        jwt = Authorizer("https://login.example.org/", ("prices",), "X-Token")
        schemes = _build(replace(_ORDERS, authorizer=jwt))["components"]["securitySchemes"]
        authorizer = schemes["access-orders"]["x-amazon-apigateway-authorizer"]

        assert authorizer["authorizerResultTtlInSeconds"] == 0
        assert authorizer["identitySource"] == "method.request.header.X-Token"
        assert authorizer["authorizerUri"] == _URI

    def test_is_denied_to_other_addresses(self) -> None:
        policy = _build(replace(_ORDERS, allowed_ips=("192.0.2.0/24",)))[RESOURCE_POLICY]
        [allowed, denied] = policy["Statement"]

        assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
        assert denied["Resource"] == [
            f"execute-api:/live/{method}{path}"
            for method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
            for path in ("/orders", "/orders/*")
        ]
        assert denied["Condition"] == {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}}
        assert RESOURCE_POLICY not in _build(_ORDERS)

    def test_is_denied_to_no_other_api_whose_path_ends_alike(self) -> None:
        """IAM's `*` stands for slashes, too."""
        users = replace(_ORDERS, name="users", path="/users")
        statements = _build(replace(_ORDERS, allowed_ips=("192.0.2.0/24",)), users)[RESOURCE_POLICY]["Statement"]
        denied = [resource for it in statements if it["Effect"] == "Deny" for resource in it["Resource"]]

        assert not any(fnmatchcase("execute-api:/live/GET/users/7/orders/1", resource) for resource in denied)
        assert any(fnmatchcase("execute-api:/live/GET/orders/1", resource) for resource in denied)

    def test_of_several_apis_with_the_same_addresses_is_one_statement(self) -> None:
        operations = (GatewayOperation("GET", "/"), GatewayOperation("POST", "/"))
        first = replace(_ORDERS, allowed_ips=("192.0.2.1",), operations=operations)
        [_, denied] = _build(first, replace(first, name="b", path="/b"))[RESOURCE_POLICY]["Statement"]

        assert len(denied["Resource"]) == 8

    def test_says_what_is_missing_as_other_clouds_do(self) -> None:
        refusals = _build(replace(_ORDERS, needs_login=True, rate=RequestRate(2, 60)))[RESPONSES]
        headers = {name: it["responseParameters"] for name, it in refusals.items()}

        statuses = {name: it.get("statusCode") for name, it in refusals.items() if not name.startswith("DEFAULT")}
        assert statuses == {
            "INVALID_API_KEY": 401,
            "MISSING_AUTHENTICATION_TOKEN": 404,
            "QUOTA_EXCEEDED": 429,
            "THROTTLED": 429,
            "UNAUTHORIZED": 401,
        }
        assert headers["THROTTLED"] == {"gatewayresponse.header.Retry-After": "'30'"}
        assert headers["UNAUTHORIZED"] == {"gatewayresponse.header.WWW-Authenticate": "'Basic realm=\"gateway\"'"}


class TestCaches:
    _KEPT = replace(_ORDERS, cache=ResponseCache(30, ("page",), ("accept-language",)))

    def test_keep_answers_to_get_alone(self) -> None:
        paths = _build(self._KEPT)["paths"]

        assert {path: sorted(methods) for path, methods in paths.items()} == {
            "/orders": ["get", ANY_METHOD],
            "/orders/{path+}": ["get", ANY_METHOD],
        }
        assert "cacheKeyParameters" not in paths["/orders"][ANY_METHOD][INTEGRATION]

    def test_tell_answers_apart_by_the_whole_path(self) -> None:
        method = _build(self._KEPT)["paths"]["/orders/{path+}"]["get"]
        kept = method[INTEGRATION]["cacheKeyParameters"]

        assert kept == [
            "method.request.path.path",
            "method.request.querystring.page",
            "method.request.header.accept-language",
            "method.request.header.Authorization",
        ]
        assert {*kept} <= {*method[INTEGRATION]["requestParameters"].values()}
        assert [(it["name"], it["in"]) for it in method["parameters"]] == [
            ("path", "path"),
            ("page", "query"),
            ("accept-language", "header"),
            ("Authorization", "header"),
        ]

    @pytest.mark.parametrize(
        ("more", "headers"),
        [
            ({}, ["Authorization"]),
            ({"needs_login": True}, []),
            ({"authorizer": Authorizer("https://login.example.org/", ("a",))}, ["Authorization"]),
            ({"authorizer": Authorizer("https://login.example.org/", ("a",), "X-Token")}, ["Authorization", "X-Token"]),
            ({"cors": Cors(("https://a.example.org",), credentials=True)}, ["Authorization", "Cookie"]),
            ({"request_headers": HeaderRules(set=(("authorization", "Basic abc"),))}, []),
        ],
        ids=["key", "login", "token", "token in another header", "cookies", "header of the gateway"],
    )
    def test_give_nobody_an_answer_for_somebody_else(self, more: dict[str, Any], headers: list[str]) -> None:
        api = replace(_ORDERS, cache=ResponseCache(30), **more)
        method = _build(api)["paths"]["/orders"]["get"]

        kept = [f"method.request.header.{name}" for name in headers]
        assert method[INTEGRATION].get("cacheKeyParameters", []) == kept


class TestOrigins:
    def test_are_told_before_anybody_logs_in(self) -> None:
        preflight = _build(replace(_ORDERS, cors=Cors(("https://app.example.org",))))["paths"]["/orders"]["options"]
        answer = preflight[INTEGRATION]["responses"]["default"]

        assert "security" not in preflight
        assert preflight[INTEGRATION]["type"] == "mock"
        allowed = answer["responseParameters"]["method.response.header.Access-Control-Allow-Origin"]
        assert (allowed, answer["statusCode"]) == ("'https://app.example.org'", "204")
        assert "responseTemplates" not in answer

    def test_of_several_get_the_one_that_asks(self) -> None:
        cors = Cors(("https://a.example.org", "https://b.example.org"), credentials=True)
        document = _build(replace(_ORDERS, cors=cors))
        answer = document["paths"]["/orders"]["options"][INTEGRATION]["responses"]["default"]

        assert "method.response.header.Access-Control-Allow-Origin" not in answer["responseParameters"]
        assert (
            '["https://a.example.org", "https://b.example.org"].contains'
            in answer["responseTemplates"]["application/json"]
        )
        assert document[RESPONSES]["DEFAULT_4XX"]["responseParameters"] == {}

    @pytest.mark.parametrize("credentials", [True, False])
    def test_are_on_refusals_where_all_apis_have_the_same(self, credentials: bool) -> None:
        api = replace(_ORDERS, cors=Cors(("https://app.example.org",), credentials=credentials))
        headers = _build(api)[RESPONSES]["THROTTLED"]["responseParameters"]

        name = "gatewayresponse.header.Access-Control-Allow"
        assert headers[f"{name}-Origin"] == "'https://app.example.org'"
        assert (f"{name}-Credentials" in headers) is credentials
        other = replace(_ORDERS, name="prices", path="/prices")
        assert _build(api, other)[RESPONSES]["THROTTLED"]["responseParameters"] == {}

    def test_leave_a_method_that_the_api_has_itself(self) -> None:
        api = replace(_ORDERS, operations=(GatewayOperation("OPTIONS", "/"),), cors=Cors(("*",)))

        assert _build(api)["paths"]["/orders"]["options"][INTEGRATION]["type"] == "http_proxy"


def test_methods_have_the_names_of_their_settings() -> None:
    apis = (_ORDERS, GatewayApi(name="all", path="/", url="https://example.org"))
    gateway = ManagedGateway(
        name=Ref("gateway"), publisher_email="a@example.org", apis=apis, products=(GatewayProduct("p", ("orders",)),)
    )

    assert [it.settings_path for it in list_methods(gateway)] == [
        "~1orders/ANY",
        "~1orders~1{path+}/ANY",
        "~1/ANY",
        "~1{path+}/ANY",
    ]
