"""What is heard at KF accounts: windows, sessions, states; each item once."""

from datetime import timedelta
from pathlib import Path

import pytest

from consumer.facts import ServiceState
from consumer.inbound.cursors import LeaseLost
from consumer.inbound.effects import Rules
from consumer.replies.asked import Stop, View
from consumer.wechat.syncing import NotPulled
from schemas.decisions import RecipientKey
from schemas.errors import StorageError
from schemas.kf_items import Page
from schemas.kf_reading import read_item
from schemas.receipts import Accepted, RefusalKind, Refused
from schemas.times import to_text
from tests.flow.inbound_house import InboundHouse, event, tap, word
from tests.flow.ledger_house import NOON, LedgerHouse, at, match

MANUAL = Path(__file__).parents[2] / "ops" / "docs" / "inbound.md"
EVIDENCE = MANUAL.read_text().partition("```sql\n")[2].partition("```")[0].rstrip().removesuffix(";")


@pytest.fixture
def hearing(house: LedgerHouse) -> InboundHouse:
    """The house with a KF server beside it."""
    return InboundHouse(house)


async def test_a_word_opens_the_window(hearing: InboundHouse) -> None:
    """At its own send_time; whoever nobody is bound to gets a session row under their WeChat id."""
    pulled = await hearing.hears(word(at("22 11:58")))

    assert (pulled.pages, pulled.items, pulled.has_woken, pulled.problem) == (1, 1, True, None)
    assert await hearing.window() == {
        "opened_at": to_text(at("22 11:58")),
        "exhausted": None,
        "service_state": None,
        "muted": 0,
    }
    assert await hearing.house.host(
        "SELECT user_id, external_userid, open_kfid, last_message_time FROM wechat_kf_sessions"
    ) == [("wm1", "wm1", "wk1", "2026-11-22 03:58:00")]
    assert await hearing.inbound("effect, origin, msgtype, raw") == [("word", 3, "text", None)]


async def test_what_waited_goes_in_one_message(hearing: InboundHouse) -> None:
    """A word releases what was parked, a moment later and together; the phone is the user's own id."""
    house = hearing.house
    await house.arrive(match("m1", "wm1"), match("m2", "wm1"))
    await house.plan()
    assert await house.standing() == [("parked", "no_session")] * 2

    await hearing.hears(word(NOON))

    assert await house.standing() == [("waiting", "released")] * 2
    assert (await house.plan()).attempts == []
    house.later(seconds=1.5)
    assert (await house.plan_one()).letter.matches == (("m1", 1), ("m2", 1))


async def test_everyone_bound_to_the_phone_has_spoken(hearing: InboundHouse) -> None:
    """Every session row of the phone moves, none back; an account without a row gets one for each of them."""
    house = hearing.house
    await house.session("ann", "wm1", "wk1", "2026-11-20T09:00:00")
    await house.session("bo", "wm1", "wk1", "2026-11-22T11:59:30")
    await house.session("else", "wm2", "wk1", "2026-11-20T09:00:00")

    await hearing.hears(word(at("22 11:59")))
    await hearing.hears(word(at("22 11:59"), kf="wk2"), kf="wk2")

    assert await house.host(
        "SELECT user_id, open_kfid, last_message_time FROM wechat_kf_sessions ORDER BY open_kfid, user_id"
    ) == [
        ("ann", "wk1", "2026-11-22T11:59:00"),
        ("bo", "wk1", "2026-11-22T11:59:30"),
        ("else", "wk1", "2026-11-20T09:00:00"),
        ("ann", "wk2", "2026-11-22T11:59:00"),
        ("bo", "wk2", "2026-11-22T11:59:00"),
    ]


