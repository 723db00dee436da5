"""Services of a deployed platform run while it is served: a queue's worker writes a row that a service reads.

The services send what the clouds' libraries send, and need no packages.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.serving.local_serving import LocalServing
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.messaging.messages import SentMessage
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.local_service.containers.local_containers import LocalContainers
from semantest_iac.infrastructure.local_service.containers.service_spec import ServiceUnreachableError
from semantest_iac.infrastructure.local_service.messaging.local_messages import StoredMessages
from semantest_iac.infrastructure.message_store.messages import MessageStore
from semantest_iac.presentation.request_log import RequestLogEntry
from tests.integration.local_service.messaging.conftest import wait_until
from tests.object_stores import require_azurite

AWS, AZURE = Stack("platform", "aws", "development", "us-east-1"), Stack("platform", "azure", "development", "eastus")
_SECRET = "a-secret-of-some-length"
_CLOUD_PYTHON = """
import json, os, urllib.request
from urllib.parse import urlencode

IS_AWS = "AWS_REGION" in os.environ

def send(method, url, body=None, **headers):
    request = urllib.request.Request(url, body, {name.replace("_", "-"): it for name, it in headers.items()})
    request.method = method
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()

def scope(service):
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/{service}/aws4_request"}

def call_aws(service, target, **arguments):
    headers = {"X_Amz_Target": target, "Content_Type": "application/x-amz-json-1.0"}
    body, url = json.dumps(arguments).encode(), os.environ[f"AWS_ENDPOINT_URL_{service.upper()}"]
    return json.loads(send("POST", url, body, **headers, **scope(service)))

def login():
    query = {"api-version": "2019-08-01", "resource": "https://storage.azure.com"}
    query["client_id"] = os.environ["AZURE_CLIENT_ID"]
    url = f"{os.environ['IDENTITY_ENDPOINT']}?{urlencode(query)}"
    token = json.loads(send("GET", url, X_IDENTITY_HEADER=os.environ["IDENTITY_HEADER"]))["access_token"]
    return {"authorization": f"Bearer {token}", "x_ms_version": "2021-12-02"}

def write_row(key):
    table = os.environ["SEMANTEST_TABLE_ORDERS"]
    if IS_AWS:
        item = {"PartitionKey": {"S": "a"}, "RowKey": {"S": key}}
        call_aws("dynamodb", "DynamoDB_20120810.PutItem", TableName=table, Item=item)
    else:
        headers = {"content_type": "application/json", "accept": "application/json;odata=nometadata"}
        send("POST", table, json.dumps({"PartitionKey": "a", "RowKey": key}).encode(), **headers, **login())

def read_rows():
    table = os.environ["SEMANTEST_TABLE_ORDERS"]
    if IS_AWS:
        found = call_aws("dynamodb", "DynamoDB_20120810.Scan", TableName=table)["Items"]
        return sorted(it["RowKey"]["S"] for it in found)
    rows = json.loads(send("GET", f"{table}()", accept="application/json;odata=nometadata", **login()))["value"]
    return sorted(it["RowKey"] for it in rows)

def send_message(text):
    queue = os.environ["SEMANTEST_SEND_ORDERS_QUEUE"]
    if IS_AWS:
        call_aws("sqs", "AmazonSQS.SendMessage", QueueUrl=queue, MessageBody=text)
    else:
        batch = json.dumps([{"Body": text}]).encode()
        send("POST", f"{queue}/messages", batch, content_type="application/vnd.microsoft.servicebus.json")
"""
_WORKER = """
from cloud import *

def handler(event, context):
    for record in event["Records"]:
        write_row(json.loads(record["body"])["order"])
