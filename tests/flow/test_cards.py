"""Single matches as cards, on both engines: what keeps them from it, and what follows a refusal."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from consumer.bodies import Need
from consumer.inbound import failed
from consumer.inbound.heard import Heard
from consumer.ledger import offers, pushes
from consumer.ledger.pushes import Attempt, Draft, Letter
from consumer.media import shelf
from consumer.media.shelf import Item
from consumer.wechat.errcodes import receipt_for
from schemas.database import Transaction
from schemas.decisions import RecipientKey
from schemas.events import MatchCreated
from schemas.kf_kinds import Click, Envelope, Menu, message_body
from schemas.kf_reading import read_item
from schemas.receipts import Accepted, Receipt, Unknown
from schemas.states import Effect
from tests.flow.ledger_house import LedgerHouse, match

THUMB = Need("image", "card.png")
ITEM = Item("a" * 64, "image", "card.png", 1000)
PROGRAM = {"appid": "wx1", "pagepath": "pages/match.html?id={match_id}", "thumb": "card.png"}


def refused(code: int, msgtype: str = "miniprogram") -> Receipt:
    """What WeChat's refusal of such a message is taken for."""
    return receipt_for(code, msgtype)


@pytest.fixture
async def cards(house: LedgerHouse) -> LedgerHouse:
    """A house whose operator wants mini-program cards, with the picture uploaded."""
    house.rules = replace(house.rules, message_kind="miniprogram")
    house.media = {THUMB: ITEM.key}
    await template(house, "miniprogram", PROGRAM, title="{profile_name}（{score}%）")
    await upload(house, "MEDIA")
    await house.session()
    return house


async def template(
    house: LedgerHouse, kind: str, config: Mapping[str, object], title: str | None = None, text: str = "{n}"
) -> None:
    """The operator writes a template of a kind."""
    await house.host(
        "INSERT INTO push_templates (template_name, template_type, title_template, content_template,"
        " miniprogram_config) VALUES (?, ?, ?, ?, ?)",
        *(f"my_{kind}", kind, title, text, json.dumps(config)),
    )


async def upload(house: LedgerHouse, media_id: str) -> None:
    """The picture goes up."""

    def store(tx: Transaction) -> None:
        assert shelf.claim(tx, ITEM, "c-1", timedelta(seconds=90), house.now, house.wall)
        shelf.stored(tx, ITEM.key, media_id, house.now, house.now)

    await house.own.exclusive(store)


def kind_of(attempt: Attempt) -> str:
    """How a message is sent."""
    assert attempt.letter.body["msgtype"] == attempt.letter.msgtype
    return attempt.letter.msgtype


async def test_one_match_is_a_card(cards: LedgerHouse) -> None:
    """The operator's title, the page of this match, the picture; the push says what it was."""
    await cards.arrive("m1")
    attempt = await cards.plan_one()
    assert attempt.letter.body["miniprogram"] == {
        "appid": "wx1",
        "title": "张三（85%）",
        "thumb_media_id": "MEDIA",
        "pagepath": "pages/match.html?id=m1",
    }
    assert await cards.pushes("msgtype, template, fallback_of") == [("miniprogram", "my_miniprogram", None)]


async def test_without_the_setting_nothing_changes(cards: LedgerHouse) -> None:
    """A host that has had such a row all along gets texts."""
    cards.rules = replace(cards.rules, message_kind="text")
    await cards.arrive("m1")
    assert kind_of(await cards.plan_one()) == "text"


async def test_many_in_one_message_are_text(cards: LedgerHouse) -> None:
    """What was parked till the user spoke goes as one text, whatever one alone would be."""
    await cards.host("UPDATE wechat_kf_sessions SET last_message_time = '2026-11-19T11:00:00'")
    await cards.arrive("m1", "m2")
    await cards.plan()
    await cards.session(said="2026-11-22T12:00:00")
    await cards.watch()
    cards.later(seconds=2)
    attempt = await cards.plan_one()
    assert (kind_of(attempt), len(attempt.letter.matches)) == ("text", 2)


@pytest.mark.parametrize("lack", ["never_seen", "not_uploaded", "dying", "bad_config"])
async def test_a_text_today_is_better_than_a_card_tomorrow(cards: LedgerHouse, lack: str) -> None:
    """Without its picture, or with a config that makes no card, a match goes as text, at once."""
    match lack:
        case "never_seen":
            cards.media = {}
        case "not_uploaded":
            await cards.own.exclusive(lambda tx: shelf.forget(tx, ITEM.key))
        case "dying":
            cards.later(hours=71.1)
            await cards.session(said="2026-11-25T11:00:00")
        case _:
            await cards.host('UPDATE push_templates SET miniprogram_config = \'{"appid": "wx1"}\'')
    await cards.arrive(match_at(cards))
    outcome = await cards.plan()
    assert [kind_of(attempt) for attempt in outcome.attempts] == ["text"]
    assert any("pagepath is missing" in text for text in outcome.complaints) == (lack == "bad_config")


