"""What every Azure type has: inputs as the SDK declares them, an id that names its parents, and a resource group."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC, OBSERVED, Count, Property
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    PropertyRefinement,
    PublishedType,
    SchemaFolder,
    apply_refinements,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import refine as refine  # noqa: PLC0414 - types are written with it
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    DeferredRule,
    NamingScheme,
    OnDelete,
    OutputSource,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

_SCHEMAS: Final = SchemaFolder(Path(__file__).with_name("schemas"), DOC)

TYPE_TOKENS: Final[tuple[str, ...]] = _SCHEMAS.tokens
"""Every simulated type."""


SIMULATED_TENANT: Final = "7e2a5d1c-0000-4000-8000-5e3a17e57001"
"""The Entra tenant of the simulated subscription; it does not exist."""

RESOURCE_GROUP_TYPE: Final = "azure-native:resources:ResourceGroup"
IDENTITY_TYPE: Final = "azure-native:managedidentity:UserAssignedIdentity"
RESOURCE_GROUP_ID: Final = "/subscriptions/{account}/resourceGroups/{resourceGroupName}"
PROVIDERS_ID_PREFIX: Final = f"{RESOURCE_GROUP_ID}/providers/"
SUCCEEDED_STATE: Final[Mapping[str, OutputSource]] = {"provisioningState": "Succeeded"}

_NO_OUTPUTS: Final[Mapping[str, OutputSource]] = {}
_TOKENS_BY_ID: Final[dict[str, str]] = {}
"""The type that has an id of a shape: parents are found by it."""
_NO_REFINEMENTS: Final[Mapping[str, PropertyRefinement]] = {}


def stable_guid(purpose: str) -> Callable[[RequestFacts], str]:
    """Return an output that makes one GUID per purpose and resource, the same in every run."""
    return lambda facts: str(uuid5(UUID(facts["uuid"]), purpose))


def id_reference(
    path: str, *tokens: str, fact_name: str = "", on_delete: OnDelete = OnDelete.ALLOW
) -> ResourceReference:
    """Declare an input that holds the id of a living resource of these types; of any type where none is given."""
    refusal = Refusal("ResourceNotFound", "The Resource '{value}' was not found.", 404)
    return ResourceReference(path, tokens or TYPE_TOKENS, refusal, OBSERVED, fact_name=fact_name, on_delete=on_delete)


def parent_reference(path: str, token: str, collection_id: str, *, fact_name: str = "") -> ResourceReference:
    """Declare an input that names the parent inside a collection; a delete of the parent deletes its children."""
    message = "Can not perform requested operation on nested resource. Parent resource '{value}' not found."
    refusal = Refusal("ParentResourceNotFound", message, 404)
    handle = f"{collection_id}/{{value}}"
    return ResourceReference(
        path, (token,), refusal, OBSERVED, fact_name=fact_name, handle=handle, on_delete=OnDelete.CASCADE
    )


RESOURCE_GROUP_REFERENCE: Final = ResourceReference(
    "resourceGroupName",
    (RESOURCE_GROUP_TYPE,),
    Refusal("ResourceGroupNotFound", "Resource group '{value}' could not be found.", 404),
    OBSERVED,
    handle="/subscriptions/{account}/resourceGroups/{value}",
    on_delete=OnDelete.CASCADE,
)
_IDENTITIES_REFERENCE: Final = id_reference(
    "identity.userAssignedIdentities.*", IDENTITY_TYPE, fact_name="identity_found"
)


@dataclass(frozen=True, slots=True)
class ArmType:
    """A type of Azure Resource Manager: its token, and the template of its ids, which ends with the naming input."""

    token: str
    id: str

    @property
    def name_input(self) -> str:
        return self._id_inputs[-1]

    @property
    def arm_type_name(self) -> str:
        """Resource Manager's name of the type: the provider and every second segment after it."""
        provider, *segments = self.id.rpartition("/providers/")[2].split("/")
        return "/".join((provider, *segments[::2]))

    @property
    def _id_inputs(self) -> list[str]:
        return [name for name in re.findall(r"\{(\w+)\}", self.id) if name != "account"]

    def rule(
        self,
        refinements: Mapping[str, PropertyRefinement] = _NO_REFINEMENTS,
        *,
        computed: Mapping[str, OutputSource] = _NO_OUTPUTS,
        rendered: Mapping[str, OutputSource] = _NO_OUTPUTS,
        unique: tuple[UniqueHandle, ...] = (),
        references: tuple[ResourceReference, ...] = (),
        **more: Any,
    ) -> TypeRule:
        """Combine what all types have with what this type has; further keywords are those of TypeRule.

        References take the place of that to the nearest parent, which follows from the id, where they have its path.
        """
        _TOKENS_BY_ID[_shape_of(self.id)] = self.token

        def build() -> TypeRule:
            published = _SCHEMAS.read(self.token)
            declared = published.inputs
            identities = _takes_identities(declared)
            written = {reference.path for reference in references}
            found = (*self._group_reference, *self._parent_reference, *((_IDENTITIES_REFERENCE,) if identities else ()))
            defaults: dict[str, Any] = {
                "name_input": self.name_input,
                "naming": NamingScheme.COPIED if len(self._id_inputs) > 2 else NamingScheme.JOINED,
                "planned": {"location": "{region}"} if "location" in declared else {},
            }
            return TypeRule(
                properties=apply_refinements(declared, dict(self._common_refinements(declared)), refinements),
                identity=self.id,
                account_wide=True,
                computed={**self._common_outputs(published), **computed},
                rendered={"identity": _identity_output} | dict(rendered) if identities else rendered,
                unique=(*unique, self._unique_id),
                references=(*(one for one in found if one.path not in written), *references),
                **defaults | more,
            )

        return DeferredRule(build)

    @property
    def _unique_id(self) -> UniqueHandle:
        """The provider refuses to create a resource that exists."""
        return UniqueHandle(self.id, Refusal("Conflict", f"cannot create already existing resource '{self.id}'", 409))

    @property
    def _group_reference(self) -> tuple[ResourceReference, ...]:
        return (RESOURCE_GROUP_REFERENCE,) if self.id.startswith(PROVIDERS_ID_PREFIX) else ()

    @property
    def _parent_reference(self) -> tuple[ResourceReference, ...]:
        """The nearest parent, if it is a simulated type; its outputs are a fact with the name of its class."""
        parents = self._id_inputs[:-1] if self.id.endswith("}") else self._id_inputs
        for name in reversed(parents):
            collection = self.id.partition(f"/{{{name}}}")[0]
            if token := _TOKENS_BY_ID.get(_shape_of(f"{collection}/{{{name}}}")):
                noun = token.rpartition(":")[2]
                fact_name = noun[0].lower() + noun[1:]
                is_group = token == RESOURCE_GROUP_TYPE
                return () if is_group else (parent_reference(name, token, collection, fact_name=fact_name),)
        return ()

    def _common_outputs(self, published: PublishedType) -> dict[str, OutputSource]:
        """What the SDK counts on and all types report alike; empty collections are what a new resource has."""
        known: dict[str, OutputSource] = {
            "azureApiVersion": published.facts["api"],
            "name": f"{{{self.name_input}}}",
            "type": self.arm_type_name,
            "systemData": _system_data,
            **SUCCEEDED_STATE,
            **{name: stable_guid(name) for name in ("etag", "resourceGuid")},
            **dict.fromkeys(("accessedAt", "createdAt", "updatedAt"), "{now}"),
        }
        outputs: Mapping[str, str] = published.facts["outputs"]
        empty = {name: _empty_list for name, kind in outputs.items() if kind[0] == "[" and not kind.endswith("?")}
        return empty | {name: known[name] for name in known if not outputs.get(name, "?").endswith("?")}

    def _common_refinements(self, declared: Mapping[str, Property]) -> Iterator[tuple[str, PropertyRefinement]]:
        yield from ((name, refine(force_new=True)) for name in self._id_inputs)
        if "location" in declared:
            yield "location", refine(force_new=True, case_insensitive=True)
        if "tags" in declared:
            yield "tags", refine(Count(0, 50, DOC))
        if _takes_identities(declared):
            yield "identity.userAssignedIdentities", refine(reported_differently=True)


def _shape_of(id_: str) -> str:
    return re.sub(r"\{\w+\}", "{}", id_)


def _takes_identities(declared: Mapping[str, Property]) -> bool:
    """Identities are given by id alone, and reported with their client and principal ids."""
    return "identity" in declared and "userAssignedIdentities" in declared["identity"].fields


def _empty_list(_facts: RequestFacts) -> list[Any]:
    return []


def _system_data(facts: RequestFacts) -> dict[str, str]:
    return {"createdAt": facts["now"], "lastModifiedAt": facts["now"]}


def _identity_output(facts: RequestFacts) -> dict[str, Any]:
    identity, found = facts["identity"], facts["identity_found"] or {}
    users = {
        id_: {name: found[name] for name in ("clientId", "principalId") if found.get("id") == id_}
        for id_ in identity.get("userAssignedIdentities", ())
    }
    own = {"principalId": stable_guid("system identity")(facts), "tenantId": SIMULATED_TENANT}
    return (
        {"type": identity.get("type", "None")}
        | ({"userAssignedIdentities": users} if users else {})
        | (own if "SystemAssigned" in identity.get("type", "") else {})
    )