async def test_a_host_whose_clock_runs_ahead(hearing: InboundHouse) -> None:
    """Its row keeps its time, which may be the right one; our own window opens all the same."""
    await hearing.house.session("ann", "wm1", "wk1", "2026-11-22T12:20:00")
    await hearing.hears(word(NOON))
    assert await hearing.house.host("SELECT last_message_time FROM wechat_kf_sessions") == [
        ("2026-11-22T12:20:00",)
    ]
    assert (await hearing.window())["opened_at"] == to_text(NOON)


async def test_the_host_is_shown_a_new_window(hearing: InboundHouse) -> None:
    """The count of the 48 hours begins anew with a word, and a page that comes again does not reset it."""
    house = hearing.house
    await house.session("ann", "wm1", "wk1", "2026-11-20T09:00:00")
    await house.host("UPDATE wechat_kf_sessions SET message_count_48h = 5")
    said = word(at("22 11:59"))
    await hearing.hears(said)
    assert await house.host("SELECT message_count_48h FROM wechat_kf_sessions") == [(0,)]
    await house.host("UPDATE wechat_kf_sessions SET message_count_48h = 1")

    await hearing.hears({**said, "msgid": "again"})

    assert await house.host("SELECT message_count_48h FROM wechat_kf_sessions") == [(1,)]


async def test_the_same_page_twice_changes_nothing(hearing: InboundHouse) -> None:
    """Whole or in part: a known item has no effect, and nothing is answered twice."""
    await hearing.listening()
    items = [word(NOON, "查看1"), word(NOON, "退订"), event(NOON, "session_status_change", change_type=1)]
    await hearing.hears(*items)
    tables = ("kf_windows", "kf_inbound", "push_settings", "push_timeline")
    before = [await hearing.house.rows(f"SELECT * FROM {table}") for table in tables]
    asked = list(hearing.asked)

    hearing.house.later(seconds=30)
    pulled = await hearing.hears(*items)

    assert (pulled.items, pulled.has_woken) == (0, False)
    assert [await hearing.house.rows(f"SELECT * FROM {table}") for table in tables] == before
    assert hearing.asked == asked
    assert [type(item.command) for item in asked] == [View, Stop]


async def test_pages(hearing: InboundHouse) -> None:
    """Read to the end, page after page, each with its cursor; an empty page with more behind it is one."""
    kf = hearing.kf
    kf.page_size = 2
    kf.scripted = [Page(0, "0", has_more=True)]
    # An unchanged cursor would be no progress: "0" differs from the empty one that it began with.
    pulled = await hearing.hears(*(word(at("22 11:00") + timedelta(minutes=n)) for n in range(5)))

    assert (pulled.pages, pulled.items) == (4, 5)
    assert [request.cursor for request in kf.asked] == ["", "0", "2", "4"]
    assert (await hearing.window())["opened_at"] == to_text(at("22 11:04"))
    await hearing.hears()
    assert kf.asked[-1].cursor == "5"


async def test_more_without_progress_ends(hearing: InboundHouse) -> None:
    """has_more with an unchanged cursor is an error of WeChat's: what came is taken, and nothing spins."""
    await hearing.listening()
    await hearing.notice()
    stuck = Page(0, "0", has_more=True)
    hearing.kf.scripted = [stuck, stuck]

    pulled = await hearing.hears()

    assert (pulled.pages, pulled.problem) == (1, None)
    [row] = await hearing.house.rows("SELECT holder, lease_until, pulled_at FROM kf_cursors")
    assert (row["holder"], row["lease_until"]) == (None, None)
    assert row["pulled_at"] == to_text(hearing.house.wall)


async def test_an_empty_cursor_forgets_nothing(hearing: InboundHouse) -> None:
    """A last page without a cursor leaves the one before it."""
    await hearing.hears(word(NOON))
    hearing.kf.scripted = [Page(0)]
    await hearing.hears()
    await hearing.hears()
    assert hearing.kf.asked[-1].cursor == "1"


