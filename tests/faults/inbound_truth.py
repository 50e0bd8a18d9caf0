"""What is true of a life by dice, whatever kfpush says of it."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from consumer.compose import msgid_of
from consumer.facts import SLOTS
from consumer.kinds import TELLS_OF_THE_STOP
from consumer.ledger.pushes import ANSWER, MATCH, Attempt
from consumer.quiet import is_quiet
from ops.sandbox.rules import Corp
from schemas.database import Database, Transaction
from schemas.preferences import Preferences, QuietHours, read_preferences
from schemas.times import from_text
from tests.flow.ledger_house import RULES, LedgerHouse

Wish = tuple[int, str, bool]
"""(send_time, msgid, whether they want nothing more)."""


class Killed(Exception):
    """The process that pulled is no more."""


class Mortal:
    """Our own database, in the hands of a process that may be killed before or after any commit."""

    def __init__(self, own: Database, dies: Callable[[], bool]) -> None:
        self._own = own
        self._dies = dies

    async def read(self, work: Callable[[Transaction], Any]) -> Any:  # noqa: ANN401 - as the real one
        """Read."""
        return await self._own.read(work)

    async def exclusive(self, work: Callable[[Transaction], Any]) -> Any:  # noqa: ANN401 - as the real one
        """Write, perhaps for the last time."""
        if self._dies():
            raise Killed
        found = await self._own.exclusive(work)
        if self._dies():
            raise Killed
        return found


async def broken_by_deciding(house: LedgerHouse, attempt: Attempt, wishes: Iterable[Wish]) -> list[str]:
    """Which promises an attempt breaks at the moment at which it is decided."""
    letter, found = attempt.letter, []
    name = f"push {attempt.push_id} ({letter.kind} {letter.template} to {letter.user_id}) at {house.now}"
    if letter.template != TELLS_OF_THE_STOP and await _has_stopped(house, wishes):
        found.append(f"{name}: goes to who has stopped")
    if letter.kind == MATCH:
        rows = await house.host(
            "SELECT quiet_hours FROM user_push_preferences WHERE user_id = ?", letter.user_id
        )
        quiet = _quiet(str(rows[0][0])) if rows and rows[0][0] else None
        if quiet is not None and is_quiet(quiet, RULES.host_zone, house.now):
            found.append(f"{name}: goes in quiet hours")
    return found


async def _has_stopped(house: LedgerHouse, wishes: Iterable[Wish]) -> bool:
    """Whether the last wish that kfpush was told of is to hear nothing more."""
    told = {row["item_key"] for row in await house.rows("SELECT item_key FROM kf_inbound")}
    known = [wish for wish in wishes if wish[1] in told]
    return bool(known) and max(known)[2]


async def is_sixth(house: LedgerHouse, corp: Corp, attempt: Attempt) -> bool:
    """Whether WeChat has five of this window, of which kfpush was told, and not this one."""
    account, phone = attempt.letter.recipient.open_kfid, attempt.letter.recipient.external_userid
    [row] = await house.rows(
        "SELECT opened_at FROM kf_windows WHERE open_kfid = ? AND external_userid = ?", account, phone
    )
    opened_at = from_text(str(row["opened_at"]))
    talk = corp.conversations.get((account, phone))
    sent = [bubble for bubble in (talk.bubbles if talk else ()) if bubble.sender == "kf"]
    is_there = any(bubble.msgid == attempt.letter.msgid for bubble in sent)
    return not is_there and sum(bubble.at >= opened_at for bubble in sent) >= SLOTS


async def broken_at_the_end(
    house: LedgerHouse, corp: Corp, accounts: Iterable[str], deliveries: Iterable[Mapping[str, object]]
) -> list[str]:
    """What is on the phones, against what the ledger says of it."""
    rows = await house.rows("SELECT id, msgid, matches, kind, status FROM push_messages")
    pushes = {str(row["msgid"]): row for row in rows}
    given_up = {row["id"] for row in rows if row["status"] == "given_up"}
    shown = Counter(bubble.msgid for talk in corp.conversations.values() for bubble in talk.shown())
    seen: Counter[str] = Counter()
    for msgid, times in shown.items():
        for match_id, _ in json.loads(str(pushes[msgid]["matches"])):
            seen[match_id] += times
    found = [f"match {match_id} is shown {times} times" for match_id, times in seen.items() if times > 1]
    for row in deliveries:
        match_id, status = str(row["match_id"]), row["status"]
        # Of what was given up nobody knows whether it was seen; the ledger says so.
        is_known = status != "dead" and row["push_id"] not in given_up
        if is_known and (status == "sent") != (seen[match_id] == 1):
            found.append(f"match {match_id} is {status}, and shown {seen[match_id]} times")
    answers = {row["id"]: str(row["msgid"]) for row in rows if row["kind"] == ANSWER}
    for account in accounts:
        asked = await house.rows("SELECT item_key, push_id FROM kf_inbound WHERE open_kfid = ?", account)
        for row in asked:
            if row["push_id"] in answers:
                times = sum(shown[msgid] for msgid in _tries(answers[row["push_id"]]))
                found += [f"{row['item_key']} is answered {times} times"] if times > 1 else []
    return found


def _tries(msgid: str) -> Iterator[str]:
    """The msgid of an answer, and those under which it was offered again."""
    for _ in range(12):
        yield msgid
        msgid = msgid_of("", ANSWER, [msgid])


def _quiet(text: str) -> QuietHours | None:
    read = read_preferences({"quiet_hours": text}, None, "Asia/Shanghai")
    assert isinstance(read, Preferences)
    return read.quiet
