"""The judge: compares what is on the phones with what the ledger says, and both with what was promised."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from consumer.quiet import is_quiet
from schemas.preferences import QuietHours
from tests.faults.host import HOST_ZONE, Ending, Person
from tests.faults.world import World

SLOTS: Final = 5
FIVE_SENT: Final = 95001
REPEATED: Final = 95033

OLD_TOKEN: Final = frozenset({40014, 42001})
"""Verdicts after which the same attempt asks once more, with a new token."""

WELL: Final = frozenset({None, 0, REPEATED, *OLD_TOKEN})
"""Verdicts that kfpush may always meet: undecided, accepted, had already, and those."""


UNCERTAIN: Final = frozenset({"unknown", "given_up"})
"""Pushes of which the ledger does not claim to know; the phone may show them."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything, read once; whether by asking real processes, or on paper."""

    deliveries: dict[str, Row]
    pushes: dict[str, Row]
    """By msgid."""
    phones: list[Row]
    """Conversations."""
    calls: list[Row]
    switches: Row
    people: Sequence[Person]
    expected: Mapping[str, frozenset[Ending]]
    forgiven: frozenset[tuple[str, int]] = frozenset()
    """Refusals (whose phone, code) that kfpush could not foresee: it was not told of what led to them."""

    @property
    def bubbles(self) -> list[Row]:
        """What kfpush put on the phones."""
        return [
            {**message, "external_userid": phone["external_userid"]}
            for phone in self.phones
            for message in phone["messages"]
            if message["from"] == "kf"
        ]


def judge(world: World) -> None:
    """Hold every promise against the evidence of real processes."""
    evidence = gather(world)
    history = world.host("SELECT * FROM push_history")
    broken = [*complaints(evidence), *_one_history_row_each(evidence, history)]
    assert broken == [], "\n".join([*broken, world.told()])


def complaints(evidence: Evidence) -> list[str]:
    """Hold every promise but the projections against the evidence; what is broken, in words."""
    return [
        *_one_message_or_a_reason(evidence),
        *_every_bubble_is_a_sent_push(evidence),
        *_five_in_a_window(evidence),
        *_nothing_in_quiet_hours(evidence),
        *_nothing_past_a_limit(evidence),
        *_frozen_letters(evidence),
        *_no_sixth_asked_for(evidence),
    ]


def gather(world: World) -> Evidence:
    """Read the ledger, the phones and the sandbox's call log."""
    return Evidence(
        {row["match_id"]: row for row in world.ledger("SELECT * FROM push_deliveries")},
        {row["msgid"]: row for row in world.ledger("SELECT * FROM push_messages")},
        talks_of(world.wechat.phones()),
        [call for call in world.wechat.calls() if call["api"] == "send_msg"],
        world.wechat.switches(),
        tuple(world.people.values()),
        world.expected,
    )


def talks_of(phones: Sequence[Row]) -> list[Row]:
    """Every conversation on these phones, with whose phone it is on."""
    return [
        {**talk, "external_userid": phone["external_userid"]}
        for phone in phones
        for talk in phone["conversations"]
    ]


def _one_message_or_a_reason(evidence: Evidence) -> Iterator[str]:
    """Each match exactly one visible message, or a stated non-send that is right."""
    shown = Counter(
        match_id
        for bubble in evidence.bubbles
        for match_id, _ in json.loads(evidence.pushes.get(bubble["msgid"], {}).get("matches", "[]"))
    )
    pushes = {push["id"]: push for push in evidence.pushes.values()}
    for match_id, endings in evidence.expected.items():
        row = evidence.deliveries.get(match_id, {"status": "lost", "reason": None, "push_id": None})
        push = pushes.get(row["push_id"])
        if (row["status"], row["reason"]) not in endings:
            yield f"match {match_id} is {row['status']} ({row['reason']}), not {sorted(endings, key=str)}"
        is_uncertain = push is not None and push["status"] in UNCERTAIN and shown[match_id] == 1
        is_right = shown[match_id] == (row["status"] == "sent")
        if not (is_right or is_uncertain or (shown[match_id] == 0 and _is_burnt(evidence, push))):
            yield f"match {match_id} is {row['status']}, and {shown[match_id]} messages show it"
    yield from (f"match {match_id} is nobody's" for match_id in shown.keys() - evidence.expected.keys())


def _is_burnt(evidence: Evidence, push: Row | None) -> bool:
    """The one exception of promise 2: WeChat burnt the msgid of a call that it refused, and said 95033."""
    if push is None or push["errcode"] != REPEATED or not evidence.switches["refused_burns_msgid"]:
        return False
    verdicts = [call["errcode"] for call in evidence.calls if call["msgid"] == push["msgid"]]
    return any(code not in WELL for code in verdicts) and 0 not in verdicts


