"""Resources that many examples need: a function with its log and identity, a secret, a network."""

from __future__ import annotations

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.environments.environment_settings import Throttling
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.logs_and_alarms import LogSource, LogStore
from semantest_iac.domain.networking.apis import ApiEndpoint, HttpApi, WebSocketAddress
from semantest_iac.domain.resource import Ref
from semantest_iac.domain.security.access import AppSecret, FunctionIdentity

LOGS, IDENTITY, FUNCTION, LIVE = Ref("logs"), Ref("identity"), Ref("function"), Ref("live")
API, ADDRESS, ALERTS, SECRET = Ref("api"), Ref("address"), Ref("alerts"), Ref("secret")

LOG_STORE = LogStore(name=LOGS, source=LogSource.FUNCTION, retention_days=30)
FUNCTION_IDENTITY = FunctionIdentity(name=IDENTITY, log_store=LOGS)
SERVERLESS_FUNCTION = ServerlessFunction(
    name=FUNCTION, memory_mb=512, timeout_s=30, identity=IDENTITY, log_store=LOGS, tracing=False
)
LIVE_VERSION = LiveVersion(name=LIVE, function=FUNCTION)
WHOLE_FUNCTION = (LOG_STORE, FUNCTION_IDENTITY, SERVERLESS_FUNCTION, LIVE_VERSION)

THROTTLING = Throttling(rate=100, burst=200)
HTTP_API = HttpApi(
    name=API, target=LIVE, throttling=THROTTLING, endpoints=(ApiEndpoint("GET", "/health"), ApiEndpoint("ANY", "/"))
)
WEB_SOCKET_ADDRESS = WebSocketAddress(name=ADDRESS)
APP_SECRET = AppSecret(name=SECRET, key="token", recovery_days=7)
NOTIFICATION_CHANNEL = NotificationChannel(name=ALERTS, emails=("operations@example.org",))
