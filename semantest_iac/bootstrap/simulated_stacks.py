"""Whether the simulated cloud of a deployed stack is in this home, as ledgers are shared and moved without it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from semantest_iac.application.queries.history import find_owning_engine
from semantest_iac.domain.errors import RefusedError, StorageError
from semantest_iac.infrastructure.home_manifest import HomeManifest

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import Ledger
    from semantest_iac.bootstrap.engines import EngineEntry


class SimulatingHome(Protocol):
    """The application, as far as this module uses it."""

    @property
    def home(self) -> Path: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def engines(self) -> Mapping[str, EngineEntry]: ...


def is_simulated_elsewhere(application: SimulatingHome, stack: str) -> bool:
    """Whether a stack was deployed to a simulated cloud that is in another home.

    One that this home has noted, or has files of, was here: what is lost of it has errors and repairs of its own.
    """
    owner = find_owning_engine(application.ledger, stack)
    entry = application.engines.get(owner.engine) if owner else None
    if owner is None or entry is None or not owner.is_simulated:
        return False
    return not (entry.has_files(application.home, stack) or _is_noted(application.home, stack))


def require_simulated_here(application: SimulatingHome, stack: str) -> None:
    """Raise RefusedError where what was deployed of a stack cannot be seen from this home."""
    if is_simulated_elsewhere(application, stack):
        raise RefusedError(
            f"Cannot look at what is deployed of '{stack}': its simulated cloud is in another home.",
            "SIMULATED_ELSEWHERE",
            hint="Use the home that deployed it, on its machine; or deploy it here, to a simulated cloud of this home.",
        )


def _is_noted(home: Path, stack: str) -> bool:
    try:
        noted = HomeManifest(home).read()
    except StorageError:  # damaged: whoever uses it says so
        return True
    return noted is not None and stack in noted.stacks
