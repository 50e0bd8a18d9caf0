"""What the sandbox shows: phones, conversations and words, as JSON."""

from datetime import datetime

from ops.sandbox.clock import iso
from ops.sandbox.media import NEEDS, MediaOffice
from ops.sandbox.rules import Corp
from ops.sandbox.talks import MESSAGES_PER_WINDOW, WINDOW, Bubble, Conversation

Told = dict[str, object]


def phones(corp: Corp, now: datetime, limit: int | None, last: int | None) -> list[Told]:
    """Every user's phone in the order in which they became known; with a limit, the liveliest ones."""
    latest: dict[str, int] = {}
    for conversation in corp.conversations.values():
        seq = conversation.bubbles[-1].seq if conversation.bubbles else 0
        latest[conversation.external_userid] = max(seq, latest.get(conversation.external_userid, 0))
    shown = set(sorted(latest, key=lambda user: latest[user], reverse=True)[:limit])
    return [phone(corp, user, now, last) for user in latest if user in shown]


def phone(corp: Corp, external_userid: str, now: datetime, last: int | None = None) -> Told:
    """One user's phone; `last` shortens each conversation to its newest messages."""
    return {
        "external_userid": external_userid,
        "conversations": [_conversation(talk, corp.media, now, last) for talk in corp.talks(external_userid)],
    }


def _conversation(talk: Conversation, media: MediaOffice, now: datetime, last: int | None) -> Told:
    bubbles = talk.bubbles if last is None else talk.bubbles[max(0, len(talk.bubbles) - last) :]
    return {
        "open_kfid": talk.open_kfid,
        "service_state": talk.state_at(now),
        "window": {
            "is_open": talk.is_open(now),
            "opened_at": iso(talk.opened_at) if talk.opened_at else None,
            "closes_at": iso(talk.opened_at + WINDOW) if talk.opened_at else None,
            "used": talk.used,
            "left": talk.left(now),
            "of": MESSAGES_PER_WINDOW,
        },
        "rejects": talk.rejects,
        "messages": [_bubble(bubble) | _fate(talk, bubble) | _media(bubble, media) for bubble in bubbles],
    }


def _bubble(bubble: Bubble) -> Told:
    told: Told = {
        "seq": bubble.seq,
        "from": bubble.sender,
        "at": iso(bubble.at),
        "open_kfid": bubble.open_kfid,
        "msgid": bubble.msgid,
        "msgtype": bubble.msgtype,
        "content": bubble.content,
    }
    told |= _clicked(bubble)
    return told | ({"accepted_at": iso(bubble.at)} if bubble.sender == "kf" else {})


def _fate(talk: Conversation, bubble: Bubble) -> Told:
    """What became of it later: failed (then the phone does not show it) or recalled."""
    fate = talk.fates.get(bubble.seq)
    return {"fate": fate} if fate else {}


def _media(bubble: Bubble, media: MediaOffice) -> Told:
    """The file that a message shows, where it was uploaded here."""
    if bubble.msgtype not in NEEDS or not isinstance(bubble.content, dict):
        return {}
    found = media.known.get(str(bubble.content.get(NEEDS[bubble.msgtype][0])))
    if found is None:
        return {}
    address = f"/sandbox/media/{found.media_id}" if media.bytes_of(found.media_id) is not None else None
    return {"media": {"filename": found.filename, "size": found.size, "sort": found.sort, "url": address}}


def word(bubble: Bubble) -> Told:
    """One thing a user said, with the time as WeChat gives it (seconds) and to the millisecond."""
    return {
        "seq": bubble.seq,
        "msgid": bubble.msgid,
        "open_kfid": bubble.open_kfid,
        "external_userid": bubble.external_userid,
        "msgtype": bubble.msgtype,
        "text": bubble.content if bubble.msgtype == "text" else "",
        "send_time": int(bubble.at.timestamp()),
        "send_at": iso(bubble.at),
        **_clicked(bubble),
    }


def _clicked(bubble: Bubble) -> Told:
    return {"menu_id": bubble.menu_id} if bubble.menu_id else {}
