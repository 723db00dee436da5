"""Sets, rotates, lists and audits the secrets of deployed stacks; no value is recorded or returned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from semantest_iac.application.message_bus import RecordEvent
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.application.ports.secret_store import SecretStore, SecretValue
from semantest_iac.application.ports.secret_versions import SecretVersions
from semantest_iac.application.queries.secret_versions import (
    SetSecret,
    find_set_secret,
    secret_correlation,
)
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.secret_access import (
    SecretAudit,
    SecretReference,
    SecretResources,
    audit_secrets,
    list_references,
)
from semantest_iac.domain.deployment.stack import Stack, format_stack_options
from semantest_iac.domain.environments.names import make_printable, secret_variable_name, suggest_known
from semantest_iac.domain.errors import NotFoundError, RefusedError, ValidationError
from semantest_iac.domain.ports.provisioner import event_identity
from semantest_iac.domain.resource import DeployedResource
from semantest_iac_events.infrastructure import SecretChanged

OpenVersions = Callable[[Stack], SecretVersions]
"""Opens the store of the cloud that a stack is deployed in; raises RefusedError, NotFoundError."""
ListResources = Callable[[Stack], Awaitable[Sequence[DeployedResource]]]
FindSecretResources = Callable[[Stack], SecretResources]
RequestRotation = Callable[[str], Awaitable[DeploymentRow]]
"""Deploys what is deployed again, in a deployment with this id."""


@dataclass(frozen=True, slots=True)
class ListedSecret:
    """One secret of a stack: where its value comes from, since when, and which variables have it.

    `source` is `store` for a value that was set, `variable` for that of a variable, `deployed` for one that an earlier
    deployment has written and of which there is no variable here, empty without a value. `is_used`: a deployment has
    brought a value that was set to the functions.
    """

    stack: str
    secret: str
    source: Literal["store", "variable", "deployed", ""]
    references: tuple[SecretReference, ...]
    set_value: SetSecret | None = None
    is_used: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the form of `--json`."""
        change = self.set_value
        return {
            "stack": self.stack,
            "secret": self.secret,
            "exists": bool(self.source),
            "source": self.source or None,
            "version": change.version if change else None,
            "changed_at": change.changed_at if change else None,
            "changed_by": change.changed_by if change else None,
            "used": self.is_used,
            "references": [{"function": it.function, "variable": it.variable} for it in self.references],
        }