def match_at(house: LedgerHouse) -> MatchCreated:
    """A match that has not expired by then."""
    return match("m1", expires_at=(house.now + timedelta(days=7)).isoformat())


async def test_a_value_too_long_for_an_address(cards: LedgerHouse) -> None:
    """That match goes as text, and the operator is told which field had no room; never the value."""
    config = PROGRAM | {"pagepath": "p.html?{explanation}"}
    await cards.host("UPDATE push_templates SET miniprogram_config = ?", json.dumps(config))
    await cards.arrive(match("m1", explanation="秘" * 500), match("m2", explanation="短"))
    outcome = await cards.plan()
    found = {attempt.letter.matches[0][0]: kind_of(attempt) for attempt in outcome.attempts}
    assert found["m1"] == "text"
    [told] = outcome.complaints
    assert "miniprogram.pagepath must be 1 to 1024 bytes" in told
    assert "秘" not in told


async def test_a_refused_kind_goes_as_text(cards: LedgerHouse) -> None:
    """In a push of its own under a msgid of its own, which says which one it replaces."""
    [card] = await cards.sent(refused(90207), "m1")
    assert await cards.standing("m1") == [("waiting", "kind_refused")]
    text = await cards.plan_one()
    assert kind_of(text) == "text"
    assert text.letter.msgid != card.letter.msgid
    assert text.letter.matches == card.letter.matches
    assert await cards.pushes("status, msgtype, fallback_of, errcode") == [
        ("refused", "miniprogram", None, 90207),
        ("sending", "text", card.push_id, None),
    ]
    await cards.settle((text, Accepted()))
    assert await cards.standing("m1") == [("sent", None)]


async def test_a_refused_text_is_not_replaced(cards: LedgerHouse) -> None:
    """The text that stood in for a card, refused in its turn, is a dead letter."""
    await cards.sent(refused(95030), "m1")
    text = await cards.plan_one()
    await cards.settle((text, refused(40058, "text")))
    assert await cards.standing("m1") == [("dead", "content_refused")]
    assert not await cards.find_due()


async def test_sensitive_content_is_no_matter_of_kind(cards: LedgerHouse) -> None:
    """The same words as text would be refused too."""
    await cards.sent(refused(40201), "m1")
    assert await cards.standing("m1") == [("dead", "content_refused")]


async def test_a_text_stays_a_text(cards: LedgerHouse) -> None:
    """A text held up by quiet hours or a closed window does not become a card again."""
    await cards.sent(refused(90207), "m1")
    await cards.prefers(quiet_hours="12:00-13:00")
    assert not (await cards.plan()).attempts
    assert await cards.standing("m1") == [("waiting", "quiet_hours")]
    cards.later(hours=1, seconds=1)
    await cards.session(said="2026-11-22T13:00:00")
    assert kind_of(await cards.plan_one()) == "text"


async def test_a_dead_file_goes_up_again(cards: LedgerHouse) -> None:
    """40007: the cache forgets it, the match waits a moment, and goes as a card with the new one."""
    [card] = await cards.sent(refused(40007), "m1")
    assert await cards.rows("SELECT media_id, lost_media_id FROM kf_media") == [
        {"media_id": None, "lost_media_id": "MEDIA"}
    ]
    assert await cards.standing("m1") == [("waiting", "media_lost")]
    assert await cards.due("m1") == cards.now + timedelta(seconds=5)
    await upload(cards, "FRESH")
    cards.later(seconds=5)
    again = await cards.plan_one()
    assert again.letter.body["miniprogram"]["thumb_media_id"] == "FRESH"  # type: ignore[index]
    assert again.letter.fallback_of == card.push_id
    await cards.settle((again, refused(40007)))
    assert kind_of(await cards.plan_one()) == "text"


async def test_a_dead_file_that_does_not_come_back(cards: LedgerHouse) -> None:
    """Nobody uploads it in time: the match goes as text."""
    await cards.sent(refused(40007), "m1")
    cards.later(seconds=5)
    assert kind_of(await cards.plan_one()) == "text"


