"""The table ``kf_windows``: when each recipient last spoke, and what WeChat said of that window.

``opened_at`` only moves forward.  The host's own session rows raise it too: ``host_seen`` keeps the text they
had when we last read them, so that a changed text is a new word and an unchanged one costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from consumer import rhythm
from consumer.facts import WINDOW, WINDOW_MARGIN, Session, Window
from schemas.database import Transaction, marks
from schemas.decisions import RecipientKey
from schemas.times import TimeInFuture, UnreadableTime, maybe_from_text, maybe_text, parse_host_time, to_text


@dataclass(frozen=True, slots=True)
class Raised:
    """What reading the host's session rows changed."""

    people: frozenset[str]
    """external_userids whose window moved forward."""
    complaints: tuple[str, ...]
    """Session times that cannot be believed; the window stays as it was."""


def host_texts(sessions: Iterable[Session]) -> dict[RecipientKey, str]:
    """Join what the host's rows say of each recipient's last message; two user_ids may share one phone."""
    texts: dict[RecipientKey, set[str]] = {}
    for session in sessions:
        texts.setdefault(session.recipient, set()).add(session.last_message_time)
    return {recipient: "|".join(sorted(found)) for recipient, found in texts.items()}


def seen(tx: Transaction, external_userids: Collection[str]) -> dict[RecipientKey, str | None]:
    """Read which host texts were seen before."""
    values = tuple(external_userids)
    rows = tx.rows(
        "SELECT open_kfid, external_userid, host_seen FROM kf_windows"
        f" WHERE external_userid IN ({marks(values)})",
        values,
    )
    return {RecipientKey(row["open_kfid"], row["external_userid"]): row["host_seen"] for row in rows}


@dataclass(frozen=True, slots=True)
class Word:
    """What the host's rows newly say of a recipient's last message: the text, and when, if believable."""

    recipient: RecipientKey
    spoken_at: datetime | None
    text: str | None
    """None while part of it lies in the future: it is read again until its time has come."""


def unheard(
    tx: Transaction, sessions: Collection[Session], zone: ZoneInfo, now: datetime
) -> tuple[list[Word], tuple[str, ...]]:
    """Read the host's session rows that changed since we last read them, and what in them is unbelievable."""
    texts = host_texts(sessions)
    before = seen(tx, {recipient.external_userid for recipient in texts})
    words: list[Word] = []
    complaints: list[str] = []
    for recipient, text in texts.items():
        if before.get(recipient) == text:
            continue
        spoken: list[datetime] = []
        to_come = False
        for part in text.split("|"):
            if not part:
                continue
            try:
                spoken.append(parse_host_time(part, zone, now))
            except TimeInFuture as error:
                complaints.append(f"wechat_kf_sessions.last_message_time: {error}")
                to_come = True
            except UnreadableTime as error:
                complaints.append(f"wechat_kf_sessions.last_message_time: {error}")
        words.append(Word(recipient, max(spoken, default=None), None if to_come else text))
    return words, tuple(complaints)


def raise_from_host(tx: Transaction, sessions: Collection[Session], zone: ZoneInfo, now: datetime) -> Raised:
    """Open windows at what the host's session rows say, where they changed since they were last read."""
    words, complaints = unheard(tx, sessions, zone, now)
    return Raised(_hear(tx, words, now), complaints)


def open_at(
    tx: Transaction,
    recipient: RecipientKey,
    spoken_at: datetime | None,
    now: datetime,
    *,
    host_seen: str | None = None,
    full: bool = False,
) -> bool:
    """Note a word of the user's own; tell whether it moved the window forward.

    ``full`` marks a window of which an unknown part is used: nothing is left of it before the next word.
    """
    return bool(_hear(tx, [Word(recipient, spoken_at, host_seen)], now, full=full))


def _hear(tx: Transaction, words: Sequence[Word], now: datetime, *, full: bool = False) -> frozenset[str]:
    """Note words, at most one a recipient; tell whose windows moved forward, by external_userid."""
    if not words:
        return frozenset()
    phones = tuple({word.recipient.external_userid for word in words})
    opened = {
        RecipientKey(row["open_kfid"], row["external_userid"]): (row["opened_at"], row["hours"])
        for row in tx.rows(
            "SELECT open_kfid, external_userid, opened_at, hours FROM kf_windows"
            f" WHERE external_userid IN ({marks(phones)})",
            phones,
        )
    }
    moved: set[str] = set()
    noted: list[tuple[object, ...]] = []
    stamp = to_text(now)
    for word in words:
        before, hours = opened.get(word.recipient, (None, None))
        text = maybe_text(word.spoken_at)
        if word.spoken_at is not None and text is not None and (before is None or text > before):
            moved.add(word.recipient.external_userid)
            before, hours = text, rhythm.with_one_more(hours, word.spoken_at)
        exhausted = text if full else None
        recipient = word.recipient
        noted.append(
            (recipient.open_kfid, recipient.external_userid, before, exhausted, word.text, hours, stamp)
        )
    tx.many(
        "INSERT INTO kf_windows (open_kfid, external_userid, opened_at, exhausted, host_seen, hours,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (open_kfid, external_userid) DO UPDATE SET"
        " opened_at = excluded.opened_at, host_seen = coalesce(excluded.host_seen, kf_windows.host_seen),"
        " exhausted = coalesce(excluded.exhausted, kf_windows.exhausted), hours = excluded.hours,"
        " updated_at = excluded.updated_at",
        noted,
    )
    return frozenset(moved)


