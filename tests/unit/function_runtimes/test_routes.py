"""API Gateway's choice among routes."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.function_runtimes.api_gateway import match_route

ROUTES = (
    "$default",
    "ANY /{proxy+}",
    "GET /pets/{proxy+}",
    "GET /pets/dog/{id}",
    "GET /pets/dog/1",
    "ANY /pets/cat",
    "POST /pets/cat",
)


class TestMatchRoute:
    @pytest.mark.parametrize(
        ("method", "path", "route", "parameters"),
        [
            ("GET", "/pets/dog/1", "GET /pets/dog/1", {}),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
            ("GET", "/pets/dog/a%20b", "GET /pets/dog/{id}", {"id": "a b"}),
            ("GET", "/pets/fish/1", "GET /pets/{proxy+}", {"proxy": "fish/1"}),
            ("PUT", "/pets/cat", "ANY /pets/cat", {}),
            ("POST", "/pets/cat", "POST /pets/cat", {}),
            ("GET", "/pets", "ANY /{proxy+}", {"proxy": "pets"}),
            ("GET", "/", "$default", {}),
        ],
    )
    def test_takes_the_most_specific_route(
        self, method: str, path: str, route: str, parameters: dict[str, str]
    ) -> None:
        match = match_route(ROUTES, method, path)

        assert match is not None
        assert (match.route_key, match.path_parameters) == (route, parameters)

    @pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/health"), ("GET", "/health/live")])
    def test_takes_none_where_none_fits(self, method: str, path: str) -> None:
        assert match_route(["GET /health"], method, path) is None

    def test_does_not_depend_on_the_order_of_routes(self) -> None:
        match = match_route(reversed(ROUTES), "GET", "/pets/dog/1")

        assert match is not None
        assert match.route_key == "GET /pets/dog/1"
