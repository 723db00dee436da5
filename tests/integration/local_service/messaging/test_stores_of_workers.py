"""Functions that messages call write rows and files and read them again, on both clouds and in both languages.

The one that writes also calls another function, for which an app of Azure needs a second token of its identity.

They send what the clouds' libraries send, and need no packages: on AWS JSON to DynamoDB and S3 at the addresses that
SDKs read, on Azure a token of their identity by HTTPS with a certificate that they have learnt to trust.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.presentation.request_log import RequestLogEntry
from tests.integration.local_service.messaging.conftest import AWS, Workers, wait_until
from tests.object_stores import require_azurite

_PYTHON = """
import json, os, urllib.request
from urllib.parse import urlencode

def send(method, url, body=None, **headers):
    request = urllib.request.Request(url, body, {name.replace("_", "-"): it for name, it in headers.items()})
    request.method = method
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()

def scope(service):
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/{service}/aws4_request"}

def dynamodb(operation, **arguments):
    headers = {"X_Amz_Target": "DynamoDB_20120810." + operation, "Content_Type": "application/x-amz-json-1.0"}
    body = json.dumps({"TableName": os.environ["SEMANTEST_TABLE_ORDERS"], **arguments}).encode()
    return json.loads(send("POST", os.environ["AWS_ENDPOINT_URL_DYNAMODB"], body, **headers, **scope("dynamodb")))

def login():
    query = {"api-version": "2019-08-01", "resource": "https://storage.azure.com"}
    query["client_id"] = os.environ["AZURE_CLIENT_ID"]
    url = f"{os.environ['IDENTITY_ENDPOINT']}?{urlencode(query)}"
    token = json.loads(send("GET", url, X_IDENTITY_HEADER=os.environ["IDENTITY_HEADER"]))["access_token"]
    return {"authorization": f"Bearer {token}", "x_ms_version": "2021-12-02"}

def check(event, context):
    return {"statusCode": 200 if event["rawPath"].startswith("/orders/o") else 404}

def write(event, context):
    from semantest_call import call
    for record in event["Records"]:
        order, body = json.loads(record["body"])["order"], record["body"].encode()
        assert call("checks", "GET", f"/orders/{order}").status == 200
        if "AWS_ENDPOINT_URL_S3" in os.environ:
            dynamodb("PutItem", Item={"PartitionKey": {"S": "a"}, "RowKey": {"S": order}})
            url = f"{os.environ['AWS_ENDPOINT_URL_S3']}/{os.environ['SEMANTEST_BUCKET_UPLOADS']}/{order}"
            send("PUT", url, body, content_type="application/json", **scope("s3"))
        else:
            entity = json.dumps({"PartitionKey": "a", "RowKey": order}).encode()
            json_headers = {"content_type": "application/json", "accept": "application/json;odata=nometadata"}
            send("POST", os.environ["SEMANTEST_TABLE_ORDERS"], entity, **json_headers, **login())
            url = f"{os.environ['SEMANTEST_BUCKET_UPLOADS']}/{order}"
            send("PUT", url, body, x_ms_blob_type="BlockBlob", **login())

def read(event, context):
    order = json.loads(event["Records"][0]["body"])["order"]
    if "AWS_ENDPOINT_URL_S3" in os.environ:
        rows = [it["RowKey"]["S"] for it in dynamodb("Scan")["Items"]]
        url = f"{os.environ['AWS_ENDPOINT_URL_S3']}/{os.environ['SEMANTEST_BUCKET_UPLOADS']}/{order}"
        file = send("GET", url, **scope("s3"))
    else:
        accept = {"accept": "application/json;odata=nometadata"}
        found = json.loads(send("GET", f"{os.environ['SEMANTEST_TABLE_ORDERS']}()", **accept, **login()))
        rows = [it["RowKey"] for it in found["value"]]
        file = send("GET", f"{os.environ['SEMANTEST_BUCKET_UPLOADS']}/{order}", **login())
    with open(os.environ["HANDLED"], "a") as handled:
        handled.write(json.dumps([sorted(rows), file]) + "\\n")
"""
_NODE = """
const fs = require('node:fs')
const env = process.env
const isAws = 'AWS_ENDPOINT_URL_S3' in env

