"""Reads from a deployed API Management what it does with requests.

That is in its policies, which name texts and backends beside them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address, summarize_address_range
from typing import Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, fromstring

from semantest_iac.domain.networking.managed_gateways import HeaderRules
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.azure.api_frontend import (
    find_vault_value,
    read_cors_policy,
    read_token_policy,
    read_vault_values,
    resources_of_type,
)
from semantest_iac.infrastructure.local_service.azure.managed_gateway import BODY_LIMIT, REFUSALS
from semantest_iac.infrastructure.local_service.gateway.rules import (
    BackendKind,
    BasicLogin,
    CacheRule,
    CallQuota,
    CallRate,
    CountedBy,
    EnforcedApi,
    EnforcedProduct,
    EnforcedRoute,
    GatewayBackend,
    GatewayCheck,
    GatewayRefusal,
    GatewayRules,
    IssuedKey,
    RefusalReason,
)

_API: Final = "azure-native:apimanagement:Api"
_OPERATION: Final = "azure-native:apimanagement:ApiOperation"
_API_POLICY: Final = "azure-native:apimanagement:ApiPolicy"
_BACKEND: Final = "azure-native:apimanagement:Backend"
_NAMED_VALUE: Final = "azure-native:apimanagement:NamedValue"
_PRODUCT: Final = "azure-native:apimanagement:Product"
_PRODUCT_API: Final = "azure-native:apimanagement:ProductApi"
_PRODUCT_POLICY: Final = "azure-native:apimanagement:ProductPolicy"
_SERVICE: Final = "azure-native:apimanagement:ApiManagementService"
_SUBSCRIPTION: Final = "azure-native:apimanagement:Subscription"
_CONTAINER_APP: Final = "azure-native:app:ContainerApp"
_CHECKS: Final = (
    GatewayCheck.KEY,
    GatewayCheck.ADDRESS,
    GatewayCheck.LOGIN,
    GatewayCheck.TOKEN,
    GatewayCheck.PRODUCT_RATE,
    GatewayCheck.PRODUCT_QUOTA,
    GatewayCheck.API_RATE,
)
"""A key is looked at before any policy; the rest is the order of the policies."""
_HOST_EXPRESSION: Final = "@(context.Request.OriginalUrl.Host)"
_NAMED: Final = re.compile(r"\{\{([\w-]+)\}\}")
_USUAL_TIMEOUT_S: Final = 300  # of forward-request


def read_gateway_rules(resources: DeployedResources) -> GatewayRules | None:
    """Return the rules of the API Management of a platform's stack; None if it has none."""
    service = next(resources_of_type(resources, _SERVICE), None)
    if service is None:
        return None
    host = urlsplit(str(service.outputs["gatewayUrl"])).netloc
    policies = _PolicyReader(resources, host)
    apis = {str(it.inputs["apiId"]): it for it in resources_of_type(resources, _API)}
    documents = {name: policies.find(_API_POLICY, "apiId", name) for name in apis}
    names: Mapping[str, str] = next((it.inputs.get("subscriptionKeyParameterNames") or {} for it in apis.values()), {})
    return GatewayRules(
        dict(_read_routes(resources, apis, documents)),
        {name: policies.read_api(it, documents[name]) for name, it in apis.items()},
        _word_refusals(documents.values(), policies.list_products()),
        products=dict(policies.read_products()),
        keys=tuple(_read_keys(resources)),
        key_header=str(names.get("header", "ocp-apim-subscription-key")).lower(),
        key_parameter=str(names.get("query", "subscription-key")),
        checks=_CHECKS,
        origin=f"https://{host}",
        timeout_s=min((_read_timeout(it) for it in documents.values()), default=_USUAL_TIMEOUT_S),
        body_limit=BODY_LIMIT,
    )


