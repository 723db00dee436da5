"""Examples of the kinds that HTTP and WebSocket services are made of."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.domain.environments.environment_settings import Throttling
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, GatewayLogging, Signal
from semantest_iac.domain.networking.apis import ApiEndpoint, WebSocketEndpoint
from semantest_iac.domain.networking.networks import ExistingNetwork, PrivateNetwork
from semantest_iac.domain.resource import Ref
from semantest_iac.domain.storage.connection_table import ConnectionTable
from tests.kind_examples import shared
from tests.kind_examples.example import KindExample

_ALARM = Alarm(
    name=Ref("alarm"),
    signal=Signal.THROTTLES,
    threshold=5,
    function=shared.FUNCTION,
    api=shared.API,
    channel=shared.ALERTS,
)
_CONNECTIONS = ConnectionTable(name=Ref("connections"))
_PRIVATE = PrivateNetwork(name=Ref("network"), cidr="10.1.0.0/20", reaches_secrets=True)
_EXISTING = ExistingNetwork(name=Ref("network"), subnet_ids=("subnet-0a1b2c3d",), security_group_ids=())
_LOGGING = GatewayLogging(name=Ref("gateway-logging"))
_ENDPOINT = WebSocketEndpoint(name=shared.API, address=shared.ADDRESS, target=shared.LIVE, throttling=shared.THROTTLING)

SERVICE_EXAMPLES = (
    KindExample(
        resource=_ALARM,
        changed=replace(_ALARM, threshold=6),
        change=("update",),
        needs=(*shared.WHOLE_FUNCTION, shared.HTTP_API, shared.NOTIFICATION_CHANNEL),
    ),
    KindExample(
        resource=shared.APP_SECRET,
        changed=replace(shared.APP_SECRET, key="other"),
        change=("replace",),
        changes={"azure": ("update",)},  # another value of the same vault
    ),
    KindExample(
        resource=_CONNECTIONS,
        changed=replace(_CONNECTIONS, lifetime_s=9000),
        change=(),
        outputs=("name",),
        unpriced=("azure",),
    ),
    KindExample(
        resource=_EXISTING,
        changed=replace(_EXISTING, subnet_ids=("subnet-0a1b2c3e",)),
        change=(),
    ),
    KindExample(
        resource=shared.FUNCTION_IDENTITY,
        changed=replace(shared.FUNCTION_IDENTITY, secrets=(shared.SECRET,)),
        change=("update",),
        changes={"azure": ("create",)},
        needs=(shared.LOG_STORE, shared.APP_SECRET),
    ),
    KindExample(resource=_LOGGING, changed=_LOGGING, change=(), outputs=("arn",)),
    KindExample(
        resource=shared.HTTP_API,
        changed=replace(shared.HTTP_API, endpoints=(ApiEndpoint("GET", "/health"), ApiEndpoint("POST", "/items"))),
        change=("create", "delete"),
        changes={"azure": ()},  # development has no gateway there: the app is told its routes
        needs=shared.WHOLE_FUNCTION,
        outputs=("endpoint", "id"),
    ),
    KindExample(
        resource=shared.LIVE_VERSION,
        changed=replace(shared.LIVE_VERSION, warm=1),
        change=("create",),
        changes={"azure": ()},  # instances are the app's there
        needs=shared.WHOLE_FUNCTION[:-1],
    ),
    KindExample(resource=shared.LOG_STORE, changed=replace(shared.LOG_STORE, retention_days=60), change=("update",)),
    KindExample(
        resource=shared.NOTIFICATION_CHANNEL,
        changed=replace(shared.NOTIFICATION_CHANNEL, emails=("support@example.org",)),
        change=("create", "delete"),
        changes={"azure": ("update",)},
    ),
    KindExample(
        resource=_PRIVATE,
        changed=replace(_PRIVATE, cidr="10.2.0.0/20"),
        change=("replace",),
    ),
    KindExample(
        resource=shared.SERVERLESS_FUNCTION,
        changed=replace(shared.SERVERLESS_FUNCTION, memory_mb=1024, environment={"LIMIT": "5"}),
        change=("update",),
        needs=(shared.LOG_STORE, shared.FUNCTION_IDENTITY),
        outputs=("name",),
        unpriced=("azure",),
    ),
    KindExample(
        resource=shared.WEB_SOCKET_ADDRESS,
        changed=replace(shared.WEB_SOCKET_ADDRESS, type_field="kind"),
        change=("update",),
        changes={"azure": ()},  # the function reads the type there
        outputs=("endpoint", "id"),
    ),
    KindExample(
        resource=_ENDPOINT,
        changed=replace(_ENDPOINT, throttling=Throttling(rate=50, burst=100)),
        change=("update",),
        changes={"azure": ()},  # Web PubSub has no such limit
        needs=(shared.WEB_SOCKET_ADDRESS, *shared.WHOLE_FUNCTION),
    ),
)