"""
_SERVICE_PYTHON = """
import http.server
from cloud import *

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        send_message(self.rfile.read(int(self.headers["content-length"])).decode())
        self.answer(202, "{}")

    def do_GET(self):
        if self.path == "/health":
            return self.answer(200, "")
        user = json.loads(send("GET", f"{os.environ['SEMANTEST_SERVICE_USERS_API']}/users/7"))
        token, limit = os.environ["TOKEN"], os.environ["LIMIT"]
        self.answer(200, json.dumps({"rows": read_rows(), "user": user, "token": token, "limit": limit}))

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
_SERVICE_NODE = """
const http = require('node:http')
const env = process.env
const isAws = 'AWS_REGION' in env

async function send (method, url, body, headers) {
  const answer = await fetch(url, { method, body, headers })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${answer.status} ${text}`)
  return text
}
async function callAws (service, target, args) {
  const authorization = `AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/${service}/aws4_request`
  const headers = { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.0', authorization }
  return JSON.parse(await send('POST', env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`], JSON.stringify(args), headers))
}
async function login () {
  const query = new URLSearchParams({
    'api-version': '2019-08-01', resource: 'https://storage.azure.com', client_id: env.AZURE_CLIENT_ID
  })
  const headers = { 'x-identity-header': env.IDENTITY_HEADER }
  const token = JSON.parse(await send('GET', `${env.IDENTITY_ENDPOINT}?${query}`, undefined, headers)).access_token
  return { authorization: `Bearer ${token}`, 'x-ms-version': '2021-12-02', accept: 'application/json;odata=nometadata' }
}
async function readRows () {
  const table = env.SEMANTEST_TABLE_ORDERS
  if (isAws) {
    const found = await callAws('dynamodb', 'DynamoDB_20120810.Scan', { TableName: table })
    return found.Items.map(it => it.RowKey.S).sort()
  }
  return JSON.parse(await send('GET', `${table}()`, undefined, await login())).value.map(it => it.RowKey).sort()
}
async function sendMessage (text) {
  const queue = env.SEMANTEST_SEND_ORDERS_QUEUE
  if (isAws) return callAws('sqs', 'AmazonSQS.SendMessage', { QueueUrl: queue, MessageBody: text })
  const headers = { 'content-type': 'application/vnd.microsoft.servicebus.json' }
  return send('POST', `${queue}/messages`, JSON.stringify([{ Body: text }]), headers)
}

http.createServer(async (request, response) => {
  if (request.url === '/health') return response.end()
  try {
    if (request.method === 'POST') {
      const parts = []
      for await (const part of request) parts.push(part)
      await sendMessage(Buffer.concat(parts).toString())
      return response.writeHead(202).end('{}')
    }
    const user = JSON.parse(await send('GET', `${env.SEMANTEST_SERVICE_USERS_API}/users/7`))
    response.end(JSON.stringify({ rows: await readRows(), user, token: env.TOKEN, limit: env.LIMIT }))
  } catch (error) {
    console.error(error)
    response.writeHead(500).end(String(error))
  }
}).listen(env.PORT)
"""
_USERS = """
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"path": self.path, "rows": os.environ.get("SEMANTEST_TABLE_ORDERS", "none")}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
_RECEIVER = """
import http.server, threading
from cloud import *

def receive():
    queue = os.environ["SEMANTEST_RECEIVE_STEPS_QUEUE"]
    while True:
        if IS_AWS:
            arguments = {"QueueUrl": queue, "WaitTimeSeconds": 5}
            for message in call_aws("sqs", "AmazonSQS.ReceiveMessage", **arguments).get("Messages", ()):
                write_row(message["Body"])
                receipt = message["ReceiptHandle"]
                call_aws("sqs", "AmazonSQS.DeleteMessage", QueueUrl=queue, ReceiptHandle=receipt)
        else:
            request = urllib.request.Request(f"{queue}/messages/head?timeout=5", method="POST")
            with urllib.request.urlopen(request) as answer:
                if answer.status == 201:
                    write_row(answer.read().decode())
                    send("DELETE", answer.headers["Location"])

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(read_rows() if self.path == "/rows" else []).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

