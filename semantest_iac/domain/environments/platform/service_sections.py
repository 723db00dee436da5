"""The section of the configuration file about services that run containers."""

from __future__ import annotations

from pydantic import Field

from semantest_iac.domain.environments.section_types import ListOf, Section, Variable


class ServiceHealthSection(Section):
    """How instances of a service are checked."""

    path: str | None = Field(default=None, description="Path that is asked with GET; /health by default.")
    interval_s: int | None = Field(default=None, description="Seconds between two checks, 5 to 240; 10 by default.")
    timeout_s: int | None = Field(default=None, description="Seconds that an answer may take, 2 to 60; 5 by default.")
    failures: int | None = Field(
        default=None, description="Failed checks in a row after which it is replaced, 2 to 10; 3 by default."
    )
    start_s: int | None = Field(
        default=None, description="Seconds that a new instance may take until it answers, 1 to 300; 60 by default."
    )


class ServiceScaleSection(Section):
    """Between how many instances a service scales, and by what."""

    min: int | None = Field(default=None, description="The fewest instances, 0 to 100; 1 by default.")
    max: int | None = Field(default=None, description="The most instances, 1 to 100; 5 by default.")
    concurrent_requests: int | None = Field(
        default=None,
        description="Requests at once that an instance should have, 1 to 1000; 50 where nothing else scales it.",
    )
    cpu: int | None = Field(default=None, description="Percent of its processor that an instance should use, 10 to 95.")
    memory: int | None = Field(default=None, description="Percent of its memory that an instance should use, 10 to 95.")
    queue: dict[str, int] = Field(
        default={}, description="Waiting messages that an instance should have, by the name of the queue, 1 to 10000."
    )


class ServiceBindingsSection(Section):
    """What a service of the component may use; variables tell it where that is."""

    sends_to: ListOf[str] = Field(default=(), description="Queues and topics to which it sends.")
    receives_from: ListOf[str] = Field(default=(), description="Queues whose messages it takes.")
    calls: ListOf[str] = Field(default=(), description="Services that it calls.")
    tables: ListOf[str] = Field(default=(), description="Tables whose items it reads and writes.")
    buckets: ListOf[str] = Field(default=(), description="Buckets whose objects it reads and writes.")
    database: bool = Field(default=False, description="It connects to the SQL server.")
    cache: bool = Field(default=False, description="It uses the cache.")
    documents: bool = Field(default=False, description="It reads and writes documents.")


class ServiceSection(Section):
    """A service: identical containers behind one name."""

    image: str | None = Field(default=None, description="The image that clouds run: ghcr.io/acme/orders:1.4.")
    source: str | None = Field(default=None, description="Folder with the code: without an image, one is made of it.")
    start: str | None = Field(default=None, description="The command that starts it in the folder: node server.js.")
    base: str | None = Field(default=None, description="The image on which that of the source stands.")
    port: int | None = Field(default=None, description="Port on which it listens; 8080 by default.")
    cpu: float | None = Field(default=None, description="Virtual processors in quarters, 0.25 to 4; 0.25 by default.")
    memory: int | None = Field(default=None, description="MB of memory, 512 to 8192; 512 by default.")
    public: bool | None = Field(default=None, description="Everybody may call it; false by default.")
    health: ServiceHealthSection = ServiceHealthSection()
    scale: ServiceScaleSection = ServiceScaleSection()
    bindings: ServiceBindingsSection = ServiceBindingsSection()
    environment: dict[str, Variable] = Field(default={}, description="Variables; ${secrets.name} for a secret.")