def opened_at(tx: Transaction, recipient: RecipientKey) -> datetime | None:
    """Tell when a recipient last spoke, as far as is known."""
    row = tx.one(
        "SELECT opened_at FROM kf_windows WHERE open_kfid = ? AND external_userid = ?",
        (recipient.open_kfid, recipient.external_userid),
    )
    return maybe_from_text(row["opened_at"]) if row else None


def take_for_full(tx: Transaction, now: datetime) -> int:
    """Mark every window open now as used up, and tell how many: what was sent before us is not known."""
    return tx.execute(
        "UPDATE kf_windows SET exhausted = opened_at, updated_at = ? WHERE opened_at > ?",
        (to_text(now), to_text(now - WINDOW)),
    )


def count_open(tx: Transaction, now: datetime) -> tuple[int, int]:
    """Count the windows open now, and those of them of which WeChat said that nothing is left."""
    row = tx.one(
        "SELECT count(*) AS n, count(CASE WHEN exhausted >= opened_at THEN 1 END) AS exhausted"
        " FROM kf_windows WHERE opened_at > ?",
        (to_text(now - WINDOW + WINDOW_MARGIN),),
    )
    return (row["n"], row["exhausted"]) if row else (0, 0)


def is_account(tx: Transaction, open_kfid: str) -> bool:
    """Tell whether anybody is known to have written to this KF account."""
    return tx.one("SELECT 1 FROM kf_windows WHERE open_kfid = ?", (open_kfid,)) is not None


def exhaust(tx: Transaction, recipient: RecipientKey, opened_at: datetime, now: datetime) -> None:
    """Note WeChat's word that the window opened then has nothing left; any later word has."""
    tx.execute(
        "UPDATE kf_windows SET exhausted = ?, updated_at = ? WHERE open_kfid = ? AND external_userid = ?"
        " AND (exhausted IS NULL OR exhausted < ?)",
        (
            to_text(opened_at),
            to_text(now),
            recipient.open_kfid,
            recipient.external_userid,
            to_text(opened_at),
        ),
    )


def load(tx: Transaction, external_userids: Collection[str]) -> dict[str, list[Window]]:
    """Read the windows of these people, slots not counted yet."""
    values = tuple(external_userids)
    rows = tx.rows(f"SELECT * FROM kf_windows WHERE external_userid IN ({marks(values)})", values)
    found: dict[str, list[Window]] = {}
    for row in rows:
        found.setdefault(row["external_userid"], []).append(
            Window(
                RecipientKey(row["open_kfid"], row["external_userid"]),
                maybe_from_text(row["opened_at"]),
                maybe_from_text(row["exhausted"]),
                row["service_state"],
                bool(row["muted"]),
                state_at=maybe_from_text(row["state_at"]),
                muted_at=maybe_from_text(row["muted_at"]),
                hours=row["hours"],
                tapped_at=maybe_from_text(row["tapped_at"]),
            ),
        )
    return found


def write(tx: Transaction, changed: Iterable[Window], now: datetime) -> None:
    """Store what an inbound page made of windows; the slots they have used are counted, not stored."""
    tx.many(
        "INSERT INTO kf_windows (open_kfid, external_userid, opened_at, exhausted, service_state, state_at,"
        " muted, muted_at, hours, tapped_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (open_kfid, external_userid) DO UPDATE SET"
        " opened_at = excluded.opened_at, exhausted = excluded.exhausted,"
        " service_state = excluded.service_state, state_at = excluded.state_at, muted = excluded.muted,"
        " muted_at = excluded.muted_at, hours = excluded.hours, tapped_at = excluded.tapped_at,"
        " updated_at = excluded.updated_at",
        [
            (
                window.recipient.open_kfid,
                window.recipient.external_userid,
                maybe_text(window.opened_at),
                maybe_text(window.exhausted),
                window.service_state,
                maybe_text(window.state_at),
                int(window.muted),
                maybe_text(window.muted_at),
                window.hours,
                maybe_text(window.tapped_at),
                to_text(now),
            )
            for window in changed
        ],
    )


def with_words(found: dict[str, list[Window]], words: Iterable[Word]) -> dict[str, list[Window]]:
    """The windows as they will be once these words are written down: what raising would do, without it."""
    windows = {window.recipient: window for listed in found.values() for window in listed}
    for word in words:
        window = windows.get(word.recipient, Window(word.recipient))
        if word.spoken_at is not None and (window.opened_at is None or word.spoken_at > window.opened_at):
            window = replace(window, opened_at=word.spoken_at)
        windows[word.recipient] = window
    raised: dict[str, list[Window]] = {}
    for window in windows.values():
        raised.setdefault(window.recipient.external_userid, []).append(window)
    return raised


def own_people(tx: Transaction, user_ids: Collection[str]) -> frozenset[str]:
    """Tell which of these user_ids are external_userids themselves (``wm...``)."""
    values = tuple(user_ids)
    rows = tx.rows(
        f"SELECT DISTINCT external_userid FROM kf_windows WHERE external_userid IN ({marks(values)})",
        values,
    )
    return frozenset(row["external_userid"] for row in rows)
