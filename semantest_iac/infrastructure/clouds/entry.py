"""The one description of a cloud; ours have no other, and other distributions offer theirs as the same."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from semantest_iac.domain.environments.providers import CloudDescription
from semantest_iac.domain.errors import RefusedError


@dataclass(frozen=True, slots=True)
class CredentialLocations:
    """Variables of which one is enough, files below the home folder of which one is enough, and how to get there."""

    variables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEntry(CloudDescription):
    """Parts are written `module:NAME` and loaded when they are needed, so making an entry costs nothing.

    `program` is a Cloud of cloud_programs; `package` is that of its Pulumi provider, whose setting `place` says where
    it works; `sdk` is the distribution with the classes of its resources.
    `simulated` makes the simulated cloud, `front` stands before its functions on this machine, `sockets` are its
    WebSocket APIs there, and `code_service` takes code where programs do not carry it. `families` begin the names of
    variables that its provider reads.
    """

    program: str
    package: str
    sdk: str
    simulated: str
    front: str
    sockets: str = ""
    code_service: str = ""
    place: str = "region"
    credentials: CredentialLocations | None = None
    families: tuple[str, ...] = ()

    def part(self, where: str) -> Any:
        """The object at `module:NAME`; raises RefusedError where this machine lacks what it needs."""
        module, _, name = where.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise self._unusable(str(error)) from error

    def require(self, package: str) -> None:
        """Raise RefusedError where that package is not here; it is looked for and not loaded."""
        if package and find_spec(package) is None:
            raise self._unusable(f"No module named '{package}'")

    def _unusable(self, reason: str) -> RefusedError:
        hint = f"Run pip install '{self.sdk}'."
        return RefusedError(f"Cannot use '{self.name}' here: {reason}.", "CLOUD_UNUSABLE", hint=hint)
