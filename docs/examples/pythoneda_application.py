"""A PythonEDA application that updates and removes a stack, and hears of its deployments: docs/pythoneda.md.

    python docs/examples/pythoneda_application.py demo

It needs PythonEDA's packages on PYTHONPATH, but no account and no server: `dev` is simulated on this machine.
"""

import asyncio

from pythoneda.shared import EventListener, listen
from pythoneda.shared.application import PythonEDA, enable
from pythoneda.shared.iac import events as iac
from pythoneda.shared.infrastructure.cli import CliHandler

from semantest_iac.events import DeploymentCompleted
from semantest_iac.pythoneda.deployments import InfrastructureDeployments


class Answers(EventListener):
    @classmethod
    @listen(iac.InfrastructureUpdated)
    async def listen_updated(cls, event):
        print(f"updated {event.metadata['stack']}: {event.metadata['endpoint']}")

    @classmethod
    @listen(iac.InfrastructureUpdateFailed)
    async def listen_update_failed(cls, event):
        print(f"failed {event.stack_name}: {event.metadata['reason']}")

    @classmethod
    @listen(DeploymentCompleted)  # our own events are forwarded, whoever caused them
    async def listen_completed(cls, event):
        print(f"completed {event.stack}: {event.changes.create} created")


class DemoCommand(CliHandler):
    def __init__(self):
        super().__init__("Update a stack, fail to update another, and remove the first", "demo")

    def add_arguments(self, parser):
        pass

    async def handle(self, app, args):
        for location in ("us-east-1", "narnia"):
            await app.accept(iac.InfrastructureUpdateRequested("aws-dev", "demo", location, {"component": "rest-api"}))
        removal = iac.InfrastructureRemovalRequested("rest-api.aws.dev.us-east-1", "demo", "us-east-1")
        for answer in await app.accept(removal):
            print(f"{type(answer).__name__} {answer.stack_name}")


@enable(InfrastructureDeployments, home=".semantest", forward_events=True)
@enable(DemoCommand)
class Demo(PythonEDA):
    def __init__(self, name):
        super().__init__(name, None, __file__)

    def load_all_packages(self):  # PythonEDA would execute every package on the path a second time
        self.load_module_recursive("pythoneda")


if __name__ == "__main__":
    asyncio.run(Demo.main("demo.Demo"))