async def test_poison_between_two_words(hearing: InboundHouse) -> None:
    """What cannot be read is kept raw, what nobody knows too; both words are heard."""
    pulled = await hearing.hears(
        word(at("22 11:00"), phone="wm1"),
        {"msgtype": "text", "origin": 3, "send_time": "x\x00"},
        {**word(at("22 11:00"), phone="wm3"), "msgtype": "hologram"},
        event(at("22 11:00"), "session_teleported"),
        word(at("22 11:00"), phone="wm2"),
    )

    assert pulled.items == 5
    found = {row[1] or row[2]: row for row in await hearing.inbound("effect, external_userid, msgtype, raw")}
    assert [found["wm2"][0], found["wm3"][0], found["text"][0]] == ["word", "word", "unreadable"]
    assert found["text"][3] == '{"msgtype":"text","origin":3,"send_time":"x\\u0000"}'
    assert "hologram" in str(found["wm3"][3])
    assert found["wm2"][3] is None
    assert sorted(str(row[0]) for row in await hearing.inbound()) == sorted(
        ["word", "word", "word", "unknown", "unreadable"]
    )


async def test_a_tap_opens_nothing(hearing: InboundHouse) -> None:
    """Nobody knows whether WeChat counts it; it is obeyed, and noted as what it was."""
    await hearing.listening()
    await hearing.hears(word(at("22 10:00")), tap(at("22 11:59")))

    assert (await hearing.window())["opened_at"] == to_text(at("22 10:00"))
    assert [item.command for item in hearing.asked] == [View("1")]
    assert await hearing.inbound("effect, tapped") == [("word", 0), ("asked", 1)]
    assert await hearing.house.host("SELECT last_message_time FROM wechat_kf_sessions") == [
        ("2026-11-22 02:00:00",)
    ]


async def test_a_tap_opens_by_setting(hearing: InboundHouse) -> None:
    """Where an operator knows better, it does."""
    hearing.rules = Rules(click_reopens=True)
    await hearing.hears(word(at("22 10:00")), tap(at("22 11:59")))
    assert (await hearing.window())["opened_at"] == to_text(at("22 11:59"))


async def test_other_kinds_of_words(hearing: InboundHouse) -> None:
    """An image is a word; a servicer's message and a system's are not."""
    image = {"msgtype": "image", "image": {"media_id": "x"}}
    await hearing.hears(
        {**word(at("22 11:00"), phone="wm1"), **image},
        {**word(at("22 11:00"), phone="wm2"), "origin": 5},
        {**word(at("22 11:00"), phone="wm3"), "origin": 4},
    )
    assert (await hearing.window("wm1"))["opened_at"] == to_text(at("22 11:00"))
    assert (await hearing.window("wm2"))["opened_at"] is None
    assert await hearing.house.rows("SELECT 1 FROM kf_windows WHERE external_userid = 'wm3'") == []


async def test_a_time_that_cannot_be(hearing: InboundHouse) -> None:
    """A word from next year was said now, for all we know: no window stays open for ever."""
    await hearing.hears(word(NOON + timedelta(days=365)))
    assert (await hearing.window())["opened_at"] == to_text(NOON)


async def test_news_out_of_order(hearing: InboundHouse) -> None:
    """A window only moves forward, also when an older word comes later."""
    await hearing.hears(word(at("22 11:00")))
    await hearing.hears(word(at("22 10:00")))
    assert (await hearing.window())["opened_at"] == to_text(at("22 11:00"))


# history


async def test_first_reading(hearing: InboundHouse) -> None:
    """Three days of history open windows; what was asked then is not answered, but for what is recent."""
    await hearing.hears(
        word(at("20 12:00"), "查看1"), word(at("22 11:49:59"), "更多"), word(at("22 11:51"), "帮助")
    )
    assert (await hearing.window())["opened_at"] == to_text(at("22 11:51"))
    assert [type(item.command).__name__ for item in hearing.asked] == ["Help"]
    assert await hearing.inbound() == [("too_late",), ("too_late",), ("asked",)]


