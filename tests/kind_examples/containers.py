"""Examples of the kinds that run containers."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.domain.compute.containers import (
    ContainerEnvironment,
    ContainerService,
    HealthProbe,
    ImageRegistry,
    ServiceScaling,
)
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.domain.resource import Ref
from tests.kind_examples import shared
from tests.kind_examples.example import KindExample
from tests.kind_examples.messages import BROKER_EXAMPLE, QUEUE, QUEUE_EXAMPLE
from tests.kind_examples.network import ACCESS_RULES, APP_SUBNET, GATEWAY_SUBNET, NAT_GATEWAY, VIRTUAL_NETWORK
from tests.kind_examples.security import SECRET_VAULT, WORKLOAD_IDENTITY

_NETWORK = (VIRTUAL_NETWORK, ACCESS_RULES, NAT_GATEWAY, APP_SUBNET, GATEWAY_SUBNET)
_SECRET = replace(shared.APP_SECRET, vault=Ref("vault"))
CONTAINER_ENVIRONMENT = ContainerEnvironment(
    name=Ref("containers"),
    log_store=shared.LOGS,
    network=Ref(VIRTUAL_NETWORK.name),
    subnet=Ref(APP_SUBNET.name),
)
IMAGE_REGISTRY = ImageRegistry(name=Ref("images"), repositories=("orders-api",))
LOAD_BALANCER = LoadBalancer(
    name=Ref("balancer"),
    runs_in=Ref("containers"),
    network=Ref(VIRTUAL_NETWORK.name),
    subnet=Ref(APP_SUBNET.name),
)
CONTAINER_SERVICE = ContainerService(
    name=Ref("service-orders-api"),
    service="orders-api",
    runs_in=Ref("containers"),
    identity=Ref(WORKLOAD_IDENTITY.name),
    log_store=shared.LOGS,
    image="ghcr.io/example/orders-api:1.4",
    registry=Ref("images"),
    balancer=Ref("balancer"),
    environment={"LIMIT": "5"},
    secrets={"TOKEN": shared.SECRET},
    scaling=ServiceScaling(
        minimum=1, maximum=5, concurrent_requests=50, cpu_percent=70, memory_percent=80, queues={QUEUE: 20}
    ),
    uses=(QUEUE,),
    receives_from=(QUEUE,),
    calls=("users-api",),
)
_SLEEPER = replace(CONTAINER_SERVICE, scaling=ServiceScaling(minimum=0, maximum=5, queues={QUEUE: 20}))
_RUNNING = (shared.LOG_STORE, *_NETWORK, CONTAINER_ENVIRONMENT)
SERVING = (
    *(*_RUNNING, IMAGE_REGISTRY, LOAD_BALANCER, SECRET_VAULT, _SECRET),
    *(WORKLOAD_IDENTITY, BROKER_EXAMPLE, QUEUE_EXAMPLE),
)

CONTAINER_EXAMPLES = (
    KindExample(
        resource=CONTAINER_ENVIRONMENT,
        changed=replace(CONTAINER_ENVIRONMENT, private=True),
        change=(),
        changes={"azure": ("create", "replace")},  # fixed when it is created, and the network is told its names
        needs=(shared.LOG_STORE, *_NETWORK),
        outputs=("id", "name"),
        unpriced=("aws",),
    ),
    KindExample(
        resource=replace(CONTAINER_ENVIRONMENT, network=None, subnet=None),
        changed=replace(CONTAINER_ENVIRONMENT, network=None, subnet=None, high_availability=True),
        change=(),  # only what lies in a network spans zones
        needs=(shared.LOG_STORE,),
        outputs=("id", "name"),
        label="without a network",
        unpriced=("aws",),
    ),
    KindExample(
        resource=IMAGE_REGISTRY,
        changed=replace(IMAGE_REGISTRY, repositories=("orders-api", "users-api")),
        change=("create",),
        changes={"azure": ()},  # repositories are there as soon as an image is
        outputs=("address",),
    ),
    KindExample(
        resource=LOAD_BALANCER,
        changed=replace(LOAD_BALANCER, public=True, subnet=Ref(GATEWAY_SUBNET.name)),
        change=("replace",),
        changes={"aws": ("update",), "azure": ()},  # never public there; the environment has an ingress
        needs=_RUNNING,
        outputs=("address",),
    ),
    KindExample(
        resource=CONTAINER_SERVICE,
        changed=replace(CONTAINER_SERVICE, port=9090, memory_mb=1024, cpu=0.5, probe=HealthProbe(path="/ready")),
        change=("update",),
        changes={"aws": ("replace", "update")},  # what its tasks run is another revision
        needs=SERVING,
        outputs=("id", "name", "address"),
    ),
    KindExample(
        resource=CONTAINER_SERVICE,
        changed=replace(CONTAINER_SERVICE, image="ghcr.io/example/orders-api:1.5", secrets={}),
        change=("update",),
        changes={"aws": ("replace", "update"), "azure": ("update", "delete")},  # azure: the right to read secrets
        needs=SERVING,
        label="another image",
    ),
    KindExample(
        resource=_SLEEPER,
        changed=replace(_SLEEPER, scaling=replace(_SLEEPER.scaling, maximum=8)),
        change=("update",),
        needs=SERVING,
        label="that sleeps without messages",
    ),
)
