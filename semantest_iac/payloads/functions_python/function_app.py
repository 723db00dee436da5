"""The entry of a packaged Python app on Azure Functions: one function receives every request and calls the handler.

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
)
from semantest_vault import SettingResolver

SOURCE = str(Path(__file__).with_name("source"))
GATEWAY_KEY = os.environ.pop("SEMANTEST_GATEWAY_KEY", "")  # only the API gateway knows it, if there is one
ROUTE_KEYS = json.loads(os.environ.pop("SEMANTEST_ROUTES", "[]"))
IS_FORMAT_1 = os.environ.pop("SEMANTEST_PAYLOAD", "") == "1.0"
SETTINGS = SettingResolver(os.environ)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

sys.path.insert(0, SOURCE)
os.chdir(SOURCE)  # as on Lambda

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
load_once = cache(load_outermost_handler)  # at the first request, so that a failure is logged


@app.route(route="{*path}", methods=METHODS)
def semantest(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Handle every request that came through the app's gateway, if it has one."""
    if GATEWAY_KEY and not compare_digest(req.headers.get(GATEWAY_HEADER, "").encode(), GATEWAY_KEY.encode()):
        return func.HttpResponse('{"message":"Forbidden"}', status_code=403, mimetype="application/json")
    if unresolved := SETTINGS.resolve():  # before any code can take a reference for a secret
        return build_unavailable_response(unresolved)
    function_context = Context(context.invocation_id, context.function_name)
    event = build_event(req, function_context, hops=bool(GATEWAY_KEY), route_keys=ROUTE_KEYS)
    result = load_once()(build_event_of_format_1(event) if IS_FORMAT_1 else event, function_context)
    return build_response(build_result_of_format_2(result) if IS_FORMAT_1 else result, req.method)
