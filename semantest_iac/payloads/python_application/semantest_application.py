"""Serves an ASGI or WSGI application with events of API Gateway, on Lambda and on Azure Functions alike.

mangum translates events and responses, a2wsgi makes an ASGI application of a WSGI one; both are packaged beside this
file. Here is the rest: loading the application, telling the two interfaces apart, running its lifespan once for each
instance, and the parts of a request that mangum leaves out.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import string
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import quote

from mangum import Mangum
from mangum.exceptions import LifespanFailure, LifespanUnsupported
from mangum.protocols import HTTPCycle, LifespanCycle

PATH_CHARACTERS = "/:@!$&'()*+,;=~"  # those that a path may hold unencoded (RFC 3986)
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Message, Receive, Send], Awaitable[None]]

logging.getLogger("mangum").setLevel(logging.WARNING)  # otherwise a line for every request, which both clouds log too


def load_application(name: str) -> Any:
    """Import `module:attribute`, and call a factory that is written `module:attribute()`."""
    module, _, written = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in written.removesuffix("()").split("."):
        found = getattr(found, part)
    return found() if written.endswith("()") else found


def is_asgi(application: Any, name: str) -> bool:
    """Whether an application is ASGI, not WSGI: a coroutine function, or one of three arguments in place of two."""
    if not callable(application):
        raise TypeError(f"app {name!r} is {type(application).__name__}, and no ASGI or WSGI application")
    if any(map(inspect.iscoroutinefunction, (application, getattr(application, "__call__", None)))):  # noqa: B004
        return True
    is_wsgi, is_possible_asgi = _accepts(application, 2), _accepts(application, 3)
    if is_wsgi != is_possible_asgi:
        return is_possible_asgi
    if _accepts(application, 0) and not is_wsgi:
        raise TypeError(f"app {name!r} takes no request: write {name}() if it makes the application")
    wanted = "(scope, receive, send) of ASGI, or (environ, start_response) of WSGI"
    raise TypeError(f"app {name!r} is neither ASGI nor WSGI by its arguments: it should take {wanted}")


def _accepts(function: Any, count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except (TypeError, ValueError):  # ValueError: it has no signature
        return False
    return True


def complete_scope(scope: Message, body: bytes) -> Message:
    """Return mangum's scope with what it lacks: the path and query as they were sent, the stage, the body's length.

    Both clouds give a path that is decoded once, and mangum decodes it again. An API's stage is the first part of the
    path and the root of the application. Without a length, WSGI applications read no body.
    """
    event = scope["aws.event"]
    path = (event.get("rawPath") or event.get("path") or "/").encode("utf-8", "replace").decode()
    prefix = f"/{event['requestContext'].get('stage', '$default')}"
    is_below_stage = prefix != "/$default" and f"{path}/".startswith(f"{prefix}/")
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    (host, port), is_secure = scope["server"], scope["scheme"] == "https"
    is_sized = body or len(headers) < len(scope["headers"])
    return {
        **scope,
        "path": path,
        "raw_path": quote(path, safe=PATH_CHARACTERS).encode("ascii"),
        "query_string": quote(scope["query_string"], safe=string.punctuation).encode("ascii"),
        "root_path": prefix if is_below_stage else "",
        "server": (host, 443 if is_secure and port == 80 else port),  # 80 is what mangum takes for no port
        "headers": [*headers, (b"content-length", str(len(body)).encode())] if is_sized else headers,
    }


def translate_messages(send: Send, method: str) -> Send:
    """Return a `send` that makes messages fit: each header once, in UTF-8, and for HEAD a length without a body."""

    async def send_translated(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": _join_repeated(message.get("headers", ()))}
        elif message["type"] == "http.response.body" and method == "HEAD":
            message = {**message, "body": b""}
        await send(message)

    return send_translated


def _join_repeated(pairs: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Join repeated headers as RFC 9110 does (5.3), except cookies."""
    joined: dict[bytes, bytes] = {}
    cookies = []
    for written, value in pairs:
        name, text = bytes(written).lower(), _to_utf8(bytes(value))
        if name == b"set-cookie":
            cookies.append((name, text))
        else:
            joined[name] = joined[name] + b", " + text if name in joined else text
    return [*joined.items(), *cookies]