def _read_routes(
    resources: DeployedResources, apis: Mapping[str, DeployedResource], documents: Mapping[str, Element]
) -> Iterator[tuple[str, EnforcedRoute]]:
    """Yield the operations of all APIs; those of one go below the address of its backend."""
    services = dict(_list_services(resources))
    urls = {str(it.inputs["backendId"]): str(it.inputs["url"]) for it in resources_of_type(resources, _BACKEND)}
    for operation in resources_of_type(resources, _OPERATION):
        name = str(operation.inputs["apiId"])
        chosen = documents[name].find("inbound/set-backend-service")
        url = urlsplit(urls[chosen.get("backend-id", "") if chosen is not None else name])
        service = services.get(str(url.hostname).partition(".")[0])
        backend = (
            GatewayBackend(BackendKind.SERVICE, service)
            if service
            else GatewayBackend(BackendKind.URL, f"{url.scheme}://{url.netloc}")
        )
        parts = (str(apis[name].inputs.get(it) or "").strip("/") for it in ("path", "apiVersion"))
        base = f"/{'/'.join(filter(None, parts))}"
        below = re.sub(r"[*]$", "{rest+}", str(operation.inputs["urlTemplate"])).rstrip("/")
        key = f"{operation.inputs['method']} {base.rstrip('/')}{below}"
        yield key, EnforcedRoute(name, backend, base.rstrip("/"), url.path.rstrip("/"))


def _list_services(resources: DeployedResources) -> Iterator[tuple[str, str]]:
    """Yield the name of each container app with that of the service that it runs."""
    for app in resources_of_type(resources, _CONTAINER_APP):
        containers = app.inputs["template"]["containers"]
        yield str(app.outputs["name"]), str(containers[0]["name"])


def _read_keys(resources: DeployedResources) -> Iterator[IssuedKey]:
    for subscription in resources_of_type(resources, _SUBSCRIPTION):
        name, product = str(subscription.inputs["sid"]), str(subscription.inputs["scope"]).rpartition("/")[2]
        for key in ("primaryKey", "secondaryKey"):
            if isinstance(value := subscription.outputs.get(key), str):
                yield IssuedKey(name, value, product)


def _read_timeout(document: Element) -> float:
    forward = document.find("backend/forward-request")
    return float(forward.get("timeout", _USUAL_TIMEOUT_S)) if forward is not None else _USUAL_TIMEOUT_S


def _word_refusals(documents: Iterable[Element], products: Iterable[Element]) -> Mapping[RefusalReason, GatewayRefusal]:
    """Return the refusals with what policies say in the place of API Management's own words."""
    told = dict(REFUSALS)
    for response in (it for document in documents for it in document.iter("return-response")):
        status = response.find("set-status")
        if status is not None:
            headers = tuple(_list_set_headers(response))
            refusal = GatewayRefusal(int(status.get("code", 401)), "", tuple((it[0].lower(), it[1]) for it in headers))
            told |= dict.fromkeys((RefusalReason.NO_LOGIN, RefusalReason.WRONG_LOGIN), refusal)
    for status in (it for document in products for it in document.findall("on-error/choose/when/set-status")):
        told[RefusalReason.QUOTA] = replace(told[RefusalReason.QUOTA], status=int(status.get("code", 403)))
    return told


def _list_set_headers(section: Element) -> Iterator[tuple[str, str]]:
    for header in section.findall("set-header"):
        if header.get("exists-action") != "delete":
            yield header.get("name", ""), header.findtext("value") or ""