async def test_late_but_listening(hearing: InboundHouse) -> None:
    """Once an account was read, what was said while kfpush was away is asked of it, however late."""
    await hearing.listening()
    await hearing.hears(word(at("20 12:00"), "免打扰 22:00-08:00"))
    assert [type(item.command).__name__ for item in hearing.asked] == ["Quiet"]


async def test_a_first_reading_that_was_cut(hearing: InboundHouse) -> None:
    """What comes after a crash in the midst of history is history still."""
    first = word(at("20 12:00"), "帮助")
    hearing.kf.happens(first)
    hearing.kf.scripted = [Page(0, "1", has_more=True, items=(read_item(first),)), NotPulled("timed out")]
    cut = await hearing.hears()
    assert (cut.pages, cut.problem) == (1, NotPulled("timed out"))

    await hearing.hears(word(at("20 13:00"), "帮助"))

    assert await hearing.inbound() == [("too_late",), ("too_late",)]
    assert hearing.asked == []


async def test_an_old_stop_holds(hearing: InboundHouse) -> None:
    """退订 of two days ago is obeyed for everybody bound to the phone, and nothing is said about it."""
    await hearing.house.session("ann", "wm1")
    await hearing.hears(word(at("20 12:00"), "退订"))
    assert await _stopped(hearing) == {"ann": 1}
    assert hearing.asked == []
    assert await hearing.inbound() == [("stopped",)]


@pytest.mark.parametrize("page_size", [1, 10])
async def test_an_old_stop_taken_back(hearing: InboundHouse, page_size: int) -> None:
    """退订 and a day later 恢复 is no stop, on one page or on two."""
    hearing.kf.page_size = page_size
    await hearing.hears(word(at("20 12:00"), "退订"), word(at("21 12:00"), "恢复"))
    assert await _stopped(hearing) == {"wm1": 0}
    assert await hearing.inbound() == [("stopped",), ("resumed",)]


async def test_an_old_wish_to_hear_again_undoes_nobody_elses_stop(hearing: InboundHouse) -> None:
    """Whom the operator stopped stays stopped, whatever they said days ago."""
    await hearing.house.own.exclusive(
        lambda tx: tx.execute(
            "INSERT INTO push_settings (user_id, stop, updated_at) VALUES ('wm1', 1, ?)", (to_text(NOON),)
        )
    )
    await hearing.hears(word(at("20 12:00"), "恢复"))
    assert await _stopped(hearing) == {"wm1": 1}
    assert await hearing.inbound() == [("too_late",)]


async def _stopped(hearing: InboundHouse) -> dict[object, object]:
    return {
        row["user_id"]: row["stop"]
        for row in await hearing.house.rows("SELECT user_id, stop FROM push_settings")
    }


# servicers


async def test_a_servicer_holds_the_conversation(hearing: InboundHouse) -> None:
    """Nothing goes while a person has it; when it ends, WeChat wants a word first; then all goes."""
    house = hearing.house
    await hearing.listening()
    await hearing.hears(word(at("22 11:00")), event(at("22 11:30"), "session_status_change", change_type=1))
    await house.arrive(match("m1", "wm1"))
    await house.plan()
    assert await house.standing("m1") == [("parked", "human_servicer")]

    await hearing.hears(event(NOON, "session_status_change", change_type=3))
    await house.plan()
    assert await house.standing("m1") == [("parked", "session_ended")]

    house.later(minutes=1)
    await hearing.hears(word(house.now))
    house.later(seconds=2)
    assert (await house.plan_one()).letter.matches == (("m1", 1),)
    assert (await hearing.window())["service_state"] == 0


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        (ServiceState.ASSISTANT, ("sending", None)),
        (ServiceState.NEW, ("sending", None)),
        (ServiceState.HUMAN, ("parked", "human_servicer")),
        (ServiceState.POOL, ("parked", "human_servicer")),
        (None, ("parked", "human_servicer")),
    ],
)
async def test_an_end_that_nobody_told_of(
    hearing: InboundHouse, state: ServiceState | None, standing: tuple[str, str | None]
) -> None:
    """A word to somebody believed to be with a servicer: WeChat is asked, and what it says holds."""
    house, ann = hearing.house, RecipientKey("wk1", "wm1")
    await hearing.listening()
    await hearing.hears(word(at("22 11:00")), event(at("22 11:30"), "session_status_change", change_type=1))
    await house.arrive(match("m1", "wm1"))
    await house.plan()
    assert hearing.asked_for_states == []
    if state is not None:
        hearing.states[ann] = state

    await hearing.hears(word(NOON))

    assert hearing.asked_for_states == [ann]
    house.later(seconds=2)
    await house.plan()
    assert await house.standing("m1") == [standing]