async def test_a_media_id_of_the_operators_own(cards: LedgerHouse) -> None:
    """Nobody can upload that again: text, at once."""
    config = {"appid": "wx1", "pagepath": "p.html", "thumb_media_id": "OWN"}
    await cards.host("UPDATE push_templates SET miniprogram_config = ?", json.dumps(config))
    [card] = await cards.sent(refused(40007), "m1")
    assert kind_of(card) == "miniprogram"
    assert await cards.standing("m1") == [("waiting", "kind_refused")]


async def test_two_cards_with_one_dead_file(cards: LedgerHouse) -> None:
    """Refused one after the other, both wait for the same upload."""
    await cards.session("u2", "wm2")
    await cards.arrive("m1", match("m2", "u2"))
    one, two = (await cards.plan()).attempts
    await cards.settle((one, refused(40007)))
    await cards.settle((two, refused(40007)))
    assert await cards.standing("m1", "m2") == [("waiting", "media_lost")] * 2


async def test_a_card_that_may_have_arrived(cards: LedgerHouse) -> None:
    """An earlier attempt, its answer lost, may be on the phone: no text beside it, the push stays open."""
    await cards.arrive("m1")
    first = await cards.plan_one()
    await cards.settle((first, Unknown("timed out")))
    cards.later(seconds=30)
    second = await cards.plan_one()
    await cards.settle((second, refused(40007)))
    assert await cards.pushes("status, reason") == [("unknown", "kind_refused")]
    assert await cards.standing("m1") == [("sending", None)]
    cards.later(seconds=60)
    third = await cards.plan_one()
    await cards.settle((third, Accepted(repeated=True)))
    assert await cards.standing("m1") == [("sent", None)]


async def test_a_crash_between_refusal_and_text(cards: LedgerHouse) -> None:
    """The refusal was never written down: the same bytes are refused again, and one text goes."""
    await cards.arrive("m1")
    first = await cards.plan_one()
    cards.later(seconds=30)
    second = await cards.plan_one()
    assert (second.push_id, second.letter.msgid) == (first.push_id, first.letter.msgid)
    await cards.settle((second, refused(40008)))
    text = await cards.plan_one()
    assert (kind_of(text), text.letter.fallback_of) == ("text", first.push_id)
    cards.later(seconds=30)
    again = await cards.plan_one()  # and another crash, after the text was taken
    assert (again.push_id, again.number) == (text.push_id, 2)
    await cards.settle((again, Accepted(repeated=True)))
    await cards.settle((first, refused(40008)))
    assert await cards.standing("m1") == [("sent", None)]
    assert not await cards.find_due()


async def test_an_answer_whose_menu_is_refused(cards: LedgerHouse) -> None:
    """Its words go as text, under another msgid, for somebody waits for them."""
    await cards.sent(Accepted(), "m1")
    menu = Menu("您想看哪一个？", (Click("1. 张三", "kfpush_view_1"),))
    letter = Letter(
        msgid="answer1",
        recipient=RecipientKey("wk1", "wm1"),
        user_id="u1",
        person="wm1",
        matches=(),
        body=message_body(Envelope("wm1", "wk1", "answer1"), menu),
        kind=pushes.ANSWER,
        template=pushes.MENU,
    )
    draft = Draft(letter, cards.now, None)
    await cards.own.exclusive(lambda tx: offers.offer(tx, [draft], cards.wall, cards.now))
    asked = await cards.plan_one()
    await cards.settle((asked, refused(95009, "msgmenu")))
    text = await cards.plan_one()
    assert text.letter.body["text"] == {"content": "您想看哪一个？\n1. 张三"}
    assert (text.letter.template, text.letter.fallback_of) == (pushes.ANSWER, asked.push_id)
    assert text.letter.msgid != "answer1"


async def test_a_kind_that_is_not_taken_burns_one_call(cards: LedgerHouse) -> None:
    """After the first 90207 all goes as text; an hour later one card probes, and its answer ends it."""
    await cards.sent(refused(90207), "m1")
    await cards.settle((await cards.plan_one(), Accepted()))
    assert await cards.rows("SELECT scope, target, reason, errcode FROM push_pauses") == [
        {"scope": "msgtype", "target": "miniprogram", "reason": "kind_refused", "errcode": 90207}
    ]
    assert [kind_of(item) for item in await cards.sent(Accepted(), "m2")] == ["text"]
    cards.later(minutes=61)
    await cards.session("u2", "wm2")
    await cards.session("u3", "wm3")
    probing = await cards.sent(refused(90207), match("m3", "u2"), match("m4", "u3"))
    assert sorted(map(kind_of, probing)) == ["miniprogram", "text"]
    cards.later(minutes=61)
    await cards.settle(*((attempt, Accepted()) for attempt in (await cards.plan()).attempts))
    assert [kind_of(item) for item in await cards.sent(Accepted(), match("m5", "u2"))] == ["text"]
    cards.later(minutes=61)
    assert [kind_of(item) for item in await cards.sent(Accepted(), match("m6", "u3"))] == ["miniprogram"]
    assert [kind_of(item) for item in await cards.sent(Accepted(), match("m7", "u2"))] == ["miniprogram"]


