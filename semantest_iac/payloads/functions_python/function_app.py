"""The entry of a packaged Python app on Azure Functions: receives what calls it and calls the user's code.

The platform puts Key Vault's values into the app settings; where it could not yet, they are read here.
"""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from functools import cache
from hmac import compare_digest
from pathlib import Path
from urllib.parse import urlsplit

import azure.functions as func
from semantest_events import (
    BROKER,
    build_message_event,
    build_schedule_event,
    find_due_time,
    read_planned_time,
    read_timeout,
    require_success,
)
from semantest_handler import find_application, load_outermost_handler, read_settings
from semantest_payload import build_event_of_format_1, build_result_of_format_2
from semantest_trigger import (
    GATEWAY_HEADER,
    MAIN,
    Context,
    build_event,
    build_response,
    build_unavailable_response,
    encode_json,
    list_triggers,
)
from semantest_vault import SettingResolver

SOURCE = str(Path(__file__).with_name("source"))
GATEWAY_KEY = os.environ.pop("SEMANTEST_GATEWAY_KEY", "")  # only the API gateway knows it, if there is one
TRIGGERS = json.loads(os.environ.pop("SEMANTEST_TRIGGERS", "[]"))  # what calls functions besides requests
HAS_API = not TRIGGERS or "SEMANTEST_ROUTES" in os.environ
ROUTES = json.loads(os.environ.pop("SEMANTEST_ROUTES", "[]"))  # of several functions, by function
FUNCTIONS = {key: name for name, keys in ROUTES.items() for key in keys} if isinstance(ROUTES, dict) else {}
ROUTE_KEYS = [*FUNCTIONS] or ROUTES
PAYLOAD = os.environ.pop("SEMANTEST_PAYLOAD", "")  # of several functions, by function
FORMATS = json.loads(PAYLOAD or "{}") if FUNCTIONS else {"": PAYLOAD}
SETTINGS = SettingResolver(os.environ)
FUNCTION_TIMEOUT_S = read_timeout(os.environ)

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
for trigger in list_triggers(ROUTES) if HAS_API else ():
    app.function_name(trigger.name)(app.route(route=trigger.route, methods=trigger.methods)(chosen))


def call_event_handler(trigger: dict, event: dict, context: func.Context) -> object:
    """Call the handler of the trigger's function; what fails here is delivered again by the broker."""
    if unresolved := SETTINGS.resolve():
        raise RuntimeError(f"Key Vault has not given these settings yet: {', '.join(unresolved)}")
    function_context = Context(context.invocation_id, context.function_name, FUNCTION_TIMEOUT_S)
    return load_once(trigger["function"])(event, function_context)


def register_messages(trigger: dict) -> None:
    """Register a function of the host that gets the messages of a queue or of a subscription, one at a time."""

    def handle_message(message: func.ServiceBusMessage, context: func.Context) -> None:
        event = build_message_event(message, trigger.get("queue") or trigger["subscription"])
        require_success(call_event_handler(trigger, event, context), event)

    common = {"arg_name": "message", "connection": BROKER, "is_sessions_enabled": bool(trigger.get("ordered"))}
    if "queue" in trigger:
        decorate = app.service_bus_queue_trigger(queue_name=trigger["queue"], **common)
    else:
        names = {"topic_name": trigger["topic"], "subscription_name": trigger["subscription"]}
        decorate = app.service_bus_topic_trigger(**names, **common)
    app.function_name(trigger["function"] or MAIN)(decorate(handle_message))


def register_schedule(trigger: dict) -> None:
    """Register a function of the host that is called by its timer, which may fire when the schedule means nothing."""

    def handle_tick(timer: func.TimerRequest, context: func.Context) -> None:
        time = find_due_time(trigger, read_planned_time(timer.schedule_status), datetime.now(UTC))
        if time is not None:
            event = build_schedule_event(context.invocation_id, trigger["function"] or MAIN, time)
            call_event_handler(trigger, event, context)

    decorate = app.timer_trigger(arg_name="timer", schedule=trigger["timer"], run_on_startup=False, use_monitor=True)
    app.function_name(trigger["function"] or MAIN)(decorate(handle_tick))


def register_calls(trigger: dict) -> None:
    """Register a function of the host that other functions of the app call, with an event as the body."""
    from semantest_callers import ANSWER_HEADER, is_own_call

    def handle_call(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        if not is_own_call(req.headers.get("authorization", "")):
            return func.HttpResponse('{"message":"Forbidden"}', status_code=403, mimetype="application/json")
        result = call_event_handler(trigger, json.loads(req.get_body()), context)
        headers = {ANSWER_HEADER: "answered"}
        return func.HttpResponse(encode_json(result), headers=headers, mimetype="application/json")

    name = trigger["function"] or MAIN
    app.function_name(name)(app.route(route=f"api/{name}", methods=["POST"])(handle_call))


for trigger in TRIGGERS:
    register = register_schedule if "timer" in trigger else register_calls if "http" in trigger else register_messages
    register(trigger)
