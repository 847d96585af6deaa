"""A real TLS proxy in front of a Chroma server: it wants a token, and may limit what one request asks for."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Rules:
    """What the proxy lets through; a test may change it at any time."""

    token: str = "secret"  # noqa: S105  not a real one
    most_records: int | None = None
    most_predicates: int | None = None
    most_bytes: int | None = None
    failures: int = 0  # how many of the next requests get `failure`
    failure: int = 503
    refused: int = 0


@contextmanager
def tls_proxy(upstream: str, folder: Path, rules: Rules) -> Iterator[tuple[str, Path]]:
    """Run a proxy to `upstream`; yield its URL, and the file of the authority that signed its certificate."""
    authority, certificate = _certificates(folder)
    server = _Server(("127.0.0.1", 0), _handler(upstream, rules))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Say nothing of a client that doesn't trust the certificate."""


def _handler(upstream: str, rules: Rules) -> type[BaseHTTPRequestHandler]:
    client = httpx.Client(base_url=upstream, timeout=60)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, text = _refusal(rules, self.headers.get("Authorization"), self.path, body)
            if not status:
                answer = client.request(self.command, self.path, content=body)
                status, text = answer.status_code, answer.text
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = do_PUT = do_GET

        def log_message(self, *_: Any) -> None:
            """Keep the tests quiet."""

    return Handler


def _refusal(rules: Rules, authorization: str | None, path: str, body: bytes) -> tuple[int, str]:
    """Return the status and text of a refusal, or 0 and "" to let the request through."""
    if authorization != f"Bearer {rules.token}":
        return 401, "no"
    if rules.failures:
        rules.failures -= 1
        return rules.failure, "<html>later</html>"
    if rules.most_bytes and len(body) > rules.most_bytes:
        rules.refused += 1
        return 413, "<html>too large</html>"
    asked: dict[str, Any] = json.loads(body) if body else {}
    records = max(
        len(asked.get("ids") or ()), asked.get("limit") or 0, len(asked.get("query_embeddings") or ())
    )
    predicates = len(((asked.get("where") or {}).get("source") or {}).get("$in") or ())
    for name, used, most in (
        ("Number of records", records, rules.most_records),
        ("Number of where predicates", predicates, rules.most_predicates),
    ):
        if most and used > most:
            rules.refused += 1
            problem = f"Quota exceeded: '{name}': current usage of {used} exceeds limit of {most}"
            return 422, json.dumps({"error": "ChromaError", "message": problem})
    return 0, ""


def _certificates(folder: Path) -> tuple[Path, Path]:
    """Write an authority, and a certificate for 127.0.0.1 that it signed, with its key; return both files."""
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)

    def signed(name: x509.Name, key: ec.EllipticCurvePublicKey, *extensions: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder(issuer, name, key, x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(
            now + datetime.timedelta(1)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(ours, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority, certificate = folder / "authority.pem", folder / "server.pem"
    authority.write_bytes(signed(issuer, ours.public_key(), x509.BasicConstraints(ca=True, path_length=None)))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    key = theirs.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate.write_bytes(key + signed(subject, theirs.public_key(), names))
    return authority, certificate
