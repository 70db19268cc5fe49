"""A mail sink for the tests: writes each mail to a file of FOLDER. MODE: plain, starttls or tls; loopback only.

Recipients 4NN@ and 5NN@ are answered with that code; silent@ is never answered.
"""
import asyncio
import itertools
import os
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

mode, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
numbers = itertools.count(1)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0]
        if local == "silent":
            await asyncio.sleep(3600)
        if local.isdigit() and len(local) == 3:
            return f"{local} {local[0]}.1.1 as asked"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = os.path.join(folder, f"{next(numbers):04}.eml")
        with open(name + ".part", "wb") as out:
            out.write(f"X-Envelope-To: {','.join(envelope.rcpt_tos)}\r\n".encode() + envelope.content)
        os.rename(name + ".part", name)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"exporter" and data.password == os.environ["MAIL_PASSWORD"].encode()
    # Not handled: the server itself says 535.
    return AuthResult(success=good, handled=False)


options = {}
if mode != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    options = {"authenticator": authenticate, "auth_required": True}
if mode == "starttls":
    options |= {"tls_context": context, "require_starttls": True}
if mode == "tls":
    # Implicit TLS does not count as TLS there.
    options |= {"ssl_context": context, "auth_require_tls": False}
Controller(Handler(), "127.0.0.1", port, ready_timeout=10, **options).start()
print("READY", flush=True)
asyncio.new_event_loop().run_forever()
