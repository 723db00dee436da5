"""Runs inside a function app's process: loads `function_app.py` as Azure's worker does, and calls its functions.

Started as `functions_python_host.py` in the package's folder. Without a `function_app.py` the app is one of
programming model v1.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import inspect
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookies import Morsel, SimpleCookie
from types import SimpleNamespace
from typing import Any

MAX_ANSWER_BYTES = 128 * 1024 * 1024  # of one message between Azure's host and its worker
SITE = ".python_packages/lib/site-packages"
HTTP_TRIGGER = "httpTrigger"
LOG_SETTING = "azurefunctionsjobhost__logging__loglevel__"
LEVELS = {"Trace": 0, "Debug": 10, "Information": 20, "Warning": 30, "Error": 40, "Critical": 50, "None": 99}
LOG_RULES: dict[str, str] = {}
RUNNING = {"function": ""}  # one call at a time
CallFunction = Callable[[dict[str, Any]], Any]
LOOP = asyncio.new_event_loop()
"""The loop of all coroutines, which runs between calls too, as that of Azure's worker does."""


class InvocationContext:
    """A function's argument `context`."""

    def __init__(self, call: dict[str, Any]) -> None:
        parent, state = call["trace"]["parent"], call["trace"]["state"]
        self.function_name = call["function"]
        self.function_directory = os.getcwd()
        self.invocation_id = call["id"]
        self.thread_local_storage = threading.local()
        self.trace_context = SimpleNamespace(
            trace_parent=parent, trace_state=state, attributes={}, Traceparent=parent, Tracestate=state, Attributes={}
        )
        self.retry_context = SimpleNamespace(retry_count=0, max_retry_count=0, exception=None)


def load_app() -> tuple[CallFunction, dict[str, Any]]:
    """Load the app; returns one function that dispatches calls, and what calls the app's functions."""
    LOG_RULES.update(read_log_rules())
    set_up_logging()
    threading.Thread(target=LOOP.run_forever, daemon=True).start()
    root = os.getcwd()
    sys.path[:0] = [root, os.path.join(root, SITE)]
    sys.path.append(
        os.path.join(os.path.dirname(__file__), "functions_library")
    )  # last: a package's own library takes precedence
    if not os.path.exists("function_app.py"):
        return load_function_folders()
    app = next(filter(_is_app, vars(importlib.import_module("function_app")).values()), None)
    if app is None:
        raise ImportError("function_app.py holds no FunctionApp")
    functions = {function.get_function_name(): function for function in app.get_functions()}
    return lambda call: _call_function(functions[call["function"]], call), {
        "functions": [*map(_describe_function, functions.values())]
    }


def load_function_folders() -> tuple[CallFunction, dict[str, Any]]:
    """Load an app of model v1; raises ImportError if it is none either."""
    folders = {folder.name: folder for folder in _import_beside("functions_python_v1").import_function_folders()}
    if not folders:
        raise ImportError("there is neither a function_app.py nor a folder with a function.json")

    def call_folder(call: dict[str, Any]) -> Any:
        RUNNING["function"] = call["function"]
        context = InvocationContext(call)
        context.function_directory = os.path.join(os.getcwd(), call["function"])
        return _response(folders[call["function"]].call(_request(call["http"]), context, LOOP))

    return call_folder, {"functions": [folder.describe() for folder in folders.values()]}


def _import_beside(name: str) -> Any:
    """Import a module that lies beside this one, which the app cannot see."""
    sys.path.insert(0, os.path.dirname(__file__))
    try:
        return importlib.import_module(name)
    finally:
        del sys.path[0]


