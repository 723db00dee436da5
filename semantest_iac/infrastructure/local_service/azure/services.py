"""What function apps call of Azure while they serve WebSockets: tables, and Web PubSub's way to those connected."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import Answering, Call
from semantest_iac.infrastructure.local_service.azure.admission import Admission
from semantest_iac.infrastructure.local_service.azure.table_entities import TableEntities
from semantest_iac.infrastructure.local_service.sockets import Clients

_CONNECTIONS, _SEND, _GENERATE = "/connections/", "/:send", "/:generateToken"
_NOT_FOUND = HttpResponse(404)


def tables(known: Mapping[str, TableEntities]) -> Answering:
    """The Table service of an account."""

    async def answer(call: Call) -> HttpResponse:
        name, mark, rest = call.path.removeprefix("/").partition("(")
        table = known.get(name.partition("?")[0])
        return table.answer(call, mark + rest) if table else _NOT_FOUND

    return answer


def hub(clients: Clients, admission: Admission, dismiss: Callable[[str], Awaitable[None]]) -> Answering:
    """The REST API of one hub, as far as it is about single connections and about tokens to come in with.

    Like the service itself it takes what is sent to those who are gone.
    """

    async def answer(call: Call) -> HttpResponse:
        path = urlsplit(call.path).path
        if (call.method, path) == ("POST", _GENERATE):
            asked = dict(parse_qsl(urlsplit(call.path).query))
            token = admission.given(asked.get("userId", ""), int(asked.get("minutesToExpire", "60")))
            return HttpResponse(200, (("content-type", "application/json"),), json.dumps({"token": token}).encode())
        if not path.startswith(_CONNECTIONS):
            return _NOT_FOUND
        id = unquote(path.removeprefix(_CONNECTIONS).removesuffix(_SEND))
        if call.method == "POST" and path.endswith(_SEND):
            await clients.send(id, call.body)
            return HttpResponse(202)
        if call.method == "DELETE":
            await dismiss(id)
            return HttpResponse(204)
        return HttpResponse(200) if call.method == "HEAD" and clients.facts(id) is not None else _NOT_FOUND

    return answer
