"""Validation rules for several functions behind one API; paths are relative to the component."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.environments.configuration import derive_function_name, find_functions, find_route_function
from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.environments.rules.findings import Finding, Rule, RuleSubject, advise, refuse
from semantest_iac.domain.environments.section_types import FUNCTION_NAME
from semantest_iac.domain.environments.sections import ComponentSection, RouteSection

LONGEST_FUNCTION_NAME = 40
RESERVED_FUNCTION_NAME = "semantest"  # of the function that an app has for all routes without one
_NAME_HINT = f"Lower-case letters, digits and single hyphens, {LONGEST_FUNCTION_NAME} characters at most: list-todos."


def check_functions(subject: RuleSubject) -> Iterator[Finding]:
    """Functions have names and handlers, and each has a route."""
    section = subject.section
    used = {find_route_function(section, route) for route in section.routes or ()}
    for name, function in section.functions.items():
        at = f"functions.{make_printable(name)}"
        if reason := _find_name_fault(name):
            yield refuse(at, reason, _NAME_HINT)
        if function.handler is None and function.app is None:
            hint = "Such as todos/create.handler; an ASGI or WSGI application is named by app."
            yield refuse(f"{at}.handler", "missing", hint)
        if name not in used and subject.serves_http:
            yield refuse(at, "no route uses it", f"Name it in a route: function: {make_printable(name)}.")


def check_several_functions(subject: RuleSubject) -> Iterator[Finding]:
    """Several functions have a source of one's own, an HTTP API, and no handler beside them that no route reaches."""
    section, found = subject.section, find_functions(subject.section)
    if not subject.serves_http and section.functions:
        yield refuse("functions", "a WebSocket API has one function, which handles every event", "Leave it out.")
    elif found and section.source is None:
        hint = "Name the folder with the handlers as source."
        yield refuse("functions" if section.functions else "routes", "there is no source that holds handlers", hint)
    if found and section.routes and all(find_route_function(section, route) for route in section.routes):
        for key in ("handler", "entry", "app"):
            if getattr(section, key) is not None:
                yield refuse(key, "no route uses it", "Leave it out, or let a route name no function.")


def check_route_functions(subject: RuleSubject) -> Iterator[Finding]:
    """Each route names one function, or leaves its requests to the component's own handler, entry or app."""
    section, derived = subject.section, dict[str, str]()
    for index, route in enumerate(section.routes or ()):
        at = f"routes[{index}]"
        if route.function is not None and route.handler is not None:
            yield refuse(at, "names a function and a handler", "Write one of them: the function has its handler.")
        elif route.function is not None and route.function not in section.functions:
            hint = suggest_known(route.function, section.functions) if section.functions else "Add it to functions."
            yield refuse(f"{at}.function", f"'{make_printable(route.function)}' is not a function", hint)
        elif route.handler is not None:
            yield from _check_route_handler(f"{at}.handler", route, section, derived)
        elif route.function is None and find_functions(section) and not _defines_main_function(section):
            hint = "Name one, or give the component a handler for the routes without."
            yield refuse(at, "names neither function nor handler", hint)


def _defines_main_function(section: ComponentSection) -> bool:
    return any((section.handler, section.entry, section.app))


def _check_route_handler(
    at: str, route: RouteSection, section: ComponentSection, derived: dict[str, str]
) -> Iterator[Finding]:
    """Check the name of the function that a handler makes; `derived` are the handlers before it by name."""
    handler = route.handler or ""
    same = [name for name, function in section.functions.items() if function.handler == handler]
    if len(same) > 1:
        yield refuse(at, f"the functions {', '.join(same)} all have this handler", "Name the function in its place.")
    if same or handler == section.handler:
        return
    name, hint = derive_function_name(handler), "Give the function a name under functions, and name that in the route."
    other = derived.setdefault(name, handler)
    if name in section.functions or other != handler:
        taken = "a function" if name in section.functions else make_printable(other)
        yield refuse(at, f"would be the function '{name}', and so is {taken}", hint)
    elif reason := _find_name_fault(name):
        yield refuse(at, f"would be the function '{make_printable(name)}': {reason}", hint)


def _find_name_fault(name: str) -> str:
    if name == RESERVED_FUNCTION_NAME:
        return "this name is taken by the package itself"
    is_name = FUNCTION_NAME.fullmatch(name) and len(name) <= LONGEST_FUNCTION_NAME
    return "" if is_name else "not the name of a function"


def check_health_route(subject: RuleSubject) -> Iterator[Finding]:
    """Where the routes are all that the service answers, one of them takes the health check."""
    settings = subject.settings
    if settings is None or not settings.health.enabled or not subject.serves_http:
        return
    path = settings.health.path
    if path and not settings.has_main_function and not any(route.takes_get(path) for route in settings.routes):
        yield refuse("health.path", f"no route takes GET {make_printable(path)}", "Name a path of a route.")
    elif settings.health_path is None:
        reason = "nothing is asked after a deployment: no GET route without parameters is open to everyone"
        yield advise("health", reason, "Name one as health.path, or write health: none to silence this.")


FUNCTIONS_RULES: tuple[Rule, ...] = (
    check_functions,
    check_several_functions,
    check_route_functions,
    check_health_route,
)
