"""Answers requests by https at the address of a host elsewhere, whose name leads to this machine in child processes."""

from __future__ import annotations

import json
import os
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HOST = "backend.example.org"
_RESOLVER = f"""
import socket

_find_elsewhere = socket.getaddrinfo


def _find(host, *arguments, **named):
    return _find_elsewhere("127.0.0.1" if host == {HOST!r} else host, *arguments, **named)


socket.getaddrinfo = _find
"""


class HttpsServer(NamedTuple):
    """A running server: its address, and the variables with which a Python process reaches and trusts it."""

    url: str
    variables: Mapping[str, str]


@contextmanager
def serve_https(folder: Path, answer: Callable[[str], Any]) -> Iterator[HttpsServer]:
    """Answer GET of a path with JSON as long as the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer(self.path)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    certificate, key = _make_certificate(folder)
    resolver = folder / "resolver"
    resolver.mkdir(exist_ok=True)
    (resolver / "sitecustomize.py").write_text(_RESOLVER)
    variables = {"SSL_CERT_FILE": str(certificate), "PYTHONPATH": os.pathsep.join((str(resolver), *sys.path))}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listening = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.socket = listening  # a client that is slow to begin keeps none but its own thread
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield HttpsServer(f"https://{HOST}:{server.server_address[1]}", variables)
        finally:
            server.shutdown()
            thread.join()


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the host that signs itself, and return its file and that of its key."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(signed.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files