async def test_a_servicer_who_writes_holds_it(hearing: InboundHouse) -> None:
    """Also where no event told that anybody took it."""
    await hearing.hears(word(at("22 11:00")), {**word(at("22 11:01")), "origin": 5})
    assert (await hearing.window())["service_state"] == 3


async def test_who_came_in_may_be_welcomed(hearing: InboundHouse) -> None:
    """Once, within WeChat's 20 seconds; entering opens nothing."""
    await hearing.hears(
        event(hearing.ago(seconds=21), "enter_session", welcome_code="old", phone="wm9"),
        event(hearing.ago(seconds=5), "enter_session", welcome_code="new"),
        event(hearing.ago(seconds=5), "enter_session", phone="wm8"),
    )
    await hearing.hears(event(hearing.ago(seconds=5), "enter_session", welcome_code="new"))
    assert [(one.recipient, one.code) for one in hearing.entered] == [(RecipientKey("wk1", "wm1"), "new")]
    assert await hearing.house.rows("SELECT 1 FROM kf_windows") == []


# leases


async def test_one_puller_an_account(hearing: InboundHouse) -> None:
    """Who has the lease has the account, until it ends by the wall's clock; who lost it writes nothing."""
    hearing.kf.happens(word(NOON))
    mine = await hearing.turn(holder="a")
    assert mine is not None
    assert await hearing.turn(holder="b") is None
    hearing.house.wall += timedelta(seconds=31)
    theirs = await hearing.turn(holder="b")
    assert theirs is not None

    with pytest.raises(LeaseLost):
        await hearing.pull().read(mine, 0)
    assert await hearing.house.rows("SELECT 1 FROM kf_windows UNION ALL SELECT 1 FROM kf_inbound") == []
    assert (await hearing.pull().read(theirs, 0)).items == 1


async def test_pulled_up_to_the_notice_it_began_with(hearing: InboundHouse) -> None:
    """What is noted while a pull is under way calls for another."""
    await hearing.notice(at=NOON)
    turn = await hearing.turn()
    assert turn is not None
    await hearing.notice(at=NOON + timedelta(milliseconds=1))
    hearing.house.later(seconds=5)
    await hearing.pull().read(turn, 0)
    [row] = await hearing.house.rows("SELECT pulled_at, caught_up_at FROM kf_cursors")
    assert row["pulled_at"] == to_text(NOON)
    assert row["caught_up_at"] is not None


@pytest.mark.parametrize(("age", "token"), [(0, "T"), (599, "T"), (600, "")])
async def test_a_token_lives_ten_minutes(hearing: InboundHouse, age: int, token: str) -> None:
    """An older one is not sent."""
    await hearing.notice(at=hearing.house.wall - timedelta(seconds=age))
    await hearing.hears()
    assert [request.token for request in hearing.kf.asked] == [token]


