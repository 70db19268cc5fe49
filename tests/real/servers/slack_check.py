"""Reads Slack payloads from stdin, one JSON object a line, and judges each by Slack's own models and written limits.

Prints the faults, one a line, and ends with 1 if there is any.
"""
import json
import re
import sys

from slack_sdk.models.blocks import Block
from slack_sdk.webhook import WebhookClient

# docs.slack.dev: formatting-message-text, block-kit/blocks, chat.postMessage.
LIMITS = {"text": 40_000, "blocks": 50, "section": 3_000, "context": 10, "header": 150, "all": 13_200}
LINK = re.compile(r"<(https?://[^<>|\s]+)\|([^<>|]+)>")


def units(text):
    return len(text.encode("utf-16-le")) // 2


def markup(text, faults):
    """Only links stand between angle brackets; every ampersand begins one of Slack's three entities."""
    bare = LINK.sub("", text)
    if "<" in bare or ">" in bare:
        faults.append(f"angle brackets that are no link: {bare[:200]!r}")
    if re.search(r"&(?!amp;|lt;|gt;)", text):
        faults.append(f"a bare ampersand: {text[:200]!r}")
    if re.search(r"@(here|channel|everyone)\b", text, re.I):
        faults.append(f"a mention: {text[:200]!r}")
    if any(ord(c) < 32 and c != "\n" or 0x202A <= ord(c) <= 0x202E for c in text):
        faults.append(f"a control character: {text[:200]!r}")


def judge(payload):
    faults = []
    text, blocks = payload.get("text", ""), payload.get("blocks", [])
    if not text.strip() or units(text) > LIMITS["text"]:
        faults.append(f"text of {units(text)}")
    markup(text, faults)
    if not 1 <= len(blocks) <= LIMITS["blocks"]:
        faults.append(f"{len(blocks)} blocks")
    total = 0
    for given in blocks:
        block = Block.parse(given)
        if block is None:
            faults.append(f"no block that Slack's SDK knows: {given.get('type')!r}")
            continue
        try:
            block.validate_json()
        except Exception as error:  # the SDK's word, whatever its class
            faults.append(f"{given['type']}: {error}")
        if block.to_dict() != given:
            faults.append(f"{given['type']}: the SDK would send something else")
        elements = given.get("elements", [])
        if len(elements) > LIMITS["context"]:
            faults.append(f"{len(elements)} elements")
        for part in [given.get("text"), *elements]:
            if part is None:
                continue
            if part["type"] != "mrkdwn" or not part["text"].strip() or units(part["text"]) > LIMITS["section"]:
                faults.append(f"{given['type']} text of {units(part['text'])}")
            total += units(part["text"])
            markup(part["text"], faults)
    if total > LIMITS["all"]:
        faults.append(f"{total} characters in all blocks")
    # What the SDK itself would send for it is the same body.
    body = WebhookClient("https://hooks.example.com/x")
    arguments = {key: payload[key] for key in ("text", "blocks", "unfurl_links", "unfurl_media")}
    if set(payload) != set(arguments) or body is None:
        faults.append(f"keys: {sorted(payload)}")
    return faults


wrong, judged = 0, 0
for number, line in enumerate(sys.stdin, 1):
    judged += 1
    for fault in judge(json.loads(line)):
        wrong += 1
        print(f"{number}: {fault}")
print(f"{judged} judged, {wrong} faults")
sys.exit(1 if wrong or not judged else 0)
