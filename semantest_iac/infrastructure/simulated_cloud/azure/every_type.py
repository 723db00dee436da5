"""What every Azure type has: an id that names its parents, a name, and a resource group that takes it along."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from semantest_iac.infrastructure.simulated_cloud.azure import shapes
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import Refinement, known
from semantest_iac.infrastructure.simulated_cloud.limits import Count, Evidence
from semantest_iac.infrastructure.simulated_cloud.properties import Property
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Naming, OnDelete, Reference, Source, TypeRule, Unique
from semantest_iac.infrastructure.simulated_cloud.values import Facts

TENANT: Final = "7e2a5d1c-0000-4000-8000-5e3a17e57001"
"""The directory of the simulated subscription; it belongs to nobody."""

DOC, SEEN, TERRAFORM, GENERAL = Evidence.DOC, Evidence.OBSERVED, Evidence.TERRAFORM, Evidence.GENERAL
GROUP: Final = "azure-native:resources:ResourceGroup"
IDENTITY: Final = "azure-native:managedidentity:UserAssignedIdentity"
GROUP_ID: Final = "/subscriptions/{account}/resourceGroups/{resourceGroupName}"
IN_GROUP: Final = f"{GROUP_ID}/providers/"
SUCCEEDED: Final[Mapping[str, Source]] = {"provisioningState": "Succeeded"}

_NOTHING: Final[Mapping[str, Source]] = {}


def guid(purpose: str) -> Callable[[Facts], str]:
    """A GUID for one purpose of one resource, the same through all of its life."""
    return lambda facts: str(uuid5(UUID(facts["uuid"]), purpose))


def refers(path: str, *tokens: str, named: str = "", on_delete: OnDelete = OnDelete.ALLOW) -> Reference:
    """An input that holds the id of a living resource of one of these types, or of any where none is named."""
    refusal = Refusal("ResourceNotFound", "The Resource '{value}' was not found.", 404)
    return Reference(path, tokens or shapes.TOKENS, refusal, SEEN, named=named, on_delete=on_delete)


def inside(path: str, token: str, above: str, *, named: str = "") -> Reference:
    """A parent, by its name and the id of what it is in; it takes its children along when it goes."""
    message = "Can not perform requested operation on nested resource. Parent resource '{value}' not found."
    refusal = Refusal("ParentResourceNotFound", message, 404)
    handle = f"{above}/{{value}}"
    return Reference(path, (token,), refusal, SEEN, named=named, handle=handle, on_delete=OnDelete.CASCADE)


IN_ITS_GROUP: Final = Reference(
    "resourceGroupName",
    (GROUP,),
    Refusal("ResourceGroupNotFound", "Resource group '{value}' could not be found.", 404),
    SEEN,
    handle="/subscriptions/{account}/resourceGroups/{value}",
    on_delete=OnDelete.CASCADE,
)
_USES_IDENTITIES: Final = refers("identity.userAssignedIdentities.*", IDENTITY, named="identity_found")


@dataclass(frozen=True, slots=True)
class ArmType:
    """A type by its token and the template of its ids, whose last place is the input that names it."""

    token: str
    id: str

    @property
    def name(self) -> str:
        """The input with the physical name."""
        return self._inputs[-1]

    @property
    def kind(self) -> str:
        """Resource Manager's name of the type: the provider and every second segment after it."""
        provider, *segments = self.id.rpartition("/providers/")[2].split("/")
        return "/".join((provider, *segments[::2]))

    @property
    def _inputs(self) -> list[str]:
        return [name for name in re.findall(r"\{(\w+)\}", self.id) if name != "account"]

    def rule(
        self,
        refinements: Mapping[str, Refinement],
        *,
        computed: Mapping[str, Source] = _NOTHING,
        rendered: Mapping[str, Source] = _NOTHING,
        unique: tuple[Unique, ...] = (),
        references: tuple[Reference, ...] = (),
        **more: Any,
    ) -> TypeRule:
        """What all types have and what this one has besides; further keywords are those of TypeRule."""
        declared = shapes.inputs(self.token)
        identities = _takes_identities(declared)
        usual: dict[str, Any] = {
            "name": self.name,
            "naming": Naming.COPIED if len(self._inputs) > 2 else Naming.JOINED,
            "planned": {"location": "{region}"} if "location" in declared else {},
        }
        return TypeRule(
            properties=shapes.inputs(self.token, dict(self._usual(declared)), refinements),
            identity=self.id,
            account_wide=True,
            computed={**self._computed(declared), **computed},
            rendered={"identity": _told_identity} | dict(rendered) if identities else rendered,
            unique=(*unique, self._sole),
            references=(*self._above, *((_USES_IDENTITIES,) if identities else ()), *references),
            **usual | more,
        )

    @property
    def _sole(self) -> Unique:
        """The provider looks whether a resource exists before it makes it."""
        return Unique(self.id, Refusal("Conflict", f"cannot create already existing resource '{self.id}'", 409))

    @property
    def _above(self) -> tuple[Reference, ...]:
        return (IN_ITS_GROUP,) if self.id.startswith(IN_GROUP) else ()

    def _computed(self, declared: Mapping[str, Property]) -> dict[str, Source]:
        told: dict[str, Source] = {
            "azureApiVersion": shapes.rest_version(self.token),
            "name": f"{{{self.name}}}",
            "type": self.kind,
        }
        told |= {"systemData": _made} if shapes.tells_its_making(self.token) else {}
        return {name: source for name, source in told.items() if name not in declared}

    def _usual(self, declared: Mapping[str, Property]) -> Iterator[tuple[str, Refinement]]:
        yield from ((name, known(replaces=True)) for name in self._inputs)
        if "location" in declared:
            yield "location", known(replaces=True, folded=True)
        if "tags" in declared:
            yield "tags", known(Count(0, 50, DOC))
        if _takes_identities(declared):
            yield "identity.userAssignedIdentities", known(rewritten=True)


def _takes_identities(declared: Mapping[str, Property]) -> bool:
    """They go in by id alone, and come out with what the directory knows of them."""
    return "identity" in declared and "userAssignedIdentities" in declared["identity"].fields


def _made(facts: Facts) -> dict[str, str]:
    return {"createdAt": facts["now"], "lastModifiedAt": facts["now"]}


def _told_identity(facts: Facts) -> dict[str, Any]:
    asked, found = facts["identity"], facts["identity_found"] or {}
    users = {
        id_: {name: found[name] for name in ("clientId", "principalId") if found.get("id") == id_}
        for id_ in asked.get("userAssignedIdentities", ())
    }
    own = {"principalId": guid("system identity")(facts), "tenantId": TENANT}
    return (
        {"type": asked.get("type", "None")}
        | ({"userAssignedIdentities": users} if users else {})
        | (own if "SystemAssigned" in asked.get("type", "") else {})
    )
