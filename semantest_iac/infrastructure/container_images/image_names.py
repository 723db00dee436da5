"""Names of images: the registry, the repository in it, and a tag or a digest."""

from __future__ import annotations

from dataclasses import dataclass

_DOCKER_HUB, _DOCKER_HUB_API = "docker.io", "registry-1.docker.io"
_LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class ImageName:
    """The parts of a name; `reference` is a tag, or a digest such as `sha256:…`."""

    registry: str
    repository: str
    reference: str = "latest"

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """Read a name as Docker does: without a registry it is one of Docker Hub."""
        name, _, digest = text.partition("@")
        first, slash, rest = name.partition("/")
        is_registry = bool(slash) and ("." in first or ":" in first or first == "localhost")
        registry, path = (first, rest) if is_registry else (_DOCKER_HUB, name)
        repository, _, tag = path.partition(":")
        if registry == _DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(registry, repository, digest or tag or "latest")

    @property
    def origin(self) -> str:
        """Return where the registry answers; one on this machine needs no certificate, as for other clients."""
        host = _DOCKER_HUB_API if self.registry == _DOCKER_HUB else self.registry
        return f"{'http' if host.partition(':')[0] in _LOOPBACK else 'https'}://{host}"

    def __str__(self) -> str:
        separator = "@" if ":" in self.reference else ":"
        return f"{self.registry}/{self.repository}{separator}{self.reference}"
