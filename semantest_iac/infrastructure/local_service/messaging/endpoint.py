"""The address on this machine where functions, and anybody here, send messages and call functions."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from urllib.parse import urlsplit

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.function_runtimes.azure_functions import MAX_FUNCTIONS_REQUEST_BYTES
from semantest_iac.infrastructure.function_runtimes.loopback import (
    LoopbackHandler,
    LoopbackRequest,
    RequestLimits,
    is_from_page,
    names_this_machine,
    serve_loopback,
)
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.messaging.bus_api import BusApi, is_bus_path
from semantest_iac.infrastructure.local_service.messaging.directory import MessagingDirectory
from semantest_iac.infrastructure.local_service.messaging.function_calls import (
    IDENTITIES_PATH,
    INVOKE_PREFIX,
    INVOKE_SUFFIX,
    CallFunction,
    answer_app_call,
    answer_invoke,
    is_app_call,
)
from semantest_iac.infrastructure.local_service.messaging.sns_api import SnsApi
from semantest_iac.infrastructure.local_service.messaging.sqs_api import SQS_TARGET, SqsApi
from semantest_iac.infrastructure.message_store.messages import MessageStore

_LIMITS = RequestLimits(body_bytes=MAX_FUNCTIONS_REQUEST_BYTES, request_s=30.0)  # the largest of all that it answers
_FORM_TYPE = "application/x-www-form-urlencoded"


def create_messages_handler(
    directory: MessagingDirectory,
    store: MessageStore,
    refresh: Callable[[], Awaitable[None]],
    call: CallFunction | None = None,
) -> LoopbackHandler:
    """Return a handler that speaks the protocols of SQS, SNS and Service Bus, and with `call` lets functions be called.

    `refresh` looks for new deployments.
    """
    sqs, sns, bus = (api(directory, store, refresh) for api in (SqsApi, SnsApi, BusApi))

    async def answer(request: LoopbackRequest) -> HttpResponse:
        origin, site = request.headers.get("origin", ""), request.headers.get("sec-fetch-site", "")
        if is_from_page(origin, site) or not names_this_machine(request.headers.get("host", "")):
            return _explain(403, "Pages of browsers cannot send messages, nor call functions.")
        path = urlsplit(request.path).path
        if call and (answer_call := _find_call_handler(call, request)):
            return await answer_call(request)
        if request.headers.get("x-amz-target", "").startswith(SQS_TARGET):
            return await sqs.answer(request)
        if is_bus_path(path):
            return await bus.answer(request)
        if request.headers.get("content-type", "").startswith(_FORM_TYPE) and b"Action=" in request.body:
            return await sns.answer(request)
        return _explain(
            404,
            "Messages are taken in the JSON protocol of SQS, in the query protocol of SNS, and at /<queue>/messages.",
        )

    return answer


def _find_call_handler(call: CallFunction, request: LoopbackRequest) -> LoopbackHandler | None:
    """Return what answers calls of functions, and gives them the tokens of their cloud; None for other requests."""
    path = urlsplit(request.path).path
    if path.startswith(INVOKE_PREFIX) and path.endswith(INVOKE_SUFFIX):
        return partial(answer_invoke, call)
    if is_app_call(request):
        return partial(answer_app_call, call)
    if not path.startswith(f"{IDENTITIES_PATH}/"):
        return None
    cloud = next(it for it in CLOUDS.values() if it.identities)
    found: LoopbackHandler = cloud.load_part(cloud.identities)
    return found


def _explain(status: int, message: str) -> HttpResponse:
    return HttpResponse(status, (("content-type", "application/json"),), json.dumps({"message": message}).encode())


def serve_messages(handler: LoopbackHandler, port: int) -> AbstractAsyncContextManager[str]:
    """Yield the address of the endpoint as long as the block, at this port if it is free, else at another one."""
    return serve_loopback(handler, _LIMITS, port=port, has_secret_path=False)


def find_message_variables(url: str, stack: Stack, resources: DeployedResources) -> Mapping[str, str]:
    """Return the variables with which the functions of a stack send to the endpoint."""
    cloud = CLOUDS[stack.provider]
    if not cloud.message_variables:
        return {}
    find_variables: Callable[[str, DeployedResources], Mapping[str, str]] = cloud.load_part(cloud.message_variables)
    return find_variables(url, resources)
