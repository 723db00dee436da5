"""The entry of a packaged Python app on Azure Functions: one function takes every request and hands it on.

Secrets are here already: the platform puts Key Vault's values into the app settings.
"""

import os
import sys
from functools import cache
from hmac import compare_digest
from pathlib import Path

import azure.functions as func
from semantest_handler import first_handler
from semantest_trigger import GATEWAY_HEADER, Context, event_of, response_of

SOURCE = str(Path(__file__).with_name("source"))
GATEWAY_KEY = os.environ.pop("SEMANTEST_GATEWAY_KEY", "")  # the API gateway alone knows it, where there is one
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

sys.path.insert(0, SOURCE)
os.chdir(SOURCE)  # where Lambda starts it, too

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
handler = cache(first_handler)  # at the first request: what fails there is an error that the log tells


@app.route(route="{*path}", methods=METHODS)
def semantest(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request of the app, once it came through its gateway."""
    if GATEWAY_KEY and not compare_digest(req.headers.get(GATEWAY_HEADER, "").encode(), GATEWAY_KEY.encode()):
        return func.HttpResponse('{"message":"Forbidden"}', status_code=403, mimetype="application/json")
    identity = Context(context.invocation_id, context.function_name)
    return response_of(handler()(event_of(req, identity, hops=bool(GATEWAY_KEY)), identity))