def _to_utf8(value: bytes) -> bytes:
    """Return a header as it is if it is UTF-8, else taken for latin-1, the encoding of HTTP's older headers."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1").encode()
    return value


class RunningApplication:
    """An application of one instance, started on the event loop of its first use.

    Unless it is given as `loaded`, it is loaded then too.
    """

    def __init__(self, name: str, loaded: Any = None) -> None:
        self._name = name
        self._loaded = loaded
        self._application: AsgiApplication | None = None
        self._adapter: Any = None
        self._lifespan: Any = None
        self._lifespan_task: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> AsgiApplication:
        """Return the application after the startup of its lifespan; a failure raises its own exception."""
        async with self._starting:
            if self._application is None:
                self._application = await self._prepare()
                self._adapter = Mangum(self._application, lifespan="off")
        return self._application

    async def answer(self, event: Message, context: Any) -> Any:
        """Return the response to an event in the form of API Gateway."""
        application = await self.start()
        handler = self._adapter.infer(event, context)
        body = handler.body
        scope = complete_scope(handler.scope, body)
        if self._lifespan is not None:
            scope["state"] = dict(self._lifespan.lifespan_state)

        async def call(scope: Message, receive: Receive, send: Send) -> None:
            await application(scope, receive, translate_messages(send, scope["method"]))

        cycle = HTTPCycle(scope, body)
        await cycle.run(call)
        if not hasattr(cycle, "body"):
            raise RuntimeError(f"app {self._name!r} ended a request without a response")
        return handler({"status": cycle.status, "headers": cycle.headers, "body": cycle.body})

    async def _prepare(self) -> AsgiApplication:
        if self._loaded is None:
            loop = asyncio.get_running_loop()
            self._loaded = await loop.run_in_executor(None, self._load_in_thread, loop)
        application: AsgiApplication = self._loaded
        if is_asgi(application, self._name):
            await self._start_lifespan(application)
            return application
        from a2wsgi import WSGIMiddleware

        return WSGIMiddleware(application)

    def _load_in_thread(self, loop: asyncio.AbstractEventLoop) -> Any:
        """Load where no loop runs: code may start one, or use a database synchronously, while it is imported."""
        asyncio.set_event_loop(loop)
        try:
            return load_application(self._name)
        except SystemExit as error:  # it would end the loop of the worker
            raise RuntimeError(f"app {self._name!r} called sys.exit({error.code}) while it was loaded") from error

    async def _start_lifespan(self, application: AsgiApplication) -> None:
        self._lifespan = LifespanCycle(tolerate_missing_lifespan(application), "auto")
        self._lifespan_task = asyncio.create_task(self._lifespan.run())  # waits for a shutdown that no cloud announces
        try:
            await self._lifespan.startup()
        except LifespanFailure as failure:
            reason = self._lifespan.exception
            raise (reason and reason.__context__) or failure from None


def tolerate_missing_lifespan(application: AsgiApplication) -> AsgiApplication:
    """Take an exception before any answer for an application without a lifespan, as other servers do."""

    async def call(scope: Message, receive: Receive, send: Send) -> None:
        is_answered = False

        async def note_answer(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await application(scope, receive, note_answer)
        except Exception as error:
            if is_answered:
                raise
            raise LifespanUnsupported from error

    return call


def make_lambda_handler(name: str) -> Callable[[Any, Any], Any]:
    """Start the application now, as a part of the start of the function, and return a handler of its events."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    running = RunningApplication(name, load_application(name))
    loop.run_until_complete(running.start())
    return lambda event, context: loop.run_until_complete(running.answer(event, context))
