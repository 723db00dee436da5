"""Which function of an app takes a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.function_runtimes.azure_functions import build_functions_call
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec


def chosen(
    tmp_path: Path, routes: list[str], path: str, method: str = "GET", prefix: str = '""'
) -> tuple[str, dict[str, str]]:
    """The route that took the request and its parameters, or the error's kind."""
    host = f'{{"extensions": {{"http": {{"routePrefix": {prefix}}}}}}}' if prefix else "{}"
    (tmp_path / "host.json").write_text(host)
    functions = [
        {"name": route, "isHttp": True, "route": route, "methods": ["get"], "authLevel": "anonymous"}
        for route in routes
    ]
    event: dict[str, Any] = {"method": method, "url": f"https://app.example{path}", "headers": {}, "query": {}}
    call = build_functions_call(FunctionSpec(tmp_path, "", "python3.11"), {"functions": functions}, event, "id")
    return (call["error"]["errorType"], {}) if "error" in call else (call["function"], call["http"]["params"])


class TestRoutes:
    @pytest.mark.parametrize(
        ("path", "wanted"),
        [
            ("/", ("{*all}", {"all": ""})),
            ("/other/x", ("{*all}", {"all": "other/x"})),
            ("/items", ("items", {})),
            ("/ITEMS", ("items", {})),
            ("/items/new", ("items/new", {})),
            ("/items/7", ("items/{id:int}", {"id": "7"})),
            ("/items/a%20b", ("items/{name}", {"name": "a b"})),
            ("/pages", ("pages/{number?}", {})),
            ("/pages/2", ("pages/{number?}", {"number": "2"})),
            ("/pages/2/3", ("{*all}", {"all": "pages/2/3"})),
        ],
    )
    def test_are_chosen_by_what_fits_best(self, tmp_path: Path, path: str, wanted: tuple[str, dict[str, str]]) -> None:
        routes = ["{*all}", "items/{name}", "items/{id:int}", "items/new", "items", "pages/{number?}"]

        assert chosen(tmp_path, routes, path) == wanted

    @pytest.mark.parametrize(
        ("prefix", "path"), [("", "/api/x"), ('"v1/rest"', "/v1/rest/x"), ('""', "/x")], ids=["default", "own", "none"]
    )
    def test_begin_with_the_prefix_of_the_host(self, tmp_path: Path, prefix: str, path: str) -> None:
        assert chosen(tmp_path, ["x"], path, prefix=prefix)[0] == "x"
        assert chosen(tmp_path, ["x"], f"/elsewhere{path}", prefix=prefix)[0] == "Host.NoRoute"

    def test_are_for_their_methods(self, tmp_path: Path) -> None:
        assert chosen(tmp_path, ["x"], "/x", "POST")[0] == "Host.NoRoute"
