#!/usr/bin/env python3
"""A webhook receiver that verifies: SECRET=... python3 handlers/receiver.py [PORT]

POST /anything            checks both signatures; 200 when they hold, 401 when not
POST /anything?fail=2     answers 503 to the first two attempts at a webhook
GET  /                    what has arrived, newest last

Without SECRET it takes everything and says that it checked nothing.
"""
import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SECRET = os.environ.get("SECRET", "")
# How far a webhook's time may be from ours: an old message that somebody kept is not taken.
TOLERANCE = 300
arrived = []
# Webhooks come more than once when an answer gets lost: the id tells.
seen = {}


def key(secret):
    """Standard Webhooks: the Base64 behind "whsec_", else the bytes as they are."""
    return base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()


def problem(headers, body):
    """Why a webhook is not to be believed, or None."""
    expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, headers.get("X-Sluice-Signature", "")):
        return "X-Sluice-Signature does not fit"
    signed = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key(SECRET), signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected, one) for one in given):
        return "webhook-signature does not fit"
    if abs(time.time() - int(headers["webhook-timestamp"])) > TOLERANCE:
        return "webhook-timestamp is too far away"
    return None


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, arrived)

    def do_POST(self):
        query = parse_qs(urlsplit(self.path).query)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        wrong = problem(self.headers, body) if SECRET else None
        if wrong:
            print(f"refused: {wrong}", file=sys.stderr)
            return self.answer(401, {"error": wrong})
        id = self.headers.get("webhook-id")
        seen[id] = seen.get(id, 0) + 1
        if seen[id] <= int(query.get("fail", ["0"])[0]):
            return self.answer(503, {"error": "busy"})
        arrived.append({"id": id, "attempt": self.headers.get("X-Sluice-Attempt"), "verified": bool(SECRET),
                        "body": json.loads(body)})
        print(f"{'verified' if SECRET else 'not checked'}: {body.decode()}", file=sys.stderr)
        self.answer(200, {"received": True})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 4001
    print(f"receiver on http://127.0.0.1:{port}", file=sys.stderr)
    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
