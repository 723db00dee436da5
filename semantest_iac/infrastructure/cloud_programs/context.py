"""What a cloud's functions receive besides the resource itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.compute.containers import service_package
from semantest_iac.domain.compute.functions import Artifact, ServerlessFunction
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments import physical_names
from semantest_iac.domain.errors import ValidationError
from semantest_iac.domain.networking.sites import SITE_PACKAGE, SITE_RUNTIME
from semantest_iac.domain.ports.provisioner import Deferred
from semantest_iac.infrastructure.container_images.image_pushing import PushImage

if TYPE_CHECKING:
    import pulumi

Outputs = Mapping[str, Any]
"""What later resources may use of an earlier one: Pulumi inputs or resources by attribute name."""


@dataclass(frozen=True, slots=True)
class RetainedResource:
    """A resource of the last state that a delete would leave in the cloud, as that state has it.

    `component` and `component_type` are those of its parent.
    """

    type: str
    name: str
    component: str
    component_type: str
    inputs: Mapping[str, Any]

    @classmethod
    def from_state(cls, urn: str, parent: str, inputs: Mapping[str, Any]) -> RetainedResource:
        """Return it without what the provider filled in itself and will fill in again."""
        (type_, name), (component_type, component) = split_urn(urn), split_urn(parent)
        defaults = {"__defaults", *inputs.get("__defaults", ())}
        own = {key: value for key, value in inputs.items() if key not in defaults}
        return cls(type_, name, component, component_type, own)


def split_urn(urn: str) -> tuple[str, str]:
    """Return the type and the name in a URN."""
    _, _, types, name = urn.split("::", 3)
    return types.rpartition("$")[2], name


@dataclass(frozen=True, slots=True)
class ProgramContext:
    """One run of a program: the stack, its artifact, its secrets, and the outputs of the resources so far.

    If something is `deferred`, another run follows. `deployment` is the id of the deployment, empty without one.
    `base_environment` and `extra_tags` are those of the blueprint, `versions` those of the work. `retained` is what the
    stack keeps of the resources that it no longer has, `deleted` the types and names of those that an earlier run
    deleted to replace them and then could not create. `push_image` puts images into registries, of real clouds alone.
    """

    stack: Stack
    generation: int
    artifact: Artifact | None
    secret_value: Callable[[str], str]
    parent: pulumi.Resource | None = None
    outputs: dict[str, Outputs] = field(default_factory=dict)
    deferred: Deferred = Deferred.NOTHING
    deployment: str = ""
    base_environment: str = ""
    extra_tags: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    retained: Sequence[RetainedResource] = ()
    deleted: Collection[tuple[str, str]] = ()
    push_image: PushImage | None = None

    def under(self, parent: pulumi.Resource) -> ProgramContext:
        """Return the context with a parent for the resources created next."""
        return replace(self, parent=parent)

    def options(self, **options: Any) -> pulumi.ResourceOptions:
        """Return Pulumi options with the parent filled in."""
        import pulumi  # only where a program runs: commands that look or destroy use the types above without one

        return pulumi.ResourceOptions(parent=self.parent, **options)

    def physical_name(self, purpose: str = "", *, limit: int, account: str = "") -> str:
        """Return the name in the cloud, unique and the same for every attempt of a generation.

        `account` makes it unique worldwide.
        """
        return physical_names.physical_name(str(self.stack), self.generation, purpose, limit=limit, account=account)

    def add_deployment_suffix(self, name: str) -> str:
        """Return the name with digits of this deployment; use it with `ignore_changes` on the input of the name.

        A resource keeps it for life, and one that is created again after a delete gets another: clouds reserve the
        names of deleted secrets for weeks, while the rest of the stack keeps its generation.
        """
        return f"{name}-{sha256(self.deployment.encode()).hexdigest()[:4]}" if self.deployment else name

    def find_package(self, function: ServerlessFunction) -> Artifact:
        """Return the package of a function; raises ValidationError without one.

        A function of the stack's own source has a package of its own where its runtime differs.
        """
        artifact = self.artifact
        if artifact:
            other = None if function.package else artifact
            artifact = artifact.companions.get(function.package or function.purpose, other)
        if artifact is None:
            raise ValidationError(f"Cannot deploy function '{function.name}': it has no package.")
        return artifact

    def find_image_package(self, service: str) -> Artifact:
        """Return the package with the image of a service; raises ValidationError without one."""
        found = self.artifact.companions.get(service_package(service)) if self.artifact else None
        if found is None:
            raise ValidationError(f"Cannot deploy service '{service}': it has neither an image nor a package with one.")
        return found

    def find_site_package(self) -> Artifact:
        """Return the package with the files of the stack's site; raises ValidationError without one."""
        artifact = self.artifact
        found = artifact.companions.get(SITE_PACKAGE) if artifact else None
        if found is None and artifact and artifact.runtime == SITE_RUNTIME:
            found = artifact
        if found is None:
            raise ValidationError("Cannot deploy the site: it has no package.")
        return found

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of every resource that takes some; those of the configuration never replace ours."""
        return {**self.extra_tags, **physical_names.stack_tags(str(self.stack), self.generation)}
