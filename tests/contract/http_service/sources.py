"""The same service as a Node server, a handler in Node and Python, and an ASGI and a WSGI application.

The handlers of format 1.0 return the whole event.
"""

from __future__ import annotations

from collections.abc import Mapping

NODE_SERVER = r"""
const { existsSync } = require('node:fs')
const http = require('node:http')

http.createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part)).on('end', () => {
    const { pathname, searchParams } = new URL(request.url, 'http://service')
    const cookies = (request.headers.cookie ?? '').split('; ').filter(Boolean)
    const received = {
      method: request.method, path: decodeURIComponent(pathname), query: [...searchParams], cookies,
      client: request.socket.remoteAddress, beside: existsSync('beside.txt'),
      names: Object.keys(request.headers), host: request.headers.host,
      many: request.headers['x-many'], raw_query: request.url.split('?')[1] ?? '', target: request.url.split('?')[0],
      city: Buffer.from(request.headers['x-city'] ?? '', 'latin1').toString(), named: request.headers.constructor,
      signature: request.headers['x-hub-signature'],
      body: Buffer.concat(parts).toString('base64'),
    }
    const page = PAGES[pathname] ?? (() => send(200, { 'content-type': 'application/json' }, JSON.stringify(received)))
    const send = (status, headers, body) => response.writeHead(status, headers).end(body)
    page(send, response)
  })
}).listen(process.env.PORT || 3000)

const PAGES = {
  '/teapot': (send) => send(418, { 'x-kind': 'tea', 'x-many': ['1', '2'], 'content-type': 'text/plain' }, 'short'),
  '/cookies': (send) => send(200, { 'set-cookie': ['a=1', 'b=x%20y; Path=/b; HttpOnly; Max-Age=60'] }, ''),
  '/new-cookies': (send) => send(200, { 'set-cookie': ['c=1; Path=/; Secure; Partitioned; Priority=High'] }, ''),
  '/named': (send) => send(200, { constructor: 'x', 'x-city': Buffer.from('東京').toString('latin1') }, ''),
  '/three': (send) => send(200, { 'content-length': 3 }, 'abc'),
  '/binary': (send) => send(200, { 'content-type': 'image/png' }, Buffer.from([0x89, 0x50, 0xff, 0])),
  '/nothing': (send) => send(204, {}, ''),
  '/cors': (send) => send(200, { 'access-control-allow-origin': 'https://own.example' }, 'x'),
  '/large': (send) => send(200, { 'content-type': 'text/plain' }, 'x'.repeat(7e6)),
  '/fails': () => { throw new Error('the database of Ann is gone') },
}
"""

NODE_HANDLER = r"""
const { existsSync } = require('node:fs')

const TEXT = { 'content-type': 'text/plain' }
const PAGES = {
  '/teapot': { statusCode: 418, headers: { ...TEXT, 'x-kind': 'tea', 'x-many': '1, 2' }, body: 'short' },
  '/cookies': { statusCode: 200, cookies: ['a=1', 'b=x%20y; Path=/b; HttpOnly; Max-Age=60'] },
  '/new-cookies': { statusCode: 200, cookies: ['c=1; Path=/; Secure; Partitioned; Priority=High'] },
  '/three': { statusCode: 200, headers: { 'content-length': '3' } },
  '/binary': { statusCode: 200, headers: { 'content-type': 'image/png' }, body: 'iVD/AA==', isBase64Encoded: true },
  '/nothing': { statusCode: 204 },
  '/cors': { statusCode: 200, headers: { 'access-control-allow-origin': 'https://own.example' }, body: 'x' },
  '/plain': { z: 1e21, list: [1, 2] },
}

exports.handler = async (event) => {
  if (event.rawPath === '/fails') throw new Error('the database of Ann is gone')
  if (event.rawPath === '/large') return { statusCode: 200, headers: TEXT, body: 'x'.repeat(7e6) }
  return PAGES[event.rawPath] ?? {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      method: event.requestContext.http.method, path: event.rawPath,
      query: [...new URLSearchParams(event.rawQueryString)], cookies: event.cookies ?? [],
      client: event.requestContext.http.sourceIp, beside: existsSync('beside.txt'),
      names: Object.keys(event.headers), host: event.headers.host,
      many: event.headers['x-many'], raw_query: event.rawQueryString, parameters: event.queryStringParameters,
      city: event.headers['x-city'], named: event.headers.constructor,
      signature: event.headers['x-hub-signature'],
      route: event.routeKey, path_parameters: event.pathParameters,
      body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8').toString('base64'),
    }),
  }
}
"""

