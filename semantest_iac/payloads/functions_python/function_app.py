"""The entry of a packaged Python app on Azure Functions: receives every request and calls the user's code.

The platform puts Key Vault's values into the app settings; where it could not yet, they are read here.
"""

import asyncio
import json
import os
import sys
from functools import cache
from hmac import compare_digest
from pathlib import Path
from urllib.parse import urlsplit

import azure.functions as func
from semantest_handler import find_application, load_outermost_handler, read_settings
from semantest_payload import build_event_of_format_1, build_result_of_format_2
from semantest_trigger import (
    GATEWAY_HEADER,
    Context,
    build_event,
    build_response,
    build_unavailable_response,
    list_triggers,
)
from semantest_vault import SettingResolver

SOURCE = str(Path(__file__).with_name("source"))
GATEWAY_KEY = os.environ.pop("SEMANTEST_GATEWAY_KEY", "")  # only the API gateway knows it, if there is one
ROUTES = json.loads(os.environ.pop("SEMANTEST_ROUTES", "[]"))  # of several functions, by function
FUNCTIONS = {key: name for name, keys in ROUTES.items() for key in keys} if isinstance(ROUTES, dict) else {}
ROUTE_KEYS = [*FUNCTIONS] or ROUTES
PAYLOAD = os.environ.pop("SEMANTEST_PAYLOAD", "")  # of several functions, by function
FORMATS = json.loads(PAYLOAD or "{}") if FUNCTIONS else {"": PAYLOAD}
SETTINGS = SettingResolver(os.environ)

sys.path.insert(0, SOURCE)
os.chdir(SOURCE)  # as on Lambda

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
load_once = cache(load_outermost_handler)  # at the first request, so that a failure is logged


def receive_request(req: func.HttpRequest, context: func.Context) -> tuple[dict, Context] | func.HttpResponse:
    """Return the event of a request that came through the app's gateway, if it has one, or the refusal of another."""
    if GATEWAY_KEY and not compare_digest(req.headers.get(GATEWAY_HEADER, "").encode(), GATEWAY_KEY.encode()):
        return func.HttpResponse('{"message":"Forbidden"}', status_code=403, mimetype="application/json")
    if unresolved := SETTINGS.resolve():  # before any code can take a reference for a secret
        return build_unavailable_response(unresolved)
    function_context = Context(context.invocation_id, context.function_name)
    event = build_event(req, function_context, hops=bool(GATEWAY_KEY), route_keys=ROUTE_KEYS)
    if FUNCTIONS and event["routeKey"] not in FUNCTIONS:
        return func.HttpResponse(status_code=404)  # as the host does where no trigger fits
    return event, function_context


def call_handler(req: func.HttpRequest, event: dict, context: Context) -> func.HttpResponse:
    """Answer with the handler of the route."""
    function = FUNCTIONS.get(event["routeKey"], "")
    handler, path = load_once(function), urlsplit(req.url).path or "/"
    if FORMATS.get(function) == "1.0":
        result = build_result_of_format_2(handler(build_event_of_format_1(event, path), context))
        return build_response(result, req.method)
    return build_response(handler(event, context), req.method)


def answer(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer with a handler, in one of the worker's threads."""
    received = receive_request(req, context)
    return received if isinstance(received, func.HttpResponse) else call_handler(req, *received)


@cache
def make_application(name: str):
    """Make an ASGI or WSGI application of the user's; it is loaded at the first request, as handlers are."""
    from semantest_application import RunningApplication

    return RunningApplication(name)


async def answer_with_application(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer with the application of the route, on the worker's event loop, or with its handler, in a thread."""
    received = receive_request(req, context)
    if isinstance(received, func.HttpResponse):
        return received
    event, function_context = received
    name = find_application(FUNCTIONS.get(event["routeKey"], ""))
    if not name:
        return await asyncio.to_thread(call_handler, req, event, function_context)
    return build_response(await make_application(name).answer(event, function_context), req.method)


has_application = "app" in read_settings() or any(map(find_application, read_settings().get("functions", ())))
chosen = answer_with_application if has_application else answer
for trigger in list_triggers(ROUTES):
    app.function_name(trigger.name)(app.route(route=trigger.route, methods=trigger.methods)(chosen))