threading.Thread(target=receive, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
_STARTS = {"python": (f"{sys.executable} server.py", _SERVICE_PYTHON), "node": ("node server.js", _SERVICE_NODE)}


class Shop:
    """A deployed platform with a queue, its worker, a table, and two services."""

    def __init__(self, folder: Path, stack: Stack, language: str) -> None:
        self.stack, self.folder = stack, folder
        self.log: list[RequestLogEntry] = []
        self.application = Application(folder / "home")
        self._start, text = _STARTS[language]
        self._write("worker/worker.py", _WORKER)
        self._write("orders/server.py" if language == "python" else "orders/server.js", text)
        self._write("users/server.py", _USERS)
        self._write("steps/server.py", _RECEIVER)
        for name in ("worker", "orders", "steps"):
            self._write(f"{name}/cloud.py", _CLOUD_PYTHON)

    def _write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    async def deploy(self, **orders: Any) -> None:
        """Deploy the platform, with these further settings of the service."""
        worker = {
            "handler": "worker.handler",
            "trigger": {"queue": "orders-queue"},
            "tables": ["orders"],
            "timeout": 25,
        }
        bindings = {"sends_to": ["orders-queue"], "calls": ["users-api"], "tables": ["orders"]}
        services = {
            "orders-api": {
                "source": str(self.folder / "orders"),
                "start": self._start,
                "bindings": bindings,
                "environment": {"TOKEN": "${secrets.orders_token}", "LIMIT": "5"},
                **orders,
            },
            "users-api": {"source": str(self.folder / "users"), "start": f"{sys.executable} server.py"},
            "steps-api": {
                "source": str(self.folder / "steps"),
                "start": f"{sys.executable} server.py",
                "scale": {"min": 0, "max": 2, "queue": {"steps-queue": 10}},
                "bindings": {"receives_from": ["steps-queue"], "tables": ["orders"]},
            },
            "images-api": {"image": "ghcr.io/example/images:1.0"},
        }
        section = {
            "source": str(self.folder / "worker"),
            "runtime": "python3.11",
            "queues": {"orders-queue": {}, "steps-queue": {}},
            "topics": {},
            "tables": ["orders"],
            "functions": {"orders-worker": worker},
            "services": services,
        }
        features = dict.fromkeys(("enable_sql_database", "enable_redis_cache", "enable_cosmos_db"), False)
        configuration = {"components": {"platform": section}, "features": features}
        variables = {"SEMANTEST_SECRET_ORDERS_TOKEN": _SECRET}
        row = await self.application.deployments(variables).deploy(self.stack, configuration)
        assert (row.state, row.error) == ("completed", None)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[LocalContainers]:
        """Serve messages, tables and services as long as the block."""
        serving = LocalServing(self.application, {})
        async with AsyncExitStack() as running:
            await running.enter_async_context(serving.provide_stores(self.log.append))
            await running.enter_async_context(serving.deliver_messages(self.log.append, 0))
            yield await running.enter_async_context(serving.run_containers(self.log.append))

    def list_notes(self, service: str) -> list[str]:
        """Return what the log says about a service."""
        return [it.note for it in self.log if (it.method, it.path) == ("SERVICE", service)]


@pytest.fixture(params=[AWS, AZURE], ids=["aws", "azure"])
def stack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stack:
    found: Stack = request.param
    if found == AZURE:
        require_azurite(monkeypatch)
    return found


@pytest.mark.parametrize(
    ("stack", "language"), [(AWS, "python"), (AZURE, "node")], indirect=["stack"], ids=["aws-python", "azure-node"]
)
async def test_a_worker_writes_a_row_that_a_service_reads(tmp_path: Path, stack: Stack, language: str) -> None:
    if language == "node" and shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    shop = Shop(tmp_path, stack, language)
    await shop.deploy()

    async with shop.serve() as containers:

        async def ask(method: str, body: bytes = b"") -> Any:
            request = HttpRequest(method, "/orders", body=body, headers=(("content-type", "application/json"),))
            response = await containers.call(str(stack), "orders-api", request)
            assert response.status < 300, response.body.decode()
            return json.loads(response.body)

        before = await ask("GET")
        await ask("POST", b'{"order": "o1"}')

        async def is_there() -> bool:
            return bool((await ask("GET"))["rows"])

        await wait_until(is_there)
        after = await ask("GET")

    assert (before["rows"], after["rows"]) == ([], ["o1"])
    assert after["user"] == {"path": "/users/7", "rows": "none"}
    assert (after["token"], after["limit"]) == (_SECRET, "5")
    assert shop.list_notes("images-api")[0].startswith("the image ghcr.io/example/images:1.0 needs a container engine")
    assert _SECRET not in "".join(map(str, shop.log))


async def test_a_deployment_restarts_what_changed_and_a_destroy_ends_it(tmp_path: Path, stack: Stack) -> None:
    shop = Shop(tmp_path, stack, "python")
    await shop.deploy()

    async with shop.serve() as containers:
        request = HttpRequest("GET", "/orders")

        async def ask() -> Any:
            return json.loads((await containers.call(str(stack), "orders-api", request)).body)

        assert (await ask())["limit"] == "5"
        await shop.deploy(environment={"TOKEN": "${secrets.orders_token}", "LIMIT": "6"})

        async def is_new() -> bool:
            return bool((await ask())["limit"] == "6")

        await wait_until(is_new)
        row = await shop.application.deployments({}).destroy(stack)
        assert row.state == "completed"
        await containers.refresh()
        with pytest.raises(ServiceUnreachableError, match="no service"):
            await ask()


async def test_waiting_messages_start_a_service_that_takes_them(tmp_path: Path, stack: Stack) -> None:
    shop = Shop(tmp_path, stack, "python")
    await shop.deploy()
    messages = StoredMessages(LocalServing(shop.application, {}).find_local_probe, MessageStore(tmp_path / "home"))

    async with shop.serve() as containers:
        await wait_until(lambda: bool(shop.list_notes("steps-api")))
        assert not [note for note in shop.list_notes("steps-api") if note.startswith("runs")]
        await messages.send([str(stack)], [SentMessage("s1"), SentMessage("s2")], queue="steps-queue")

        async def are_there() -> bool:
            response = await containers.call(str(stack), "steps-api", HttpRequest("GET", "/rows"))
            return bool(json.loads(response.body) == ["s1", "s2"])

        await wait_until(lambda: "runs 1 instance" in shop.list_notes("steps-api"))
        await wait_until(are_there)


async def test_the_example_runs(tmp_path: Path, stack: Stack) -> None:
    """Four services in Node call each other by their names."""
    if shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    example = Path(__file__).parents[4] / "docs" / "examples" / "shop"
    written = yaml.safe_load((example / "semantest.yaml").read_text())
    for service in written["components"]["platform"]["services"].values():
        service["source"] = str(example / service["source"])
    shop = Shop(tmp_path, stack, "python")
    features = dict.fromkeys(("enable_sql_database", "enable_redis_cache", "enable_cosmos_db"), False)
    row = await shop.application.deployments({}).deploy(stack, {**written, "features": features})
    assert (row.state, row.error) == ("completed", None)

    async with shop.serve() as containers:
        request = HttpRequest("POST", "/orders", query=(("user", "1"), ("product", "1")))
        response = await containers.call(str(stack), "orders-api", request)

    assert response.status == 201, response.body.decode()
    assert json.loads(response.body)["user"] == "Ana"
