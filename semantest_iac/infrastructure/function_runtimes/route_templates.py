"""Matches paths with the route templates of function apps, which are those of ASP.NET Core.

Sources: ASP.NET Core's reference of route templates and route constraints, and its parser and matcher. The order of
routes is that of the Functions host and not ASP.NET's: the first function by name whose route matches takes the
request (FunctionMetadataManager; issues 3153 and 9876 of azure-functions-host).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

_BRACES = re.compile(r"(?<!\{)\{(?!\{)((?:[^{}]|\{\{|\}\})*)\}(?!\})")
_NAME_SIGNS, _LITERAL_SIGNS = frozenset("/{}?*"), frozenset("?")


class RouteTemplateError(ValueError):
    """A template with which the Functions host would not start; its text says why."""


@dataclass(frozen=True, slots=True)
class TemplateParameter:
    """A parameter such as `{id:int}`, with the default that `{lang=en}` names."""

    name: str
    constraints: Sequence[Callable[[str], bool]] = ()
    default: str | None = None
    is_optional: bool = False
    is_catch_all: bool = False


TemplatePart = str | TemplateParameter


@dataclass(frozen=True, slots=True)
class RouteTemplate:
    """The segments of a template; each is one literal or parameter, or several parts in turn."""

    segments: Sequence[Sequence[TemplatePart]] = field(default_factory=tuple)

    @property
    def parameters(self) -> Iterator[TemplateParameter]:
        return (part for segment in self.segments for part in segment if isinstance(part, TemplateParameter))

    def match(self, path: str) -> dict[str, str] | None:
        """Return the values of a decoded path, defaults included; None if the path or a constraint does not match."""
        values = self._match_segments(path[1:])
        if values is None:
            return None
        for parameter in self.parameters:
            if parameter.default is not None:
                values.setdefault(parameter.name, parameter.default)
            value = values.get(parameter.name)
            if value is None and parameter.is_optional:
                continue
            if not all(value is not None and accepts(value) for accepts in parameter.constraints):
                return None
        return values

    def _match_segments(self, path: str) -> dict[str, str] | None:
        """Match segment by segment; a slash at the end does not count, an empty segment matches nothing."""
        values: dict[str, str] = {}
        given = path.removesuffix("/").split("/") if path else []
        for index, text in enumerate(given):
            if not text or index >= len(self.segments):
                return None
            first = self.segments[index][0]
            if isinstance(first, TemplateParameter) and first.is_catch_all:
                return values | {first.name: "/".join(path.split("/")[index:])}
            found = _match_segment(self.segments[index], text)
            if found is None:
                return None
            values |= found
        return values if all(map(_may_be_absent, self.segments[len(given) :])) else None


def find_first_matching_function(
    functions: Iterable[Mapping[str, Any]], prefix: str, method: str, path: str
) -> tuple[Mapping[str, Any], dict[str, str]] | None:
    """Return the HTTP function that takes a request by its decoded path, with the route's values; None without one."""
    for function in sorted(functions, key=lambda it: str(it["name"]).upper()):
        methods = [known.upper() for known in function.get("methods") or ()]
        if function["isHttp"] and (not methods or method.upper() in methods):
            values = parse_template(full_template(function, prefix)).match(path)
            if values is not None:
                return function, values
    return None


def find_route_fault(functions: Iterable[Mapping[str, Any]], prefix: str) -> str:
    """Return why the host would not start with these functions; empty if it would."""
    for function in functions:
        route = str(function.get("route") or "")
        if not function["isHttp"]:
            continue
        if route.strip("/").lower().startswith("admin"):
            return f"route '{route}' of function '{function['name']}' belongs to the host: it begins with 'admin'"
        try:
            parse_template(full_template(function, prefix))
        except RouteTemplateError as error:
            return f"route '{route}' of function '{function['name']}' is not a route template: {error}"
    return ""


def full_template(function: Mapping[str, Any], prefix: str) -> str:
    """The template of a function below the prefix of all routes; without a route it is the function's name."""
    return "/".join(filter(None, (prefix, str(function.get("route") or function["name"]))))