class StackSecrets:
    """The use cases of `secrets`."""

    def __init__(
        self,
        ledger: LedgerReader,
        record: RecordEvent,
        variables: SecretStore,
        open_versions: OpenVersions,
        list_resources: ListResources,
        find_secret_resources: FindSecretResources,
    ) -> None:
        self._ledger = ledger
        self._record = record
        self._variables = variables
        self._open_versions = open_versions
        self._list_resources = list_resources
        self._find_secret_resources = find_secret_resources

    async def require_secret(self, stack: Stack, secret: str) -> str:
        """Return the address of a deployed secret; raises NotFoundError with what to do, RefusedError."""
        hint = (
            "A deployment creates the secret in the store of the cloud, with the value of its variable:"
            f" read -rs {secret_variable_name(secret)} && export {secret_variable_name(secret)}"
            f" && semantest-iac deploy {format_stack_options(stack)}"
        )
        if self._ledger.stack(str(stack)).last_good is None:
            raise NotFoundError(f"Cannot change secrets of '{stack}': it is not deployed.", hint=hint)
        addresses = self._find_secret_resources(stack).find_addresses(await self._list_resources(stack))
        if secret not in addresses:
            message = f"Cannot find secret '{make_printable(secret)}' in what is deployed of '{stack}'."
            known = f"{suggest_known(secret, sorted(addresses))} " if addresses else ""
            raise NotFoundError(message, hint=f"{known}{hint}")
        return addresses[secret]

    def require_fitting(self, stack: Stack, secret: str, value: SecretValue) -> None:
        """Raise ValidationError for a value that the store of the stack's cloud or a function cannot take."""
        text, largest = value.expose(), self._open_versions(stack).largest_value
        size = len(text.encode(errors="surrogatepass"))
        problem = ""
        if not text:
            problem = "the value is empty"
        elif "\0" in text:
            problem = "the value holds a null character, which no variable of a function can have"
        elif size > largest:
            problem = f"the value has {size:,} bytes, and the store of {stack.provider} takes {largest:,}"
        if problem:
            raise ValidationError(f"Cannot set secret '{make_printable(secret)}' of '{stack}': {problem}.")

    async def write(
        self, stack: Stack, secret: str, value: SecretValue, *, by: str, address: str = ""
    ) -> SecretChanged:
        """Write a value to the store of the stack's cloud; deployments use it from the next one on.

        `address` is that of the deployed secret, which is looked up without it. Raises NotFoundError for a secret that
        is not deployed, ValidationError for a value that does not fit.
        """
        return await self._write(stack, secret, value, by, address=address)

    async def rotate(
        self, stack: Stack, secret: str, value: SecretValue, *, by: str, request_rotation: RequestRotation
    ) -> DeploymentRow:
        """Write a value, deploy what is deployed again with it, and return how that ended.

        The value counts from the request on, unless the deployment does not complete: then the stack has the earlier
        one again. Raises what `write` raises, and what refuses the deployment.
        """
        address = await self.require_secret(stack, secret)
        before = find_set_secret(self._ledger, str(stack), secret)
        if before is None and self._variables.missing([secret]):
            message = f"Cannot rotate secret '{secret}' of '{stack}': there is no earlier value to go back to."
            hint = f"Set {secret_variable_name(secret)} to the value that is deployed, or use `secrets set` and deploy."
            raise RefusedError(message, "SECRET_NOT_RESTORABLE", hint=hint)
        rotation = str(uuid4())
        await self._write(stack, secret, value, by, rotation, address)
        return await request_rotation(rotation)

    def list_secrets(self, stack: Stack, blueprint: Blueprint, deployed: Collection[str] = ()) -> list[ListedSecret]:
        """Return the secrets to which the functions of a blueprint refer, by name; `deployed` are those that exist."""
        references = list_references(blueprint)
        names = sorted({it.secret for it in references})
        return [
            self._describe(stack, [it for it in references if it.secret == name], is_deployed=name in deployed)
            for name in names
        ]

    async def audit(self, stack: Stack, blueprint: Blueprint) -> list[SecretAudit]:
        """Return who may read which secret of what is deployed, and which functions of the blueprint refer to it.

        Reads the state of the engine, not the cloud. Raises NotFoundError for a stack that is not deployed.
        """
        if self._ledger.stack(str(stack)).last_good is None:
            raise NotFoundError(f"Cannot audit the secrets of '{stack}': it is not deployed.", hint="Deploy it first.")
        inspected, resources = self._find_secret_resources(stack), await self._list_resources(stack)
        grants = inspected.list_grants(resources)
        references = list_references(blueprint, {it.name for it in resources})
        return audit_secrets(inspected.find_addresses(resources), grants, references)

    def _describe(self, stack: Stack, references: Sequence[SecretReference], *, is_deployed: bool) -> ListedSecret:
        secret = references[0].secret
        change = find_set_secret(self._ledger, str(stack), secret)
        has_variable = not self._variables.missing([secret])
        row = self._ledger.stack(str(stack))
        good = self._ledger.deployment(row.last_good) if row.last_good else None
        return ListedSecret(
            str(stack),
            secret,
            "store" if change else "variable" if has_variable else "deployed" if is_deployed else "",
            tuple(references),
            change,
            is_deployed and good is not None and (change is None or good.position > change.position),
        )

    async def _write(
        self,
        stack: Stack,
        secret: str,
        value: SecretValue,
        by: str,
        rotation: str = "",
        address: str = "",
    ) -> SecretChanged:
        address = address or await self.require_secret(stack, secret)
        self.require_fitting(stack, secret, value)
        version = await asyncio.to_thread(self._open_versions(stack).write, address, value)
        change = SecretChanged(
            **event_identity(rotation or str(uuid4()), stack),
            secret=secret,
            action="rotated" if rotation else "set",
            version=version,
            address=address,
            changed_by=by,
            generation=self._ledger.stack(str(stack)).generation,
            correlation_id=secret_correlation(str(stack), secret),
        )
        await self._record(change)
        return change


def format_functions(references: Sequence[SecretReference]) -> Iterator[str]:
    """Yield each reference as `VARIABLE`, or `VARIABLE of FUNCTION` for one of several functions."""
    for it in references:
        yield f"{it.variable} of {it.function}" if it.function else it.variable
