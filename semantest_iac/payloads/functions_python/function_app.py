"""The entry of a packaged Python app on Azure Functions: receives every request and calls the handler of its route.

The platform puts Key Vault's values into the app settings; where it could not yet, they are read here.
"""

import json
import os
import sys
from functools import cache
from hmac import compare_digest
from pathlib import Path

import azure.functions as func
from semantest_handler import load_outermost_handler
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
IS_FORMAT_1 = os.environ.pop("SEMANTEST_PAYLOAD", "") == "1.0"
SETTINGS = SettingResolver(os.environ)

sys.path.insert(0, SOURCE)
os.chdir(SOURCE)  # as on Lambda

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
load_once = cache(load_outermost_handler)  # at the first request, so that a failure is logged


def answer(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Handle every request that came through the app's gateway, if it has one."""
    if GATEWAY_KEY and not compare_digest(req.headers.get(GATEWAY_HEADER, "").encode(), GATEWAY_KEY.encode()):
        return func.HttpResponse('{"message":"Forbidden"}', status_code=403, mimetype="application/json")
    if unresolved := SETTINGS.resolve():  # before any code can take a reference for a secret
        return build_unavailable_response(unresolved)
    function_context = Context(context.invocation_id, context.function_name)
    event = build_event(req, function_context, hops=bool(GATEWAY_KEY), route_keys=ROUTE_KEYS)
    if FUNCTIONS and event["routeKey"] not in FUNCTIONS:
        return func.HttpResponse(status_code=404)  # as the host does where no trigger fits
    handler = load_once(FUNCTIONS.get(event["routeKey"], ""))
    result = handler(build_event_of_format_1(event) if IS_FORMAT_1 else event, function_context)
    return build_response(build_result_of_format_2(result) if IS_FORMAT_1 else result, req.method)


for trigger in list_triggers(ROUTES):
    app.function_name(trigger.name)(app.route(route=trigger.route, methods=trigger.methods)(answer))