def set_up_logging() -> None:
    """Give the root logger a handler and the level INFO before the app's code, as Azure's worker does.

    A setting allows DEBUG too; what the host then shows is a matter of its own levels.
    Source: the dispatcher of Azure's Python worker.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    handler.addFilter(lambda record: record.levelno >= LEVELS[find_log_level(LOG_RULES, RUNNING["function"])])
    root = logging.getLogger()
    is_verbose = os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING", "").lower() in ("true", "1", "t", "yes", "y")
    root.setLevel(logging.DEBUG if is_verbose else logging.INFO)
    root.addHandler(handler)


def read_log_rules() -> dict[str, str]:
    """Read the levels of host.json by the beginnings of categories; settings of the app take precedence."""
    try:
        with open("host.json", encoding="utf-8-sig") as file:
            written = (json.load(file).get("logging") or {}).get("logLevel") or {}
    except (OSError, ValueError):
        written = {}
    own = {name.lower(): value for name, value in os.environ.items() if name.lower().startswith(LOG_SETTING)}
    rules = {**written, **{name[len(LOG_SETTING) :].replace("__", "."): value for name, value in own.items()}}
    return {name.lower(): str(level).capitalize() for name, level in rules.items() if str(level).capitalize() in LEVELS}


def find_log_level(rules: dict[str, str], function: str) -> str:
    """Find the level from which the host shows what a function logs: that of the longest beginning of its category."""
    category = f"function.{function}.user".lower()
    fitting = [name for name in rules if category.startswith(name)]
    return rules[max(fitting, key=len)] if fitting else rules.get("default", "Information")


def _is_app(value: Any) -> bool:
    return hasattr(value, "get_functions") and not isinstance(value, type)


def _describe_function(function: Any) -> dict[str, Any]:
    trigger = function.get_trigger()
    if trigger.get_binding_name() != HTTP_TRIGGER:
        return {"name": function.get_function_name(), "isHttp": False, "trigger": trigger.get_binding_name()}
    return {
        "name": function.get_function_name(),
        "isHttp": True,
        "route": trigger.route,
        "methods": [_enum_text(method) for method in trigger.methods or ()],
        "authLevel": _enum_text(trigger.auth_level or "function"),
    }


def _enum_text(value: Any) -> str:
    return str(getattr(value, "value", value))


def _call_function(function: Any, call: dict[str, Any]) -> Any:
    RUNNING["function"] = call["function"]
    user_function, trigger = function.get_user_function(), function.get_trigger()
    arguments = {trigger.name: _build_argument(call)}
    if "context" in inspect.signature(user_function).parameters:
        arguments["context"] = InvocationContext(call)
    result = user_function(**arguments)
    if inspect.iscoroutine(result):
        result = asyncio.run_coroutine_threadsafe(result, LOOP).result()
    return _response(result) if "http" in call else None


def _build_argument(call: dict[str, Any]) -> Any:
    """Make what the trigger passes: a request, a message, or a tick with the time that was planned."""
    if "http" in call:
        return _request(call["http"])
    if "timer" in call:
        return SimpleNamespace(past_due=False, schedule_status={"Next": call["timer"]["planned"]}, schedule={})
    message = call["message"]
    body = base64.b64decode(message["body"])
    return SimpleNamespace(
        get_body=lambda: body,
        message_id=message["id"],
        lock_token=message.get("lock", ""),
        delivery_count=message.get("deliveries", 1),
        enqueued_time_utc=datetime.fromtimestamp(message.get("sent", 0), UTC),
        session_id=message.get("group") or None,
        application_properties=message.get("attributes", {}),
    )


def _request(http: dict[str, Any]) -> Any:
    return importlib.import_module("azure.functions").HttpRequest(
        http["method"],
        http["url"],
        headers=http["headers"],
        params=http["query"],
        route_params=http["params"],
        body=http["body"] if isinstance(http["body"], bytes) else base64.b64decode(http["body"]),
    )


def _response(result: Any) -> dict[str, Any] | None:
    if result is None:
        return None
    if isinstance(result, str):
        return _http_answer(200, {"content-type": "text/plain; charset=utf-8"}, (), result.encode())
    cookies = [morsel for text in result.headers.get_all("Set-Cookie") for morsel in SimpleCookie(text).values()]
    headers = {name.lower(): value for name, value in result.headers.items() if name.lower() != "set-cookie"}
    charset = f"; charset={result.charset}" if result.mimetype.startswith("text/") else ""
    headers.setdefault("content-type", result.mimetype + charset)
    return _http_answer(result.status_code, headers, map(_cookie, cookies), result.get_body())


def _http_answer(
    status: int, headers: dict[str, str], cookies: Iterable[dict[str, Any]], body: bytes
) -> dict[str, Any]:
    encoded = base64.b64encode(body).decode("ascii")
    return {"status": status, "headers": headers, "cookies": [*cookies], "body": encoded}


def take_large_body(answer: dict[str, Any] | None) -> tuple[Any, bytes, int] | None:
    """Take a large body, which is in base64, from an answer."""
    body = answer["body"] if answer else ""
    if len(body) <= sys.modules["semantest_channel"].LARGEST_IN_LINE:
        return None
    return {**(answer or {}), "body": ""}, base64.b64decode(body), len(body)


def _cookie(morsel: Morsel[str]) -> dict[str, Any]:
    expiry = morsel["expires"]
    return {
        "name": morsel.key,
        "value": morsel.value,
        "domain": morsel["domain"],
        "path": morsel["path"],
        "expires": parsedate_to_datetime(expiry).timestamp() if expiry else None,
        "maxAge": int(morsel["max-age"]) if morsel["max-age"] != "" else None,
        "secure": bool(morsel["secure"]),
        "httpOnly": bool(morsel["httponly"]),
        "sameSite": morsel["samesite"].lower(),
    }


def describe_error(error: Exception, call: Any) -> dict[str, Any]:
    """Describe an error for the host, which writes it to the log."""
    frames = traceback.extract_tb(error.__traceback__)
    own = (__file__, os.path.join(os.path.dirname(__file__), "semantest_channel.py"))
    while frames and frames[0].filename in own:
        del frames[0]
    is_ours = isinstance(error, sys.modules["semantest_channel"].AnswerError)
    kind = getattr(error, "kind", "") if is_ours else type(error).__name__
    return {"errorMessage": str(error), "errorType": kind, "stackTrace": traceback.format_list(frames)}


def main() -> None:
    """Serve the app."""
    _import_beside("semantest_bytecode").keep_bytecode(os.getcwd())
    _import_beside("semantest_channel").serve(load_app, describe_error, MAX_ANSWER_BYTES, take_large_body)


if __name__ == "__main__":
    main()