async def test_a_refused_session_row(hearing: InboundHouse) -> None:
    """A rule of the host's own table keeps no window shut."""
    if hearing.house.app.url.startswith("sqlite"):
        await hearing.house.host(
            "CREATE TRIGGER no BEFORE INSERT ON wechat_kf_sessions BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    else:
        await hearing.house.host("ALTER TABLE wechat_kf_sessions ADD CHECK (user_id <> 'wm1')")
    await hearing.hears(word(NOON))
    assert (await hearing.window())["opened_at"] == to_text(NOON)


async def test_the_sixth_goes_after_the_next_word(hearing: InboundHouse) -> None:
    """Five since the word; another word and five more."""
    house = hearing.house
    await hearing.hears(word(at("22 11:00")))
    await house.sent(Accepted(), *(match(f"m{n}", "wm1") for n in range(6)))
    assert await house.standing("m5") == [("parked", "no_slot")]
    house.later(minutes=1)
    await hearing.hears(word(house.now))
    house.later(seconds=2)
    assert (await house.plan_one()).letter.matches == (("m5", 1),)


async def test_words_are_answered_once(hearing: InboundHouse) -> None:
    """In earnest: a word brings what waited, 查看 its details, 退订 its confirmation; again nothing."""
    house = hearing.house
    hearing.answers = True
    await hearing.listening()
    await house.arrive(match("m1", "wm1"))
    await house.plan()
    await hearing.hears(word(NOON))
    house.later(seconds=2)
    first = await house.plan_one()
    await house.settle((first, Accepted()))
    house.later(seconds=2)

    asked = [word(house.now, "查看1"), word(house.now, "免打扰 22:00-08:00"), word(house.now, "退订")]
    await hearing.hears(*asked)
    await hearing.hears(*asked)

    assert await house.pushes("kind") == [("match",), ("answer",), ("answer",), ("answer",)]
    assert await house.rows("SELECT user_id, stop FROM push_settings") == [{"user_id": "wm1", "stop": 1}]
    assert await house.host("SELECT quiet_hours FROM user_push_preferences") == [("22:00-08:00",)]
    rows = await hearing.inbound("effect, push_id")
    assert sorted(str(row[0]) for row in rows) == ["asked", "asked", "stopped", "word"]
    assert {row[1] for row in rows} == {None, 2, 3, 4}


async def test_the_evidence_about_taps(hearing: InboundHouse) -> None:
    """The manual's query counts what WeChat took since the last word, and since the tap."""
    hearing.rules = Rules(click_reopens=True)
    house = hearing.house
    await hearing.hears(word(at("22 11:00")))
    await house.sent(Accepted(), *(match(f"m{n}", "wm1") for n in range(5)))
    house.later(minutes=1)
    await hearing.hears(tap(house.now))
    house.later(minutes=1)
    await house.sent(Accepted(), match("m6", "wm1"))
    await house.sent(Refused(95001, RefusalKind.WINDOW), match("m7", "wm1"))

    assert [tuple(row.values()) for row in await house.rows(EVIDENCE)] == [
        (to_text(at("22 12:01")), to_text(at("22 11:00")), 6, 1, 1)
    ]


async def test_a_long_page_that_is_cut(hearing: InboundHouse) -> None:
    """It is taken in by parts; cut between two it comes again, whole, and everything is asked once."""
    await hearing.listening()
    hearing.breaks_after = 100
    said = [word(at("22 11:00") + timedelta(seconds=n), "帮助", phone=f"wm{n}") for n in range(120)]
    with pytest.raises(StorageError, match="cut"):
        await hearing.hears(*said)
    assert len(await hearing.inbound()) == 100
    assert await hearing.house.rows("SELECT next_cursor FROM kf_cursors") == [{"next_cursor": "0"}]

    hearing.breaks_after = 1000
    hearing.house.later(seconds=31)
    pulled = await hearing.hears()

    assert (pulled.pages, pulled.items) == (1, 20)
    assert len({item.inbound_key for item in hearing.asked}) == len(hearing.asked) == 120
