"""A function app of Azure as what is deployed describes it, behind its own endpoint or an API Management."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes import functions_http
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.azure.gateway import OWN_ADDRESS, gateway_of
from semantest_iac.infrastructure.local_service.cors import CorsRules
from semantest_iac.infrastructure.local_service.front import Arrival, Front, Unpack, for_sockets_only

Resources = Sequence[DeployedResource]

_APP, _HUB = "azure-native:web:WebApp", "azure-native:webpubsub:WebPubSubHub"
_SECRET = "azure-native:keyvault:Secret"  # noqa: S105 - a type
_REFERENCE = "@Microsoft.KeyVault("
_TIMEOUT = "AzureFunctionsJobHost__functionTimeout"
_RUNTIMES = {"node": "nodejs{}.x", "python": "python{}"}
_ADDRESS = "https://{vaultName}.vault.azure.net/secrets/{secretName}"
_NO_CODE = b"Function host is not running."


def front(resources: Resources, unpack: Unpack) -> Front | None:
    """The app of a stack, or None where the stack has none."""
    app = next(_of_type(resources, _APP), None)
    if app is None:
        return None
    if any(_of_type(resources, _HUB)):
        return for_sockets_only(partial(function_spec, resources, app, unpack))
    gateway, host = gateway_of(resources), app.outputs["defaultHostName"]
    rules = gateway.cors if gateway else _cors(app)
    timed_out = 502 if _timeout(app) >= functions_http.LOAD_BALANCER_S else 500

    def admit(request: HttpRequest) -> Arrival:
        refusal = gateway.refusal(request) if gateway else rules and rules.preflight(request)
        if refusal := refusal or _refusal(app, request):
            return Arrival(refusal=refusal)
        if gateway is None:
            return Arrival(event=functions_http.event_for(request, host))
        event = functions_http.event_for(gateway.forwarded(request), host, OWN_ADDRESS)
        return Arrival(event=event, note=gateway.note(request))

    def answer(request: HttpRequest, invocation: Invocation) -> HttpResponse:
        response = functions_http.response_for(invocation, timed_out)
        return rules.dressed(request, response) if rules else response

    return Front(partial(function_spec, resources, app, unpack), admit, answer)


def _refusal(app: DeployedResource, request: HttpRequest) -> HttpResponse | None:
    """What the host answers without asking the function."""
    if not app.code:
        headers = (("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(_NO_CODE))))
        return HttpResponse(503, headers, _NO_CODE)
    return functions_http.empty(413) if len(request.body) > functions_http.LARGEST_REQUEST else None


def _cors(app: DeployedResource) -> CorsRules | None:
    """App Service allows every method and header to the origins that are named; without any the app decides."""
    cors = (app.inputs.get("siteConfig") or {}).get("cors") or {}
    origins = cors.get("allowedOrigins") or ()
    return CorsRules(origins, credentials=bool(cors.get("supportCredentials"))) if origins else None


def function_spec(resources: Resources, app: DeployedResource, unpack: Unpack) -> FunctionSpec:
    """What it takes to run a deployed app, with the secrets that its settings refer to."""
    config = app.inputs["functionAppConfig"]
    settings = _settings(app)
    return FunctionSpec(
        package=unpack(app.code),
        handler="",
        runtime=_RUNTIMES[config["runtime"]["name"]].format(config["runtime"]["version"]),
        environment=settings,
        memory_mb=int(config["scaleAndConcurrency"]["instanceMemoryMB"]),
        timeout_s=_timeout(app),
        secrets=dict(_secrets(resources, settings)),
        name=app.outputs["name"],
        region=str(app.outputs.get("location", "")),
        platform="functions",
        instances=int(config["scaleAndConcurrency"].get("maximumInstanceCount") or 0),
    )


def _settings(app: DeployedResource) -> Mapping[str, str]:
    """Settings as they were asked for; what the state keeps sealed cannot be read here."""
    pairs = (app.inputs.get("siteConfig") or {}).get("appSettings")
    if not isinstance(pairs, list):
        return {}
    return {pair["name"]: pair["value"] for pair in pairs if isinstance(pair.get("value"), str)}


def _timeout(app: DeployedResource) -> float:
    match = re.fullmatch(r"(\d+):(\d+):(\d+)", _settings(app).get(_TIMEOUT, ""))
    if match is None:
        return functions_http.LOAD_BALANCER_S
    hours, minutes, seconds = map(int, match.groups())
    return min(hours * 3600 + minutes * 60 + seconds, functions_http.LOAD_BALANCER_S)


def _secrets(resources: Resources, settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each reference to Key Vault with its value; one that leads nowhere stays as it is, as on Azure."""
    values = {
        _ADDRESS.format(**secret.inputs): secret.inputs["properties"]["value"]
        for secret in _of_type(resources, _SECRET)
    }
    for reference in settings.values():
        uri = reference.removeprefix(f"{_REFERENCE}SecretUri=").rstrip(")/")
        found = next((values[known] for known in values if f"{uri}/".startswith(f"{known}/")), None)
        if reference.startswith(_REFERENCE) and found is not None:
            yield reference, found


def _of_type(resources: Resources, type_: str) -> Iterator[DeployedResource]:
    return (resource for resource in resources if resource.type == type_)
