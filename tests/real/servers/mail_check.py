"""Judges mails as they arrived: python mail_check.py FILE… Prints one JSON object a mail: its subject, its text, its faults.

MIME by Python's email package, HTML by html5lib in strict mode.
"""
import email
import email.policy
import json
import sys

import html5lib

REMOTE = {"img", "script", "link", "iframe", "object", "embed", "video", "audio", "form", "input", "base", "svg", "style"}


def judge(raw):
    faults = []
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    parts = [part.get_content_type() for part in mail.walk()]
    # An HTML part above 100 kB is left out; the text part is whole by itself.
    alone = parts == ["text/plain"] and len(raw) > 15_000
    if parts != ["multipart/alternative", "text/plain", "text/html"] and not alone:
        faults.append(f"parts: {parts}")
    for part in mail.walk():
        if part.defects:
            faults.append(f"{part.get_content_type()}: {part.defects}")
        if part.get_content_maintype() == "text" and part.get_content_charset() != "utf-8":
            faults.append(f"charset {part.get_content_charset()}")
    for name, value in mail.items():
        if getattr(value, "defects", None):
            faults.append(f"{name}: {value.defects}")
        if "\n" in str(value) or "\r" in str(value):
            faults.append(f"{name} has more than one line")
    wanted = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Id", "MIME-Version"]
    faults += [f"{name} stands {len(mail.get_all(name, []))} times" for name in wanted if len(mail.get_all(name, [])) != 1]
    if len(str(mail["Subject"]).encode()) > 200:
        faults.append(f"subject of {len(str(mail['Subject']).encode())} bytes")
    if mail.get_all("Bcc") or mail.get_all("Cc"):
        faults.append("somebody else is addressed")
    faults += [f"a line of {len(line)} bytes" for line in raw.split(b"\r\n") if len(line) > 998]
    text = mail.get_body(("plain",)).get_content()
    if alone:
        return {"subject": str(mail["Subject"]), "text": text, "html": None, "faults": faults}
    html = mail.get_body(("html",)).get_content()
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    for element in tree.iter():
        if element.tag in REMOTE:
            faults.append(f"<{element.tag}>")
        for name, value in element.attrib.items():
            if name in ("src", "background", "srcset") or name.startswith("on") or "url(" in value:
                faults.append(f"<{element.tag} {name}>")
            if name == "href" and not value.startswith(("https://", "http://")):
                faults.append(f"a link to {value!r}")
    shown = "".join(tree.find("body").itertext())
    return {"subject": str(mail["Subject"]), "text": text, "html": shown, "faults": faults}


for path in sys.argv[1:]:
    with open(path, "rb") as file:
        # The sink's own first line is no part of it.
        envelope, raw = file.read().split(b"\r\n", 1)
    print(json.dumps(judge(raw)))
