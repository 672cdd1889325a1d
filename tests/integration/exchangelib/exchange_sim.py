"""Starts the real exchange-sim with a throw-away certificate, and talks to its control interface."""
import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

ACCOUNT = "CORP\\workestra-svc"


class ExchangeSim:
    """A running exchange-sim; a context manager."""

    def __init__(self, program, password, *options):
        self.program = program
        self.password = password
        self.options = options

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="exchange-sim-")
        self.certificate = os.path.join(self.folder.name, "certificate.pem")
        key = os.path.join(self.folder.name, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", key, "-out", self.certificate, "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost"],
            check=True, capture_output=True, timeout=60)
        self.process = subprocess.Popen(
            [self.program, "--certificate", self.certificate, "--key", key, "--account", ACCOUNT,
             "--password", self.password, *self.options],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": self.folder.name})
        ready = json.loads(self.process.stdout.readline() or "{}")
        if "ews" not in ready:
            raise RuntimeError("exchange-sim did not start")
        self.ews = ready["ews"]
        self.control = ready["control"]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.status = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.status = self.process.wait(timeout=20)
        self.process.stdout.close()
        self.folder.cleanup()

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.control + path, method=method, data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def items(self, mailbox):
        return self.call("GET", f"/mailboxes/{urllib.parse.quote(mailbox)}/items")

    def ledger(self):
        return self.call("GET", "/ledger")
