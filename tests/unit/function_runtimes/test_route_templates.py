"""Sources: ASP.NET Core's reference of route templates and constraints, its tests, and the Functions host's order."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.function_runtimes.route_templates import (
    RouteTemplateError,
    find_first_matching_function,
    find_route_fault,
    parse_template,
)


class TestMatch:
    @pytest.mark.parametrize(
        ("template", "path", "values"),
        [
            ("", "/", {}),
            ("hello", "/hello", {}),
            ("hello", "/HELLO/", {}),
            ("hello", "//hello", None),
            ("hello", "/hello//", None),
            ("hello", "/hello/you", None),
            ("{page=Home}", "/", {"page": "Home"}),
            ("{page=Home}", "/Contact", {"page": "Contact"}),
            ("{controller}/{action}/{id?}", "/Products/List", {"controller": "Products", "action": "List"}),
            ("{a}/{b}/{id?}", "/p/d/123", {"a": "p", "b": "d", "id": "123"}),
            ("{a=Home}/{b=Index}/{id?}", "/", {"a": "Home", "b": "Index"}),
            ("{a=Home}/{b=Index}/{id?}", "/Products", {"a": "Products", "b": "Index"}),
            ("blog/{*slug}", "/blog", {}),
            ("blog/{**slug}", "/blog/my/path/", {"slug": "my/path/"}),
            ("blog/{*slug}", "/blog/a//b", {"slug": "a//b"}),
            ("{*all}", "//blog", None),
            ("files/{name}.{ext}", "/files/my.file.txt", {"name": "my.file", "ext": "txt"}),
            ("files/{name}.{ext}", "/files/my", None),
            ("files/{name}.{ext?}", "/files/my.txt", {"name": "my", "ext": "txt"}),
            ("files/{name}.{ext?}", "/files/my", {"name": "my"}),
            ("files/{name}.{ext?}", "/files/my.", None),
            ("a{b}c{d}", "/abcd", {"b": "b", "d": "d"}),
            ("a{b}c{d}", "/aabcd", None),
            ("{x}-suffix", "/some-SUFFIX", {"x": "some"}),
            ("{{x}}/{y}", "/{x}/1", {"y": "1"}),
            ("{id:int=7}", "/", {"id": "7"}),
            ("{id:int?}", "/", {}),
            ("{id:int?}", "/seven", None),
            ("{*rest:int}", "/", None),
            ("{p:regex(^a:b=c/d$)}/z", "/a:b=c/z", None),
        ],
    )
    def test_returns_the_values_of_a_path(self, template: str, path: str, values: dict[str, str] | None) -> None:
        assert parse_template(template).match(path) == values

    @pytest.mark.parametrize(
        ("constraint", "accepted", "refused"),
        [
            ("int", ["123456789", "-123456789", " 7", "+7"], ["", "1.5", "2147483648", "seven"]),
            ("long", ["2147483648", "-9223372036854775808"], ["9223372036854775808"]),
            ("bool", ["true", "FALSE"], ["1", "yes"]),
            (
                "datetime",
                [
                    "2016-12-31",
                    "2016-12-31 7:32pm",
                    "12-31-2016",
                    "2016-12-31T07:32:01.5Z",
                    "31 Dec 2016",
                    "Dec 31, 2016",
                ],
                ["2016-13-31", "31-12-2016", "2016-12-31 25:00", "soon", "7"],
            ),
            ("decimal", ["49.99", "-1,000.01", "7-"], ["1e8", "9" * 30, "x"]),
            ("double", ["1.234", "-1,001.01e8", "NaN"], ["1.2.3", "7-", "x"]),
            ("float", ["1.234", "-1,001.01e8", ".5"], ["1.2.3", "x"]),
            (
                "guid",
                ["CD2C1638-1638-72D5-1638-DEADBEEF1638", "cd2c1638163872d51638deadbeef1638"],
                ["CD2C1638", "x" * 32],
            ),
            ("minlength(4)", ["Rick"], ["Ric"]),
            ("maxlength(8)", ["MyFile"], ["MyLongFile"]),
            ("length(12)", ["somefile.txt"], ["file.txt"]),
            ("length(8,16)", ["somefile.txt"], ["a.txt", "averylongfilename.txt"]),
            ("min(18)", ["19", "18"], ["17", "x"]),
            ("max(120)", ["91", "-1"], ["121"]),
            ("range(18,120)", ["91"], ["17", "121"]),
            ("alpha", ["Rick"], ["Rick1", "Rick "]),
            (r"regex(^\d{{3}}-\d{{2}}-\d{{4}}$)", ["123-45-6789"], ["123-45-678", "x123-45-6789"]),
            ("regex(^(list|get)$)", ["list", "GET"], ["lists"]),
            ("regex([a-z]{{2}})", ["hello", "123abc456", "MZ"], ["1a2"]),
            ("regex((?<word>x))", ["x"], ["y"]),
            ("required", ["Rick"], []),
            ("int:min(1)", ["1"], ["0", "x"]),
            ("alpha:minlength(2):maxlength(3)", ["ab", "abc"], ["a", "abcd", "a1"]),
        ],
    )
    def test_checks_constraints(self, constraint: str, accepted: list[str], refused: list[str]) -> None:
        route = parse_template(f"items/{{value:{constraint}}}")

        assert [value for value in accepted if route.match(f"/items/{value}") is None] == []
        assert [value for value in refused if value and route.match(f"/items/{value}") is not None] == []

    @pytest.mark.parametrize(
        ("template", "reason"),
        [
            ("a//b", "two slashes"),
            ("{id:number}", "'number' is not a constraint"),
            ("{id:range(1)}", "'range(1)' is not a constraint"),
            ("{id:min(x)}", "takes numbers"),
            ("{id", "no counterpart"),
            ("a}", "no counterpart"),
            ("{a}{b}", "two parameters"),
            ("{*a}/b", "must be the last"),
            ("x{*a}", "a segment of its own"),
            ("{a?}-b", "after a '.'"),
            ("{a=1?}", "cannot have a default"),
            ("{*a?}", "cannot be optional"),
            ("{a}/{A}", "twice"),
            ("{a:regex([)}", "not understood here"),
            ("{}", "not the name"),
            ("a?b", "outside of a parameter"),
        ],
    )
    def test_refuses_what_aspnet_refuses(self, template: str, reason: str) -> None:
        with pytest.raises(RouteTemplateError, match=reason.replace("(", r"\(").replace(")", r"\)")):
            parse_template(template)


def functions_of(**routes: str) -> list[dict[str, Any]]:
    return [{"name": name, "isHttp": True, "route": route, "methods": ["GET"]} for name, route in routes.items()]


class TestMatchFunctionRoute:
    def test_takes_the_first_function_by_name(self) -> None:
        """As reported in issue 9876 of azure-functions-host: `Details` always answers for `List`."""
        functions = functions_of(list="products/list", Details="products/{id}")

        found = find_first_matching_function(functions, "api", "GET", "/api/products/list")

        assert found is not None
        assert (found[0]["name"], found[1]) == ("Details", {"id": "list"})

    def test_tries_the_next_function_if_a_constraint_or_method_does_not_match(self) -> None:
        functions = [*functions_of(b="items/{id}", a="items/{id:int}"), *functions_of(c="other")]

        by_constraint = find_first_matching_function(functions, "", "get", "/items/x")
        by_method = find_first_matching_function(functions, "", "POST", "/other")

        assert (by_constraint and by_constraint[0]["name"], by_method) == ("b", None)

    def test_calls_a_function_without_a_route_by_its_name(self) -> None:
        functions = [{"name": "Hello", "isHttp": True, "route": None, "methods": []}]

        assert find_first_matching_function(functions, "api", "GET", "/api/hello") == (functions[0], {})

    def test_skips_functions_with_other_triggers(self) -> None:
        assert find_first_matching_function([{"name": "tick", "isHttp": False}], "", "GET", "/tick") is None


class TestFindRouteFault:
    def test_is_empty_for_good_routes(self) -> None:
        assert find_route_fault(functions_of(a="items/{id:int}", b=""), "api") == ""

    @pytest.mark.parametrize(
        ("route", "reason"),
        [("items/{id:number}", "'number' is not a constraint"), ("/items", "two slashes"), ("Administration", "admin")],
    )
    def test_names_function_route_and_reason(self, route: str, reason: str) -> None:
        fault = find_route_fault(functions_of(item=route), "api")

        assert f"route '{route}' of function 'item'" in fault
        assert reason in fault