def _every_bubble_is_a_sent_push(evidence: Evidence) -> Iterator[str]:
    """No message on a phone that the ledger calls not sent; none twice; none with other words."""
    for msgid, times in Counter(bubble["msgid"] for bubble in evidence.bubbles).items():
        if times != 1:
            yield f"msgid {msgid} is shown {times} times"
    for bubble in evidence.bubbles:
        push = evidence.pushes.get(bubble["msgid"])
        if push is None or push["status"] not in {"sent", *UNCERTAIN}:
            yield f"a phone shows {bubble['msgid']}, and the ledger says {push and push['status']}"
            continue
        body = json.loads(push["body"])
        letter = (body["touser"], body["open_kfid"], body["text"]["content"])
        if letter != (bubble["external_userid"], bubble["open_kfid"], bubble["content"]):
            yield f"a phone shows other words than the letter {bubble['msgid']}"


def _five_in_a_window(evidence: Evidence) -> Iterator[str]:
    """Never more than five messages between two words of the user."""
    for talk in evidence.phones:
        for sender, messages in groupby(talk["messages"], key=lambda message: message["from"]):
            count = len(list(messages))
            if sender == "kf" and count > SLOTS:
                yield f"{talk['external_userid']} was sent {count} messages in one window"


def _no_sixth_asked_for(evidence: Evidence) -> Iterator[str]:
    """WeChat refuses nothing, but a retry of what it has accepted, or where it counts what it refused."""
    counts_refusals = evidence.switches["failed_calls_count"]
    accepted: set[str] = set()
    for call in evidence.calls:
        if call["errcode"] == 0:
            accepted.add(call["msgid"])
        is_right = call["errcode"] == FIVE_SENT and (counts_refusals or call["msgid"] in accepted)
        is_forgiven = (call["external_userid"], call["errcode"]) in evidence.forgiven
        if call["errcode"] not in WELL and not is_right and not is_forgiven:
            yield f"WeChat refused {call}"


def _nothing_in_quiet_hours(evidence: Evidence) -> Iterator[str]:
    quiet = {
        person.phone: QuietHours.parse(person.quiet_hours) for person in evidence.people if person.quiet_hours
    }
    for bubble in evidence.bubbles:
        hours = quiet.get(bubble["external_userid"])
        if is_quiet(hours, HOST_ZONE, datetime.fromisoformat(bubble["at"])):
            yield f"a message was accepted at {bubble['at']}, in the quiet hours {hours}"


def _nothing_past_a_limit(evidence: Evidence) -> Iterator[str]:
    """No more messages in a day of the user's than they asked for."""
    limits = {person.phone: person.daily_limit for person in evidence.people}
    days = Counter(
        (bubble["external_userid"], datetime.fromisoformat(bubble["at"]).astimezone(HOST_ZONE).date())
        for bubble in evidence.bubbles
    )
    for (phone, day), count in days.items():
        limit = limits.get(phone)
        if limit is not None and count > limit:
            yield f"{phone} was sent {count} messages on {day}, and the limit is {limit}"


def _one_history_row_each(evidence: Evidence, history: Sequence[Row]) -> Iterator[str]:
    """Exactly one row of the host's history for each accepted message."""
    written = Counter((row["match_ids"], row["message"]) for row in history)
    shown = Counter(
        (json.dumps([int(match_id) for match_id, _ in json.loads(push["matches"])]), bubble["content"])
        for bubble in evidence.bubbles
        if (push := evidence.pushes.get(bubble["msgid"])) is not None and push["status"] not in UNCERTAIN
    )
    if written != shown:
        yield f"the history has too much: {written - shown}, or too little: {shown - written}"


def _frozen_letters(evidence: Evidence) -> Iterator[str]:
    """One msgid, one body; never more calls than the ledger counted attempts; never two acceptances."""
    by_msgid: dict[str, list[Row]] = {}
    for call in evidence.calls:
        by_msgid.setdefault(call["msgid"], []).append(call)
    for msgid, calls in by_msgid.items():
        attempts = evidence.pushes.get(msgid, {"attempts": 0})["attempts"]
        if len({call["body_sha256"] for call in calls}) != 1:
            yield f"{msgid} was sent with different bytes"
        if sum(call["errcode"] not in OLD_TOKEN for call in calls) > attempts:
            yield f"{msgid} was sent {len(calls)} times in {attempts} attempts"
        if sum(call["errcode"] == 0 for call in calls) > 1:
            yield f"{msgid} was accepted more than once"
