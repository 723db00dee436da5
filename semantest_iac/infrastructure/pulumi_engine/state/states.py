"""The state of a stack in Pulumi's deployment format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from semantest_iac.domain.deployment.property_changes import COMPUTED_VALUE, SECRET_VALUE, PackageDigest
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import DeploymentError, RefusedError
from semantest_iac.infrastructure.durable_files import replace_file
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFiles

_STACK_TYPE = "pulumi:pulumi:Stack"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - Pulumi's signature of an encrypted value
_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"  # to another resource
_CHECKPOINT_VERSION = 3
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True, slots=True)
class PendingCreate:
    """A create that was begun and whose result was never recorded; its inputs may hold encrypted values.

    `known_ids` are the ids that the state has under the same URN: of the resource that the create was to replace.
    """

    urn: str
    type: str
    inputs: Mapping[str, Any]
    known_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackState:
    """One deployment: its resources, its pending operations, and how its secrets are encrypted."""

    deployment: Mapping[str, Any]

    @property
    def resources(self) -> list[Mapping[str, Any]]:
        """Every resource, dependencies first."""
        return list(self.deployment.get("resources") or ())

    @property
    def live_resources(self) -> list[Mapping[str, Any]]:
        """The resources that exist in a cloud and are not about to be deleted."""
        return [it for it in self.resources if it.get("custom") and not it.get("delete")]

    @property
    def cloud_resources(self) -> list[Mapping[str, Any]]:
        """The live resources that this stack made, without its providers."""
        made = (it for it in self.live_resources if not (it.get("external") or it.get("pendingReplacement")))
        return [it for it in made if it.get("id") and not str(it["type"]).startswith("pulumi:providers:")]

    @property
    def retained_resources(self) -> list[Mapping[str, Any]]:
        """What a delete would leave in the cloud, without what holds secrets."""
        kept = (it for it in self.cloud_resources if it.get("retainOnDelete") and it.get("parent"))
        return [it for it in kept if not contains_encrypted_value(it.get("inputs"))]

    @property
    def deleted_resources(self) -> list[str]:
        """The URNs of what was deleted to be replaced and could not be created."""
        return [it["urn"] for it in self.resources if it.get("pendingReplacement")]

    @property
    def pending_creates(self) -> list[PendingCreate]:
        creates = (op for op in self.deployment.get("pending_operations") or () if op.get("type") == "creating")
        resources = (op["resource"] for op in creates)
        return [PendingCreate(it["urn"], it["type"], it.get("inputs") or {}, self._ids(it["urn"])) for it in resources]

    @property
    def pending_changes(self) -> list[str]:
        """The URNs of resources whose update or delete was begun: the cloud may have carried it out."""
        changes = (op for op in self.deployment.get("pending_operations") or () if op.get("type") != "creating")
        known = {it["urn"] for it in self.resources}
        return sorted({urn for op in changes if (urn := op["resource"]["urn"]) in known})

    def _ids(self, urn: str) -> tuple[str, ...]:
        return tuple(it["id"] for it in self.resources if it["urn"] == urn and it.get("id"))

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs of the stack, without secrets."""
        root = next((it for it in self.resources if it["type"] == _STACK_TYPE), {})
        return drop_secret_values(root.get("outputs") or {})

    @property
    def component_outputs(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Type and outputs of the components, without secrets."""
        found = (it for it in self.resources if not it.get("custom"))
        return [(it["type"], drop_secret_values(it.get("outputs") or {})) for it in found]

    @property
    def property_origins(self) -> dict[str, Mapping[str, list[str]]]:
        """By URN and property, the URNs of the resources that the property's value came from."""
        return {it["urn"]: it.get("propertyDependencies") or {} for it in self.resources}

    @property
    def secrets_provider(self) -> Mapping[str, Any]:
        """Type and state of the secrets provider; empty before the first deployment."""
        return self.deployment.get("secrets_providers") or {}

    @property
    def digest(self) -> str:
        """A hash of the whole state."""
        return hashlib.sha256(json.dumps(self.deployment, sort_keys=True).encode()).hexdigest()


def resolve_pending_creates(deployment: Mapping[str, Any], adopted: Mapping[str, str]) -> dict[str, Any]:
    """The deployment without pending operations; creates with an id in `adopted` (by URN) become resources of it.

    Their outputs are their inputs until the next refresh: a provider may need them to find a resource within its
    parent. The resources that they replace are marked to be deleted, as after a create that was not interrupted.
    """
    pending = {op["resource"]["urn"]: op["resource"] for op in deployment.get("pending_operations") or ()}
    replaced = [
        {**it, "delete": True} if it["urn"] in adopted and not it.get("delete") else it
        for it in deployment.get("resources") or ()
    ]
    found = [
        {**pending[urn], "id": id_, "outputs": pending[urn].get("inputs") or {}} for urn, id_ in sorted(adopted.items())
    ]
    return {**deployment, "resources": [*replaced, *found], "pending_operations": []}


def drop_secret_values(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values that hold no encrypted part; engine events show secrets as a state does."""
    return {name: value for name, value in outputs.items() if not contains_encrypted_value(value)}


def to_neutral_value(value: Any) -> Any:
    """The value of a property as the domain compares it; states and engine events have one form."""
    if isinstance(value, Mapping):
        signature = value.get(_SIGNATURE)
        if signature == _SECRET:
            return SECRET_VALUE
        if signature == _REFERENCE:
            return to_neutral_value(value.get("id"))
        if signature and "hash" in value:  # an asset or an archive
            return PackageDigest(str(value["hash"]))
        return {name: to_neutral_value(it) for name, it in value.items()}
    if isinstance(value, list):
        return [to_neutral_value(it) for it in value]
    return COMPUTED_VALUE if value == _UNKNOWN else value


def reveal_secrets(value: Any) -> Any:
    """The value with each secret replaced by the plain text that the CLI put beside its signature."""
    if isinstance(value, Mapping):
        is_secret = value.get(_SIGNATURE) == _SECRET and "plaintext" in value
        return parse_json(value["plaintext"]) if is_secret else {name: reveal_secrets(it) for name, it in value.items()}
    return [reveal_secrets(it) for it in value] if isinstance(value, list) else value


def read_state_file(files: StateFiles, stack: str) -> StackState | None:
    """The state in a backend, None for an unknown stack.

    Raises DeploymentError for a damaged file, and RefusedError for the state of another stack or project.
    """
    name = state_name(stack)
    content = files.read(name)
    if content is not None:
        return parse_checkpoint(content, stack, files.locate(name))
    previous = files.read(f"{name}.bak")
    if previous and parse_checkpoint(previous, stack, files.locate(f"{name}.bak")).resources:
        raise _damage_error(stack, files.locate(name), "it is gone, and the one before it is not empty")
    return None


def parse_checkpoint(content: bytes, stack: str, place: str) -> StackState:
    """The state in the text of a file, which is at a place; errors as `read_state_file`."""
    try:
        named = parse_json(content)["checkpoint"].get("stack") or stack
        state = parse_state(content, "checkpoint", "latest")
        urns = [str(resource["urn"]) for resource in state.resources]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        problem = "it is damaged" if content.strip() else "it is an empty file"
        raise _damage_error(stack, place, problem) from error
    require_own_state(stack, str(named), urns, place)
    return state


def require_own_state(stack: str, named: str, urns: Iterable[str], place: str) -> None:
    """Raise RefusedError where a state is that of another stack or project, by its own name or by its URNs."""
    if named not in (stack, f"organization/{PULUMI_PROJECT}/{stack}"):
        other = named.removeprefix(f"organization/{PULUMI_PROJECT}/")
    else:
        own = f"urn:pulumi:{stack}::{PULUMI_PROJECT}::"
        foreign = next((urn for urn in urns if urn.startswith("urn:pulumi:") and not urn.startswith(own)), "")
        if not foreign:
            return
        other_stack, project, *_ = foreign.removeprefix("urn:pulumi:").split("::")
        other = other_stack if project == PULUMI_PROJECT else f"{project}/{other_stack}"
    raise RefusedError(
        f"Cannot use the state of stack '{stack}': '{place}' is that of '{make_printable(other)}'.",
        "STATE_FOREIGN",
        hint=f"Check state.backend. If the file was overwritten: semantest-iac state restore {stack}",
    )


def _damage_error(stack: str, place: str, problem: str) -> DeploymentError:
    return DeploymentError(
        f"Cannot read the state of stack '{stack}': {problem}.",
        "STATE_DAMAGED",
        hint=f"Nothing was changed; the file is '{place}'. Go back to a backup: semantest-iac state restore {stack}",
    )


def map_ciphertexts(value: Any, change: Callable[[str], str]) -> Any:
    """The value with what encrypts each secret changed."""
    if isinstance(value, Mapping):
        if value.get(_SIGNATURE) == _SECRET and isinstance(value.get("ciphertext"), str):
            return {**value, "ciphertext": change(value["ciphertext"])}
        return {name: map_ciphertexts(it, change) for name, it in value.items()}
    return [map_ciphertexts(it, change) for it in value] if isinstance(value, list) else value


def write_empty_state(backend: Path, stack: str, salt: str, cli_version: str) -> bool:
    """Write the state of a new stack as `pulumi stack init` does, which takes a third of a preview; False if unsafe.

    Only beside states that a CLI has written, so that the form of the backend is known; the caller holds the stack.
    """
    path, version = state_path(backend, stack), f"v{cli_version}"
    if path.exists() or _previous_path(backend, stack).exists():
        return False
    if not (backend / "meta.yaml").exists() or not any(path.parent.glob("*.json")):
        return False
    manifest = {
        "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "magic": hashlib.sha256(version.encode()).hexdigest(),
        "version": version,
    }
    secrets_providers = {"type": "passphrase", "state": {"salt": salt}}
    latest = {"manifest": manifest, "secrets_providers": secrets_providers, "metadata": {}}
    checkpoint = {"stack": f"organization/{PULUMI_PROJECT}/{stack}", "latest": latest}
    replace_file(path, json.dumps({"version": _CHECKPOINT_VERSION, "checkpoint": checkpoint}))
    return True


def find_newest_copy(backend: Path, stack: str) -> Path | None:
    """Return the newest copy of a state that Pulumi kept in its file backend; None without one."""
    copies = [
        *(backend / "history" / PULUMI_PROJECT / stack).glob("*.checkpoint.json"),
        *(backend / "backups" / PULUMI_PROJECT / stack).glob("*.json"),
    ]
    return max(copies, key=lambda path: path.stat().st_mtime_ns, default=None)


def state_name(stack: str) -> str:
    """Return the name of a stack's state among the files of a backend."""
    return f"stacks/{PULUMI_PROJECT}/{stack}.json"


def state_path(backend: Path, stack: str) -> Path:
    """Return the file of a stack's state in a file backend."""
    return backend / state_name(stack)


def restore_previous_state(backend: Path, stack: str) -> None:
    """Put back the state that the CLI moved aside before it failed to write the next one, as on a full disk.

    What it left of the next one is removed; the caller holds the stack. The CLI writes a state before each operation
    and after it, so the previous one names every operation that was begun.
    """
    path, previous = state_path(backend, stack), _previous_path(backend, stack)
    for incomplete in path.parent.glob(f"{path.name}.*.tmp"):
        incomplete.unlink(missing_ok=True)
    if path.exists() or not previous.exists():
        return
    content = previous.read_bytes()
    try:
        has_resources = bool(parse_state(content, "checkpoint", "latest").resources)
    except (ValueError, TypeError, KeyError, AttributeError):
        return  # reading the state says that it is damaged
    if has_resources:
        replace_file(path, content)


def _previous_path(backend: Path, stack: str) -> Path:
    path = state_path(backend, stack)
    return path.with_name(f"{path.name}.bak")


def parse_state(text: bytes, *path: str) -> StackState:
    """The deployment at that path of a JSON text; raises ValueError, TypeError or KeyError."""
    found = parse_json(text)
    for key in path:
        found = found[key]
    state = StackState(found or {})
    _ = [resource["urn"] for resource in state.resources]
    return state


def contains_encrypted_value(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get(_SIGNATURE) == _SECRET or any(map(contains_encrypted_value, value.values()))
    return isinstance(value, list) and any(map(contains_encrypted_value, value))
