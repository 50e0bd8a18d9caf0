"""What users say reaches the application at least once, signed, in order, and delays nobody."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from consumer.ledger import forwards
from consumer.ledger.forwards import Word
from consumer.replies.forwarding import Forwarder, Target, signed
from consumer.wechat.port import Reply, TransportFailure
from consumer.wechat.transport import HttpTransport
from consumer.world import World
from tests.contract.test_transport import says, serving
from tests.flow.ledger_house import NOON, LedgerHouse

SECRET = b"a key of thirty-two characters.."
TARGET = Target("/kf?from=kfpush", SECRET)
OK, SORRY = Reply(204, b""), Reply(500, b"")


@dataclass
class Application:
    """Answers from a list, and with 204 when it is empty."""

    answers: list[Reply | TransportFailure] = field(default_factory=list)
    heard: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    async def post(
        self, path: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str] | None = None
    ) -> Reply:
        assert query == {}
        self.heard.append((path, body, headers or {}))
        answer = self.answers.pop(0) if self.answers else OK
        if isinstance(answer, TransportFailure):
            raise answer
        return answer

    @property
    def ids(self) -> list[str]:
        return [headers["x-kfpush-id"] for _, _, headers in self.heard]


def word(key: str = "i1", phone: str = "wm1", spoken_at: datetime = NOON) -> Word:
    """A user says hello."""
    item = {"msgid": key, "msgtype": "text", "text": {"content": "你好"}}
    return Word("wk1", key, phone, ("u1",), spoken_at, item)


async def queued(house: LedgerHouse, *words: Word) -> None:
    """They were pulled."""
    await house.own.exclusive(lambda tx: forwards.queue(tx, words, house.wall))


def room(house: LedgerHouse, application: Application) -> Forwarder:
    """The room, with clocks that tests turn."""
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    return Forwarder(house.own, application, TARGET, world=world)


async def test_a_word_arrives_signed_and_is_forgotten(house: LedgerHouse) -> None:
    """The application can tell who wrote it and when, and what was said where and by whom."""
    application = Application()
    await queued(house, word())

    assert await room(house, application).forward()

    [(path, body, headers)] = application.heard
    assert path == "/kf?from=kfpush"
    assert json.loads(body) == {
        "type": "kf.message",
        "id": "wk1:i1",
        "open_kfid": "wk1",
        "external_userid": "wm1",
        "user_ids": ["u1"],
        "spoken_at": "2026-11-22T04:00:00.000Z",
        "item": {"msgid": "i1", "msgtype": "text", "text": {"content": "你好"}},
    }
    assert headers["x-kfpush-timestamp"] == "1795320000"
    digest = hmac.new(SECRET, b"1795320000." + body, hashlib.sha256).hexdigest()
    assert headers["x-kfpush-signature"] == f"sha256={digest}"
    assert await house.rows("SELECT * FROM push_forwards") == []
    assert not await room(house, application).forward()


def test_the_signature_is_the_documented_one() -> None:
    """A vector for whoever writes the other side."""
    headers = signed(b"0123456789abcdef", "wk1:i1", NOON, b'{"a":1}')

    expected = hashlib.new("sha256")  # HMAC by its definition, RFC 2104
    key = b"0123456789abcdef".ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + b'1795320000.{"a":1}').digest()
    expected.update(bytes(byte ^ 0x5C for byte in key) + inner)
    assert headers["x-kfpush-signature"] == f"sha256={expected.hexdigest()}"


async def test_the_same_item_is_queued_once(house: LedgerHouse) -> None:
    """A page that comes twice."""
    application = Application()
    await queued(house, word(), word())
    await queued(house, word())

    await room(house, application).forward()

    assert application.ids == ["wk1:i1"]


@pytest.mark.parametrize("answer", [SORRY, Reply(302, b""), Reply(404, b""), TransportFailure("timed out")])
async def test_what_fails_is_tried_again(house: LedgerHouse, answer: Reply | TransportFailure) -> None:
    """After one second, then two: the same bytes, with a signature of their own time."""
    application = Application([answer, answer])
    await queued(house, word())
    forwarder = room(house, application)
    for wait in (1, 2):
        await forwarder.forward()
        house.later(seconds=wait - 0.001)
        assert not await forwarder.forward()
        house.later(seconds=0.001)
    await forwarder.forward()

    bodies = {body for _, body, _ in application.heard}
    stamps = [headers["x-kfpush-timestamp"] for _, _, headers in application.heard]
    assert (len(application.heard), len(bodies), stamps) == (3, 1, ["1795320000", "1795320001", "1795320003"])
    assert await house.rows("SELECT * FROM push_forwards") == []


async def test_words_of_one_conversation_stay_in_order(house: LedgerHouse) -> None:
    """The second waits for the first; another conversation waits for nobody."""
    application = Application([SORRY])
    await queued(house, word("i1"), word("i2"), word("j1", "wm2"))

    forwarder = room(house, application)
    await forwarder.forward()
    assert sorted(application.ids) == ["wk1:i1", "wk1:j1"]
    assert not await forwarder.forward()
    house.later(seconds=2)
    while await forwarder.forward():
        pass

    assert application.ids[2:] == ["wk1:i1", "wk1:i2"]


async def test_what_the_application_cannot_read_holds_up_nobody_for_long(house: LedgerHouse) -> None:
    """After five refusals the next word overtakes it."""
    application = Application([SORRY] * 5)
    await queued(house, word("i1"), word("i2"))
    forwarder = room(house, application)
    for _ in range(5):
        await forwarder.forward()
        house.later(minutes=10)
        if len(application.heard) == 5:
            break

    while await forwarder.forward():
        pass

    assert "wk1:i2" in application.ids


async def test_after_a_day_it_is_given_up_and_forgotten(house: LedgerHouse) -> None:
    """Its words are gone at once, the row that tells of it after a week."""
    await queued(house, word())
    house.later(hours=24)

    await room(house, Application([SORRY])).forward()

    assert await house.rows("SELECT body, cause, attempts, due_at FROM push_forwards") == [
        {"body": None, "cause": "http 500", "attempts": 1, "due_at": None}
    ]
    assert not await room(house, Application()).forward()
    await queued(house, word("i2"))
    house.later(days=8)
    await room(house, Application([SORRY])).forward()
    assert await house.rows("SELECT item_key FROM push_forwards") == [{"item_key": "i2"}]


async def test_whoever_dies_with_it_leaves_it_to_others(house: LedgerHouse) -> None:
    """At least once: after the lease another process tries."""
    application = Application()
    await queued(house, word())

    class Dies(Application):
        async def post(self, *_: object, **__: object) -> Reply:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        await room(house, Dies()).forward()
    assert not await room(house, application).forward()
    house.later(seconds=30)

    assert await room(house, application).forward()
    assert application.ids == ["wk1:i1"]


async def test_a_real_post(house: LedgerHouse) -> None:
    """The path, its query, the headers and the bytes, as they go over the wire."""
    await queued(house, word())
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    async with serving(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as served, HttpTransport(served.url) as http:
        assert await Forwarder(house.own, http, TARGET, world=world).forward()

    head, _, body = served.seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /kf?from=kfpush HTTP/1.1\r\n")
    assert b"x-kfpush-signature: sha256=" in head.lower()
    assert json.loads(body)["id"] == "wk1:i1"


async def test_a_long_queue_is_not_looked_at_again_and_again(house: LedgerHouse) -> None:
    """Whoever stands behind a word that the application refused waits for it; others go past."""
    application = Application([SORRY])
    await queued(house, *(word(f"i{nth}") for nth in range(2 * forwards.LOOKED_AT)))
    forwarder = room(house, application)
    await forwarder.forward()
    await queued(house, word("other", phone="wm2"))

    while await forwarder.forward():
        pass

    assert application.ids == ["wk1:i0", "wk1:other"]
    due = "SELECT count(*) AS n FROM push_forwards WHERE due_at <= ?"
    assert await house.rows(due, "2026-11-22T04:00:00.000Z") == [{"n": 0}]


async def test_who_stood_behind_goes_at_once(house: LedgerHouse) -> None:
    """A conversation is told without pauses, in its order, once the application hears again."""
    application = Application([SORRY])
    await queued(house, *(word(f"i{nth}") for nth in range(5)))
    forwarder = room(house, application)
    while await forwarder.forward():
        pass
    house.later(seconds=2)

    while await forwarder.forward():
        pass

    assert application.ids == [f"wk1:i{nth}" for nth in (0, 0, 1, 2, 3, 4)]