@lru_cache(maxsize=512)
def parse_template(template: str) -> RouteTemplate:
    """Parse a template; raises RouteTemplateError."""
    text = template.removeprefix("~").removeprefix("/").removesuffix("/")
    segments = tuple(map(_parse_segment, _split_segments(text))) if text else ()
    route = RouteTemplate(segments)
    names = [parameter.name.lower() for parameter in route.parameters]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise RouteTemplateError(f"it has the parameter '{repeated}' twice")
    if any(parameter.is_catch_all for parameter in list(route.parameters)[:-1]) or any(
        isinstance(segment[0], TemplateParameter) and segment[0].is_catch_all for segment in segments[:-1]
    ):
        raise RouteTemplateError("a parameter that takes the rest must be the last")
    return route


def _split_segments(text: str) -> list[str]:
    """Split at slashes outside of parameters: a regular expression may hold some."""
    shielded = _BRACES.sub(lambda match: match[0].replace("/", "\0"), text)
    parts = [part.replace("\0", "/") for part in shielded.split("/")]
    if not all(parts):
        raise RouteTemplateError("two slashes follow each other")
    return parts


def _parse_segment(text: str) -> Sequence[TemplatePart]:
    parts: list[TemplatePart] = []
    end = 0
    for match in _BRACES.finditer(text):
        parts += _parse_literal(text[end : match.start()])
        parts.append(_parse_parameter(match[1].replace("{{", "{").replace("}}", "}")))
        end = match.end()
    parts += _parse_literal(text[end:])
    _check_parts(parts)
    return tuple(parts)


def _parse_literal(text: str) -> list[TemplatePart]:
    plain = text.replace("{{", "\0").replace("}}", "\1")
    if "{" in plain or "}" in plain:
        raise RouteTemplateError("a brace has no counterpart")
    if _LITERAL_SIGNS.intersection(plain):
        raise RouteTemplateError("a '?' stands outside of a parameter")
    return [plain.replace("\0", "{").replace("\1", "}")] if text else []


def _parse_parameter(text: str) -> TemplateParameter:
    inner = text.removeprefix("*").removeprefix("*") if text.startswith("*") else text
    is_optional = inner.endswith("?")
    match = re.match(r"(.[^:=]*)", inner.removesuffix("?"), re.DOTALL)
    name = match[1] if match else ""
    if not name or _NAME_SIGNS.intersection(name):
        raise RouteTemplateError(f"'{name}' is not the name of a parameter")
    written, default = _split_constraints(inner.removesuffix("?")[len(name) :])
    if is_optional and text.startswith("*"):
        raise RouteTemplateError("a parameter that takes the rest cannot be optional")
    if is_optional and default is not None:
        raise RouteTemplateError("an optional parameter cannot have a default")
    return TemplateParameter(name, tuple(map(find_constraint, written)), default, is_optional, text.startswith("*"))


def _split_constraints(text: str) -> tuple[list[str], str | None]:
    """Split `:int:range(1,2)=7` into its constraints and its default; parentheses may hold any sign."""
    constraints: list[str] = []
    while text.startswith(":"):
        match = re.match(r":([^:=(]*\(.*?\)(?=[:=]|$)|[^:=]*)", text, re.DOTALL)
        assert match is not None  # noqa: S101 - the second alternative matches every text
        constraints += filter(None, [match[1]])
        text = text[match.end() :]
    return constraints, text[1:] if text.startswith("=") else None


def _check_parts(parts: Sequence[TemplatePart]) -> None:
    """Raise RouteTemplateError for what one segment cannot hold."""
    for index, part in enumerate(parts):
        if not isinstance(part, TemplateParameter) or len(parts) == 1:
            continue
        if part.is_catch_all:
            raise RouteTemplateError("a parameter that takes the rest must have a segment of its own")
        if index and isinstance(parts[index - 1], TemplateParameter):
            raise RouteTemplateError("two parameters follow each other without a text between them")
        if part.is_optional and (index != len(parts) - 1 or parts[index - 1] != "."):
            raise RouteTemplateError("an optional part of a segment must be its last, after a '.'")


def _may_be_absent(segment: Sequence[TemplatePart]) -> bool:
    part = segment[0]
    return (
        len(segment) == 1
        and isinstance(part, TemplateParameter)
        and (part.is_catch_all or part.is_optional or part.default is not None)
    )


