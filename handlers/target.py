#!/usr/bin/env python3
"""An HTTP target to play with: python3 handlers/target.py [PORT]

GET  /                    answers 200: it is there
POST /orders/7            answers 200 with what it was given
POST /orders/7?fail=2     answers 503 to the first two attempts of a job
POST /orders/7?status=422 answers with this status
POST /orders/7?delay=3    answers after three seconds
"""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# How often each job has called: Sluice sends the same Idempotency-Key with every attempt of a run.
calls = {}


class Target(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {"status": "ready"})

    def do_POST(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key = self.headers.get("Idempotency-Key", "")
        calls[key] = calls.get(key, 0) + 1
        time.sleep(float(query.get("delay", 0)))
        if calls[key] <= int(query.get("fail", 0)):
            return self.answer(503, {"error": "busy"}, {"Retry-After": "0"})
        order = {
            "order": url.path.rsplit("/", 1)[-1],
            "received": json.loads(body) if body else None,
            "attempt": int(self.headers.get("Sluice-Attempt", 0)),
        }
        self.answer(int(query.get("status", 200)), order)

    def answer(self, status, value, headers={}):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(f"target on http://127.0.0.1:{port}", file=sys.stderr)
    ThreadingHTTPServer(("127.0.0.1", port), Target).serve_forever()