PYTHON_HANDLER = r"""
import base64, json, os, time, urllib.parse

TEXT = {"content-type": "text/plain"}
PAGES = {
    "/teapot": {"statusCode": 418, "headers": {**TEXT, "x-kind": "tea", "x-many": "1, 2"}, "body": "short"},
    "/cookies": {"statusCode": 200, "cookies": ["a=1", "b=x%20y; Path=/b; HttpOnly; Max-Age=60"]},
    "/new-cookies": {"statusCode": 200, "cookies": ["c=1; Path=/; Secure; Partitioned; Priority=High"]},
    "/three": {"statusCode": 200, "headers": {"content-length": "3"}},
    "/binary": {
        "statusCode": 200, "headers": {"content-type": "image/png"}, "body": "iVD/AA==", "isBase64Encoded": True,
    },
    "/nothing": {"statusCode": 204},
    "/cors": {"statusCode": 200, "headers": {"access-control-allow-origin": "https://own.example"}, "body": "x"},
    "/plain": {"z": 1e21, "list": [1, 2]},
}

def handler(event, context):
    if event["rawPath"] == "/fails":
        raise RuntimeError("the database of Ann is gone")
    if event["rawPath"] == "/sleeps":
        time.sleep(60)
    if event["rawPath"] == "/large":
        return {"statusCode": 200, "headers": TEXT, "body": "x" * 7_000_000}
    return PAGES.get(event["rawPath"]) or {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(describe(event)),
    }

def describe(event):
    body = event.get("body", "")
    sent = base64.b64decode(body) if event["isBase64Encoded"] else body.encode()
    return {
        "method": event["requestContext"]["http"]["method"], "path": event["rawPath"],
        "query": urllib.parse.parse_qsl(event["rawQueryString"], keep_blank_values=True),
        "beside": os.path.exists("beside.txt"), "client": event["requestContext"]["http"]["sourceIp"],
        "names": [*event["headers"]], "host": event["headers"]["host"],
        "raw_query": event["rawQueryString"], "parameters": event.get("queryStringParameters"),
        "city": event["headers"].get("x-city"), "named": event["headers"].get("constructor"),
        "signature": event["headers"].get("x-hub-signature"),
        "route": event["routeKey"], "path_parameters": event.get("pathParameters"),
        "cookies": event.get("cookies", []), "many": event["headers"].get("x-many"),
        "body": base64.b64encode(sent).decode(),
    }
"""

NODE_HANDLER_1 = r"""
const MULTI = { 'Set-Cookie': ['a=1', 'b=2'], 'X-Many': ['1', '2'] }
const PAGES = {
  '/multi': { statusCode: 201, headers: { 'X-One': '1', 'X-Many': '1' }, multiValueHeaders: MULTI, body: 'made' },
  '/no-status': { body: 'lost' },
}

exports.handler = async (event) => PAGES[event.path] ?? {
  statusCode: 200, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(event),
}
"""

PYTHON_HANDLER_1 = r"""
import json

MULTI = {"Set-Cookie": ["a=1", "b=2"], "X-Many": ["1", "2"]}
PAGES = {
    "/multi": {
        "statusCode": 201, "headers": {"X-One": "1", "X-Many": "1"}, "multiValueHeaders": MULTI, "body": "made",
    },
    "/no-status": {"body": "lost"},
}

def handler(event, context):
    headers = {"Content-Type": "application/json"}
    return PAGES.get(event["path"]) or {"statusCode": 200, "headers": headers, "body": json.dumps(event)}
"""