def _match_segment(parts: Sequence[TemplatePart], text: str) -> dict[str, str] | None:
    last = parts[-1]
    found = _match_parts(parts, text, len(parts))
    if found is None and len(parts) > 1 and isinstance(last, TemplateParameter) and last.is_optional:
        return None if text.endswith(".") else _match_parts(parts[:-2], text, len(parts))
    return found


def _match_parts(parts: Sequence[TemplatePart], text: str, segment_size: int) -> dict[str, str] | None:
    """Match from the right, each literal as far to the right as it goes; the whole segment has `segment_size` parts."""
    values: dict[str, str] = {}
    end, folded, pending = len(text), _fold(text), ""
    for index in reversed(range(len(parts))):
        part = parts[index]
        if isinstance(part, TemplateParameter):
            pending = part.name
            start = 0
        else:
            start = folded.rfind(_fold(part), 0, max(0, end - bool(pending)))
            if start < 0 or (index == segment_size - 1 and start + len(part) != len(text)):
                return None
        if pending and (index == 0 or not isinstance(part, TemplateParameter)):
            value = text[start + (0 if isinstance(part, TemplateParameter) else len(part)) : end]
            if not value:
                return None
            values[pending] = value
            pending = ""
        if not isinstance(part, TemplateParameter):
            end = start
    return values if end == 0 or isinstance(parts[0], TemplateParameter) else None


def _fold(text: str) -> str:
    """Fold case without changing the length, as ordinal comparisons do."""
    return "".join(sign.upper() if len(sign.upper()) == 1 else sign for sign in text)


_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_NUMBER = r"(?:\d[\d,]*(?:\.\d*)?|\.\d+)"
_DECIMAL = re.compile(rf"\s*(?:[+-]?{_NUMBER}|{_NUMBER}[+-])\s*", re.ASCII)
_FLOATING = re.compile(rf"\s*[+-]?(?:{_NUMBER}(?:[eE][+-]?\d+)?|Infinity|∞|NaN)\s*", re.ASCII | re.IGNORECASE)
_HEX_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_GUID = re.compile(rf"\s*(?:[0-9a-f]{{32}}|{_HEX_GUID}|\{{{_HEX_GUID}\}}|\({_HEX_GUID}\))\s*", re.IGNORECASE)
_LARGEST_DECIMAL = 2**96 - 1
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month_name>jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
_DAY, _YEAR = r"(?P<day>\d{1,2})", r"(?P<year>\d{4}|\d{2})"
_CLOCK = r"\d{1,2}(?:(?::\d{2}){1,2}(?:\.\d{1,7})?(?:\s*[ap]m)?|\s*[ap]m)(?:\s*(?:z|gmt|[+-]\d{1,2}(?::?\d{2})?))?"
_DATE_FORMS = tuple(
    re.compile(rf"\s*{_WEEKDAY}{form}(?:(?:\s+|t)(?P<clock>{_CLOCK}))?\s*", re.IGNORECASE)
    for form in (
        rf"(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})(?:[-/.]{_DAY})?",
        rf"(?P<month>\d{{1,2}})[-/.]{_DAY}(?:[-/.]{_YEAR})?",
        rf"{_DAY}[\s-]{_MONTH}(?:[\s,-]\s*{_YEAR})?",
        rf"{_MONTH}\s+{_DAY}(?:,?\s+{_YEAR})?",
        rf"{_MONTH}\s+(?P<year>\d{{4}})",
    )
)
_TIME_ALONE = re.compile(rf"\s*(?P<clock>{_CLOCK})\s*", re.IGNORECASE)


def _is_integer(bits: int) -> Callable[[str], bool]:
    def accepts(value: str) -> bool:
        return bool(_INTEGER.fullmatch(value)) and -(1 << (bits - 1)) <= int(value) < 1 << (bits - 1)

    return accepts


def _is_decimal(value: str) -> bool:
    return bool(_DECIMAL.fullmatch(value)) and float(value.replace(",", "").strip(" \t+-")) <= _LARGEST_DECIMAL


