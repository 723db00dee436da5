from __future__ import annotations

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.resource import Ref
from semantest_iac.domain.security.access import FunctionIdentity


class TestNeeds:
    def test_are_none_without_references(self) -> None:
        assert NotificationChannel(name="alerts", emails=("a@example.com",)).needs() == ()

    def test_come_from_single_fields_and_tuples(self) -> None:
        identity = FunctionIdentity(name="identity", log_store=Ref("logs"), secrets=(Ref("s1"), Ref("s2")))

        assert identity.needs() == ("logs", "s1", "s2")

    def test_come_from_mappings_without_unset_fields(self) -> None:
        function = ServerlessFunction(
            name="function",
            memory_mb=128,
            timeout_s=3,
            identity=Ref("identity"),
            log_store=Ref("logs"),
            environment={"LEVEL": "debug"},
            secrets={"TOKEN": Ref("s1")},
        )

        assert function.needs() == ("identity", "logs", "s1")