APPLICATION = r"""
import base64, json, os, urllib.parse

TEXT = ("content-type", "text/plain")
COOKIE = "set-cookie"
PAGES = {
    "/teapot": (418, [TEXT, ("x-kind", "tea"), ("x-many", "1"), ("x-many", "2"), ("content-length", "5")], b"short"),
    "/cookies": (200, [(COOKIE, "a=1"), (COOKIE, "b=x%20y; Path=/b; HttpOnly; Max-Age=60")], b""),
    "/new-cookies": (200, [(COOKIE, "c=1; Path=/; Secure; Partitioned; Priority=High")], b""),
    "/named": (200, [("constructor", "x"), ("x-city", "東京".encode().decode("latin-1"))], b""),
    "/three": (200, [TEXT, ("content-length", "3")], b"abc"),
    "/binary": (200, [("content-type", "image/png")], bytes([0x89, 0x50, 0xFF, 0])),
    "/nothing": (204, [], b""),
    "/cors": (200, [TEXT, ("access-control-allow-origin", "https://own.example")], b"x"),
    "/large": (200, [TEXT], b"x" * 7_000_000),
}

def answer(method, path, raw_path, query, headers, client, body):
    if path == "/fails":
        raise RuntimeError("the database of Ann is gone")
    received = {
        "method": method, "path": path, "target": raw_path, "raw_query": query,
        "query": urllib.parse.parse_qsl(query, keep_blank_values=True), "client": client,
        "beside": os.path.exists("beside.txt"), "names": [*headers], "host": headers["host"],
        "many": headers.get("x-many"), "signature": headers.get("x-hub-signature"),
        "cookies": [part for part in headers.get("cookie", "").split("; ") if part],
        "city": headers.get("x-city", "").encode("latin-1").decode(), "named": headers.get("constructor"),
        "body": base64.b64encode(body).decode(),
    }
    return PAGES.get(path) or (200, [("content-type", "application/json")], json.dumps(received).encode())
"""

ASGI_APPLICATION = (
    APPLICATION
    + r"""
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("an application without a lifespan")
    message = await receive()
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    status, pairs, body = answer(
        scope["method"], scope["path"], scope["raw_path"].decode(), scope["query_string"].decode(), headers,
        scope["client"][0], message["body"],
    )
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
"""
)

WSGI_APPLICATION = (
    APPLICATION
    + r"""
def app(environ, start_response):
    environ["wsgi.errors"].write("a line in the log is no error\n")
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name[:5] == "HTTP_"}
    path = environ["PATH_INFO"].encode("latin-1")
    status, pairs, body = answer(
        environ["REQUEST_METHOD"], path.decode(), urllib.parse.quote(path), environ["QUERY_STRING"], headers,
        environ["REMOTE_ADDR"], environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
    )
    start_response(f"{status} Text", pairs)
    return [body]
"""
)

SOURCES: Mapping[str, Mapping[str, str]] = {
    "node-server": {"file": "server.js", "text": NODE_SERVER, "entry": "server.js"},
    "node-handler": {"file": "index.js", "text": NODE_HANDLER, "handler": "index.handler"},
    "python-handler": {"file": "app.py", "text": PYTHON_HANDLER, "handler": "app.handler"},
    "asgi-app": {"file": "main.py", "text": ASGI_APPLICATION, "app": "main:app"},
    "wsgi-app": {"file": "main.py", "text": WSGI_APPLICATION, "app": "main:app"},
    "bundled": {},
    "node-handler-1": {"file": "index.js", "text": NODE_HANDLER_1, "handler": "index.handler", "payload": "1.0"},
    "python-handler-1": {"file": "app.py", "text": PYTHON_HANDLER_1, "handler": "app.handler", "payload": "1.0"},
}
KINDS_OF_FORMAT_2 = ("node-server", "node-handler", "python-handler", "asgi-app", "wsgi-app")
SERVERS = ("node-server", "asgi-app", "wsgi-app")
"""The kinds that see no event of a cloud, only HTTP."""
APPLICATIONS = ("asgi-app", "wsgi-app")
"""The kinds that need adapters."""