def _is_date(value: str) -> bool:
    """Whether a value has one of the common forms of a DateTime in the invariant culture, month before day."""
    if match := _TIME_ALONE.fullmatch(value):
        return _is_time_of_day(match["clock"])
    matches = (form.fullmatch(value) for form in _DATE_FORMS)
    return any(match is not None and _is_calendar_day(match.groupdict()) for match in matches)


def _is_calendar_day(found: Mapping[str, str | None]) -> bool:
    name = found.get("month_name")
    month = _MONTHS.index(name.lower()[:3]) + 1 if name else int(found.get("month") or 1)
    try:
        date(int(found.get("year") or 2000) or 2000, month, int(found.get("day") or 1))
    except ValueError:
        return False
    return not found.get("clock") or _is_time_of_day(str(found["clock"]))


def _is_time_of_day(clock: str) -> bool:
    hour, *rest = map(int, re.findall(r"\d+", re.split(r"[z.+-]|gmt", clock, flags=re.IGNORECASE)[0]))
    return hour <= (12 if re.search("[ap]m", clock, re.IGNORECASE) else 23) and all(part < 60 for part in rest)


def _is_file_name(value: str) -> bool:
    name = value.rpartition("/")[2]
    return "." in name and not name.endswith(".")


def _has_length(low: int, high: int | None) -> Callable[[str], bool]:
    return lambda value: len(value) >= low and (high is None or len(value) <= high)


def _lies_in(low: int | None, high: int | None) -> Callable[[str], bool]:
    is_long = _is_integer(64)
    return lambda value: is_long(value) and (low is None or int(value) >= low) and (high is None or int(value) <= high)


_PLAIN_CONSTRAINTS: Mapping[str, Callable[[str], bool]] = {
    "int": _is_integer(32),
    "long": _is_integer(64),
    "bool": lambda value: value.strip().lower() in ("true", "false"),
    "datetime": _is_date,
    "decimal": _is_decimal,
    "double": lambda value: bool(_FLOATING.fullmatch(value)),
    "float": lambda value: bool(_FLOATING.fullmatch(value)),
    "guid": lambda value: bool(_GUID.fullmatch(value)),
    "alpha": lambda value: bool(re.fullmatch("[A-Za-z]*", value)),
    "required": bool,
    "file": _is_file_name,
    "nonfile": lambda value: not _is_file_name(value),
}
_NUMBER_CONSTRAINTS: Mapping[tuple[str, int], Callable[..., Callable[[str], bool]]] = {
    ("minlength", 1): lambda low: _has_length(low, None),
    ("maxlength", 1): lambda high: _has_length(0, high),
    ("length", 1): lambda size: _has_length(size, size),
    ("length", 2): _has_length,
    ("min", 1): lambda low: _lies_in(low, None),
    ("max", 1): lambda high: _lies_in(None, high),
    ("range", 2): _lies_in,
}


def find_constraint(text: str) -> Callable[[str], bool]:
    """Return the check of an inline constraint such as `range(1,5)`; raises RouteTemplateError for an unknown one."""
    name, parenthesis, rest = text.partition("(")
    argument = rest.removesuffix(")")
    if name.lower() == "regex" and parenthesis:
        return _matches_expression(argument)
    if not parenthesis and name.lower() in _PLAIN_CONSTRAINTS:
        return _PLAIN_CONSTRAINTS[name.lower()]
    try:
        numbers = [int(number) for number in argument.split(",")] if parenthesis else []
    except ValueError:
        raise RouteTemplateError(f"the constraint '{text}' takes numbers") from None
    make = _NUMBER_CONSTRAINTS.get((name.lower(), len(numbers)))
    if make is None:
        raise RouteTemplateError(f"'{text}' is not a constraint that ASP.NET knows")
    return make(*numbers)


def _matches_expression(expression: str) -> Callable[[str], bool]:
    """Search without regard to case, as ASP.NET does; named groups have another form in Python."""
    try:
        pattern = re.compile(re.sub(r"\(\?<(?=\w)", "(?P<", expression), re.IGNORECASE)
    except re.error as error:
        raise RouteTemplateError(f"the regular expression '{expression}' is not understood here: {error}") from None
    return lambda value: pattern.search(value) is not None
