"""Verifies a webhook with code that Sluice has no part in. Reads {secret, headers, body} from standard input.

Prints "<scheme> ok" or "<scheme> BROKEN" a line; a changed byte that is still taken is BROKEN too.
"""
import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import sys

message = json.load(sys.stdin)
secret, headers, body = message["secret"], message["headers"], message["body"]


def report(scheme, verify):
    """verify(body) says whether the body is taken."""
    changed = body.replace("jobId", "jobID", 1)
    right = verify(body) and not verify(changed)
    print(scheme, "ok" if right else "BROKEN")


def plain(text):
    expected = "sha256=" + hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers["x-sluice-signature"])


def standard(text):
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{text}".encode()
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(expected, headers["webhook-signature"])


def library(module):
    def verify(text):
        try:
            module.Webhook(secret).verify(text, headers)
            return True
        except Exception:
            return False

    return verify


report("plain", plain)
report("standard", standard)
# The libraries take secrets in their own form only.
if secret.startswith("whsec_"):
    for name in ["standardwebhooks", "svix.webhooks"]:
        try:
            module = __import__(name, fromlist=["Webhook"])
        except ImportError:
            continue
        report(name, library(module))

# The reference document's verifier, to the letter: it serialises the parsed body again.
REFERENCE = """
const crypto = require("crypto");
function verifyWebhook(payload, signature, secret) {
const expected = "sha256=" + crypto
.createHmac("sha256", secret)
.update(payload)
.digest("hex");
return crypto.timingSafeEqual(
Buffer.from(expected),
Buffer.from(signature)
);
}
const [body, signature, secret] = process.argv.slice(1);
process.exit(verifyWebhook(JSON.stringify(JSON.parse(body)), signature, secret) ? 0 : 1);
"""
if node := shutil.which("node"):
    report(
        "reference",
        lambda text: subprocess.run([node, "-e", REFERENCE, text, headers["x-sluice-signature"], secret]).returncode == 0,
    )