@dataclass(frozen=True, slots=True)
class _PolicyReader:
    """Reads policies with what they refer to; `host` is that of the gateway, the one expression of its headers."""

    resources: DeployedResources
    host: str

    def find(self, type_: str, key: str, name: str) -> Element:
        policies = (it.inputs for it in resources_of_type(self.resources, type_) if it.inputs[key] == name)
        return fromstring(next((str(it["value"]) for it in policies), "<policies/>"))  # noqa: S314  # our own document

    def list_products(self) -> list[Element]:
        products = resources_of_type(self.resources, _PRODUCT)
        return [self.find(_PRODUCT_POLICY, "productId", str(it.inputs["productId"])) for it in products]

    def read_products(self) -> Iterator[tuple[str, EnforcedProduct]]:
        links = [it.inputs for it in resources_of_type(self.resources, _PRODUCT_API)]
        for product in resources_of_type(self.resources, _PRODUCT):
            name = str(product.inputs["productId"])
            policy = self.find(_PRODUCT_POLICY, "productId", name)
            rate, quota = policy.find("inbound/rate-limit"), policy.find("inbound/quota")
            yield (
                name,
                EnforcedProduct(
                    name,
                    frozenset(str(it["apiId"]) for it in links if it["productId"] == name),
                    rate=CallRate(*_read_limit(rate)) if rate is not None else None,
                    quota=CallQuota(*_read_limit(quota)) if quota is not None else None,
                ),
            )

    def read_api(self, api: DeployedResource, document: Element) -> EnforcedApi:
        inbound, outbound = _find_section(document, "inbound"), _find_section(document, "outbound")
        rate = inbound.find("rate-limit-by-key")
        return EnforcedApi(
            str(api.inputs["apiId"]),
            needs_key=bool(api.inputs.get("subscriptionRequired")),
            login=self._read_login(inbound),
            token=read_token_policy(inbound.find("validate-jwt")),
            rate=CallRate(*_read_limit(rate), CountedBy.ALL) if rate is not None else None,
            cache=_read_cache(inbound.find("cache-lookup"), outbound.find("cache-store")),
            allowed_addresses=tuple(_list_addresses(inbound.find("ip-filter"))),
            request_headers=self._read_changes(inbound),
            removed_parameters=tuple(
                it.get("name", "")
                for it in inbound.findall("set-query-parameter")
                if it.get("exists-action") == "delete"
            ),
            response_headers=self._read_changes(outbound),
            cors=read_cors_policy(inbound.find("cors")),
        )

    def _read_changes(self, section: Element) -> HeaderRules:
        removed = (it for it in section.findall("set-header") if it.get("exists-action") == "delete")
        changed = ((name, value.replace(_HOST_EXPRESSION, self.host)) for name, value in _list_set_headers(section))
        return HeaderRules(tuple(changed), tuple(it.get("name", "") for it in removed))

    def _read_login(self, inbound: Element) -> BasicLogin | None:
        """Read the login that a condition compares with: a named value, whose text is in a vault."""
        for when in inbound.findall("choose/when"):
            if when.find("return-response") is not None and (named := _NAMED.search(when.get("condition", ""))):
                user, _, password = base64.b64decode(self._find_named_value(named[1])).decode().partition(":")
                return BasicLogin(user, password)
        return None

    def _find_named_value(self, name: str) -> str:
        values = (it for it in resources_of_type(self.resources, _NAMED_VALUE) if it.inputs["displayName"] == name)
        address = str(next(values).inputs["keyVault"]["secretIdentifier"])
        value = find_vault_value(read_vault_values(self.resources), address)
        if value is None:
            raise LookupError(f"no secret of this stack is at {address}")
        return value


def _find_section(document: Element, name: str) -> Element:
    found = document.find(name)
    return Element(name) if found is None else found


def _read_limit(policy: Element) -> tuple[int, float]:
    return int(policy.get("calls", 1)), float(policy.get("renewal-period", 1))


def _read_cache(lookup: Element | None, store: Element | None) -> CacheRule | None:
    """Read what tells answers apart: where no parameter is named, each does (reference of cache-lookup)."""
    if lookup is None or store is None:
        return None
    query = tuple(it.text or "" for it in lookup.findall("vary-by-query-parameter"))
    headers = tuple(it.text or "" for it in lookup.findall("vary-by-header"))
    keeps_authorized = lookup.get("allow-private-response-caching") == "true"
    return CacheRule(float(store.get("duration", 0)), query or None, headers, keeps_authorized)


def _list_addresses(policy: Element | None) -> Iterator[str]:
    if policy is None:
        return
    yield from (it.text or "" for it in policy.findall("address"))
    for ends in policy.findall("address-range"):
        first, last = ip_address(ends.get("from", "")), ip_address(ends.get("to", ""))
        yield from map(str, summarize_address_range(first, last))