async function send (method, url, body, headers) {
  const answer = await fetch(url, { method, body, headers })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${answer.status} ${text}`)
  return text
}
const scope = (service) => (
  { authorization: `AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/${service}/aws4_request` })
async function dynamodb (operation, args) {
  const body = JSON.stringify({ TableName: env.SEMANTEST_TABLE_ORDERS, ...args })
  const headers = { 'x-amz-target': `DynamoDB_20120810.${operation}`, 'content-type': 'application/x-amz-json-1.0' }
  return JSON.parse(await send('POST', env.AWS_ENDPOINT_URL_DYNAMODB, body, { ...headers, ...scope('dynamodb') }))
}
async function login () {
  const query = new URLSearchParams({
    'api-version': '2019-08-01', resource: 'https://storage.azure.com', client_id: env.AZURE_CLIENT_ID
  })
  const headers = { 'x-identity-header': env.IDENTITY_HEADER }
  const token = JSON.parse(await send('GET', `${env.IDENTITY_ENDPOINT}?${query}`, undefined, headers)).access_token
  return { authorization: `Bearer ${token}`, 'x-ms-version': '2021-12-02' }
}
const json = { 'content-type': 'application/json', accept: 'application/json;odata=nometadata' }

exports.check = async (event) => ({ statusCode: event.rawPath.startsWith('/orders/o') ? 200 : 404 })

exports.write = async (event) => {
  const { call } = require('semantest-call')
  for (const record of event.Records) {
    const order = JSON.parse(record.body).order
    const checked = await call('checks', 'GET', `/orders/${order}`)
    if (checked.status !== 200) throw new Error(`${order} is refused`)
    if (isAws) {
      await dynamodb('PutItem', { Item: { PartitionKey: { S: 'a' }, RowKey: { S: order } } })
      await send('PUT', `${env.AWS_ENDPOINT_URL_S3}/${env.SEMANTEST_BUCKET_UPLOADS}/${order}`, record.body, scope('s3'))
    } else {
      const entity = JSON.stringify({ PartitionKey: 'a', RowKey: order })
      await send('POST', env.SEMANTEST_TABLE_ORDERS, entity, { ...json, ...await login() })
      const blob = { 'x-ms-blob-type': 'BlockBlob', ...await login() }
      await send('PUT', `${env.SEMANTEST_BUCKET_UPLOADS}/${order}`, record.body, blob)
    }
  }
}

exports.read = async (event) => {
  const order = JSON.parse(event.Records[0].body).order
  let rows, file
  if (isAws) {
    rows = (await dynamodb('Scan', {})).Items.map(it => it.RowKey.S)
    const url = `${env.AWS_ENDPOINT_URL_S3}/${env.SEMANTEST_BUCKET_UPLOADS}/${order}`
    file = await send('GET', url, undefined, scope('s3'))
  } else {
    const found = await send('GET', `${env.SEMANTEST_TABLE_ORDERS}()`, undefined, { ...json, ...await login() })
    rows = JSON.parse(found).value.map(it => it.RowKey)
    file = await send('GET', `${env.SEMANTEST_BUCKET_UPLOADS}/${order}`, undefined, await login())
  }
  fs.appendFileSync(env.HANDLED, JSON.stringify([rows.sort(), file]) + '\\n')
}
"""
_SOURCES = {"shop.py": _PYTHON, "shop.js": _NODE}


class Shop(Workers):
    """A stack with a table and a bucket: one queue's function writes, that of another one reads."""

    async def deploy(self, file: str = "shop.py", **_: object) -> None:
        (self.handled_file.parent / "work" / "work.py").unlink()
        (self.handled_file.parent / "work" / file).write_text(_SOURCES[file])
        stores = {"tables": ["orders"], "buckets": ["uploads"]}
        shared = {"timeout": 25, "environment": {"HANDLED": str(self.handled_file)}, **stores}
        component = {
            "type": "functions",
            "source": str(self.handled_file.parent / "work"),
            "queues": {"writes": {}, "reads": {}},
            **stores,
            "functions": {
                "writer": {**shared, "handler": "shop.write", "trigger": {"queue": "writes"}, "calls": ["checks"]},
                "checks": {**shared, "handler": "shop.check", "trigger": {"http": "internal"}},
                "reader": {**shared, "handler": "shop.read", "trigger": {"queue": "reads"}},
            },
        }
        row = await self.application.deployments({}).deploy(self.stack, {"components": {"workers": component}})
        assert (row.state, row.error) == ("completed", None)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[list[RequestLogEntry]]:
        """Deliver messages, with the servers of tables and buckets."""
        log: list[RequestLogEntry] = []
        async with self.serving.provide_stores(log.append), self.deliver():
            yield log


@pytest.mark.parametrize("file", _SOURCES)
async def test_what_one_function_writes_another_one_reads(
    tmp_path: Path, stack: Stack, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if file == "shop.js" and shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    if stack != AWS:
        require_azurite(monkeypatch)
    shop = Shop(tmp_path, stack)
    await shop.deploy(file)
    orders = [json.dumps({"order": it}) for it in ("o1", "o2")]

    async with shop.serve() as log:
        await shop.send(*orders, queue="writes")
        await wait_until(lambda: sum(it.messages - it.failed for it in shop.reports if it.source == "writes") >= 2)
        await shop.send(orders[1], queue="reads")
        await wait_until(lambda: bool(shop.read_handled()))

    assert shop.read_handled() == [[["o1", "o2"], orders[1]]]
    assert {it.note for it in log} == {""}