async def test_refusals_of_a_few_matches_stop_no_kind(cards: LedgerHouse) -> None:
    """An address that WeChat minds is one match's; five in a row are more than that."""
    for nth in range(1, 6):
        await cards.session(f"u{nth}", f"wm{nth}")
        await cards.sent(refused(40058), match(f"m{nth}", f"u{nth}"))
        cards.later(seconds=1)
        held = await cards.rows("SELECT target FROM push_pauses")
        assert len(held) == (nth == 5)
        await cards.settle(*((attempt, Accepted()) for attempt in (await cards.plan()).attempts if nth < 3))


async def test_a_business_card_goes_once_in_48_hours(cards: LedgerHouse) -> None:
    """The second match of these days goes as text without asking WeChat; a refusal stops no other user's."""
    cards.rules = replace(cards.rules, message_kind="business_card")
    await template(cards, "business_card", {"userid": "zhangsan"})
    assert [kind_of(item) for item in await cards.sent(Accepted(), "m1")] == ["business_card"]
    assert [kind_of(item) for item in await cards.sent(Accepted(), "m2")] == ["text"]
    await cards.session("u2", "wm2")
    await cards.sent(refused(95025, "business_card"), match("m3", "u2"))
    assert kind_of(await cards.plan_one()) == "text"
    assert await cards.rows("SELECT * FROM push_pauses") == []
    cards.later(hours=48.1)
    await cards.session(said="2026-11-24T11:00:00")
    assert [kind_of(item) for item in await cards.sent(Accepted(), "m4")] == ["business_card"]


async def test_a_menu_leaves_a_message_for_its_answer(cards: LedgerHouse) -> None:
    """With one message left a match goes as text; where a tap reopens the window, as a menu."""
    cards.rules = replace(cards.rules, message_kind="msgmenu", slots_kept_back=3)
    await template(cards, "msgmenu", {}, text="{profile_name}")
    assert [kind_of(item) for item in await cards.sent(Accepted(), "m1")] == ["msgmenu"]
    await cards.arrive("m2")
    assert not (await cards.plan()).attempts
    await cards.session("u2", "wm2")
    cards.rules = replace(cards.rules, slots_kept_back=4)
    assert [kind_of(item) for item in await cards.sent(Accepted(), match("m3", "u2"))] == ["text"]
    await cards.session("u3", "wm3")
    cards.rules = replace(cards.rules, taps_reopen=True)
    assert [kind_of(item) for item in await cards.sent(Accepted(), match("m4", "u3"))] == ["msgmenu"]


async def fail(house: LedgerHouse, attempt: Attempt, fail_type: int) -> None:
    """WeChat says that it did not deliver a message which it took."""
    event: dict[str, object] = {"event_type": "msg_send_fail", "open_kfid": "wk1", "external_userid": "wm1"}
    event |= {"fail_msgid": attempt.letter.msgid, "fail_type": fail_type}
    item = read_item(
        {"send_time": int(house.now.timestamp()), "origin": 4, "msgtype": "event", "event": event}
    )
    heard = Heard(item, attempt.letter.recipient, house.now, Effect.SEND_FAILED)

    def settle(tx: Transaction) -> None:
        concerned = pushes.of_msgids(tx, [attempt.letter.msgid])
        failed.settle(tx, [heard], concerned, {}, house.now)

    await house.own.exclusive(settle)


async def test_a_kind_that_was_taken_and_forbidden_later(cards: LedgerHouse) -> None:
    """fail_type 12: the match goes as text, and the kind is held back; a text that fails so is dead."""
    [card] = await cards.sent(Accepted(), "m1")
    await fail(cards, card, 12)
    assert await cards.standing("m1") == [("waiting", "kind_refused")]
    text = await cards.plan_one()
    assert (kind_of(text), text.letter.fallback_of) == ("text", card.push_id)
    assert await cards.rows("SELECT scope, target FROM push_pauses") == [
        {"scope": "msgtype", "target": "miniprogram"}
    ]
    await cards.settle((text, Accepted()))
    await fail(cards, text, 12)
    assert await cards.standing("m1") == [("dead", "undelivered")]
