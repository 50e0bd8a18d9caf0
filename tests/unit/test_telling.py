"""How a journey is told: values in, sentences out, each written down by hand."""

from dataclasses import replace
from datetime import datetime

import pytest

from ops.looking.journey import (
    Conversation,
    Ended,
    Halt,
    Journey,
    Looked,
    Prospect,
    Push,
    Revision,
    Try,
    Turn,
    Wishes,
)
from ops.telling import tell
from ops.telling.said import Teller
from ops.telling.sentences import Language
from tests.unit.people_at_noon import NOON, at

WISHES = Wishes(
    enabled=True,
    stopped=False,
    quiet_hours=None,
    quiet_until=None,
    daily_limit=10,
    sent_today=0,
    batch_mode="immediate",
    preferred_time="09:00",
    min_score=0.7,
    score=0.85,
    complaints=(),
)
OPEN = Conversation(
    open_kfid="wkA",
    external_userid="wm1",
    opened_at=at("22 11:00"),
    closes_at=at("24 10:59"),
    is_open=True,
    used=2,
    kept_back=0,
    left=3,
    is_exhausted=False,
    is_muted=False,
    service_state=None,
)
MAY_GO = Prospect("send", None, NOON, NOON, "wkA", False, (OPEN,), (), WISHES, None)  # noqa: FBT003 - positions
SENT = Push(
    id=7,
    msgid="abc",
    open_kfid="wkA",
    external_userid="wm1",
    status="sent",
    reason=None,
    errcode=0,
    template="mine",
    version=3,
    variant=None,
    experiment=None,
    carried=("42:1",),
    reserved_at=NOON,
    accepted_at=NOON,
    settled_at=NOON,
    next_try_at=None,
    gives_up_at=None,
    tries=(Try(1, Ended.ACCEPTED, NOON, NOON),),
    text=None,
)
WAITING = Revision(
    revision=1,
    user_id="u1",
    intent_id=None,
    timezone="Asia/Shanghai",
    status="waiting",
    reason="fresh",
    arrived_at=NOON,
    updated_at=NOON,
    expires_at=at("29 12:00"),
    entry_id="5-1",
    committed=(),
    turns=(),
    pushes=(),
    buried=(),
    prospect=MAY_GO,
)
LEDGER = (Looked("push_outbox", "a.db", None), Looked("push_deliveries", "b.db", None))


def told(revision: Revision, language: Language = "en") -> list[str]:
    """Tell one revision at noon."""
    said = tell(Journey("42", NOON, LEDGER, (revision,)), language)
    return [" ".join(filter(None, (line.at, line.text))) for line in said]


def deciding(**changes: object) -> list[str]:
    """Tell a match that waits: the answer under its headline."""
    lines = told(replace(WAITING, prospect=replace(MAY_GO, **changes)))  # type: ignore[arg-type]
    return lines[1 : lines.index("What happened  (times of Asia/Shanghai, UTC in brackets)")]


def facts(**changes: object) -> str:
    """Tell the KF account of a match that waits."""
    prospect = replace(MAY_GO, conversations=(replace(OPEN, **changes),))  # type: ignore[arg-type]
    return next(line for line in told(replace(WAITING, prospect=prospect)) if line.startswith("KF account"))


@pytest.mark.parametrize(
    ("zone", "instant", "said"),
    [
        ("Asia/Shanghai", "22 12:00:07", "2026-11-22 12:00:07 (04:00:07Z)"),
        ("Asia/Shanghai", "22 07:59:59", "2026-11-22 07:59:59 (11-21 23:59:59Z)"),
        ("America/New_York", "22 12:00:00", "2026-11-21 23:00:00 (11-22 04:00:00Z)"),
        ("UTC", "22 12:00:00", "2026-11-22 04:00:00Z"),
        ("Europe/London", "22 12:00:00", "2026-11-22 04:00:00Z"),
    ],
)
def test_an_instant(zone: str, instant: str, said: str) -> None:
    """By the user's clock and by UTC, with UTC's date where it is another; once where the two agree."""
    assert Teller("en", zone, NOON).at(at(instant)) == said


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ("2026-11-22T12:00:00+08:00", "11-22 12:00:00 (04:00:00Z)"),
        ("2025-11-22T12:00:00+08:00", "2025-11-22 12:00:00 (04:00:00Z)"),
    ],
)
def test_the_year_is_said_where_it_is_another(instant: str, said: str) -> None:
    """A column of times is read at night: what everybody knows is left out."""
    assert Teller("en", "Asia/Shanghai", NOON).briefly(datetime.fromisoformat(instant)) == said


def test_a_push_names_what_else_it_carried() -> None:
    """An operator who asks about one match learns which others shared its fate."""
    push = replace(SENT, carried=("41:1", "42:1", "43:2"), variant="short", experiment="spring")

    lines = told(replace(WAITING, status="sent", pushes=(push,), prospect=None))
    assert "it carried 41:1, 43:2 too" in lines
    assert "in the words of variant short of experiment spring" in lines


def test_a_text_names_the_card_it_stands_for() -> None:
    """Which message was refused, and what that one was."""
    card = replace(SENT, id=6, status="refused", errcode=90207, msgtype="miniprogram")
    text = replace(SENT, fallback_of=6)

    lines = told(replace(WAITING, status="sent", pushes=(card, text), prospect=None))
    assert "as a message of the type miniprogram" in lines
    assert "in place of push 6, of which WeChat refused the kind or the file" in lines
    assert "as a message of the type text" not in lines


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (
            Try(2, Ended.NOT_SENT, NOON, NOON, cause="late"),
            "attempt 2: not sent, there was no time left for it to leave",
        ),
        (
            Try(2, Ended.UNTOLD, NOON, None),
            "attempt 2: nobody noted how it ended; WeChat may have it or not",
        ),
        (Try(2, Ended.UNDER_WAY, NOON, None), "attempt 2: on its way"),
        (
            Try(2, Ended.REFUSED, NOON, NOON, errcode=99999, kind="unclassified"),
            (
                "attempt 2: refused with 99999: a code that kfpush does not know. "
                "Read https://open.work.weixin.qq.com/devtool/query?e=99999 and report it."
            ),
        ),
    ],
)
def test_an_attempt(item: Try, said: str) -> None:
    """Each ending has its own words; none is called a failure that may have been a success."""
    lines = told(replace(WAITING, status="sent", pushes=(replace(SENT, tries=(item,)),), prospect=None))

    assert lines[-1] == f"11-22 12:00:00 (04:00:00Z) {said}"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("failed", "WeChat accepted it and reported afterwards that it could not be delivered."),
        ("recalled", "It was accepted, and recalled afterwards."),
    ],
)
def test_what_came_after_the_acceptance(status: str, said: str) -> None:
    """An acceptance is not the end of every story."""
    push = replace(SENT, status=status)

    assert told(replace(WAITING, status="sent", pushes=(push,), prospect=None))[1] == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "2 of 5 used"),
        ({"kept_back": 2}, "2 of 5 used, 2 left to the application"),
        ({"is_exhausted": True}, "2 of 5 used, WeChat says that none is left"),
        ({"service_state": 3}, "2 of 5 used, a human servicer holds it"),
        ({"is_muted": True}, "2 of 5 used, muted by the user"),
    ],
)
def test_a_conversation(changes: dict[str, object], said: str) -> None:
    """What WeChat, the user and the corp's people say of a window stands beside its count."""
    window = "window open until 2026-11-24 10:59:00 (02:59:00Z), since 2026-11-22 11:00:00 (03:00:00Z)"

    assert facts(**changes) == f"KF account wkA: {window}, {said}"


def test_a_conversation_without_a_word() -> None:
    """A session row without a time that can be believed."""
    assert (
        facts(opened_at=None, closes_at=None, is_open=False) == "KF account wkA: the user has never written"
    )


def test_it_will_be_dropped() -> None:
    """Not dropped yet, and it will be: the user has stopped since the last round."""
    assert deciding(decision="drop", reason="stopped") == [
        (
            "It will be dropped when kfpush looks at it next, on 2026-11-22 12:00:00 (04:00:00Z). "
            "The user has asked for no more messages; kfpush keeps to that."
        ),
    ]


def test_more_waits_than_is_planned_at_once() -> None:
    """Planning has not come to it: that is neither a date nor a condition."""
    assert deciding(decision=None) == [
        "More waits for this user than is planned at once; what is due or expires sooner comes first."
    ]


def test_a_pause_that_a_person_made() -> None:
    """No code, no probe, no end: who made it has to end it."""
    halt = Halt("account", "wkA", "paused", None, "li", NOON, None, None, "new template")
    lines = told(
        replace(WAITING, prospect=replace(MAY_GO, decision="defer", reason="paused", pauses=(halt,)))
    )

    pause = "Paused since 2026-11-22 12:00:00 (04:00:00Z), by li: KF account wkA: new template."
    assert f"{pause} It stays until a person ends it: kfpush resume." in lines


def test_a_persons_act() -> None:
    """What people did to a match is part of its story, with their name."""
    turn = Turn(NOON, "person", None, None, "redriven", "li")

    assert told(replace(WAITING, turns=(turn,)))[4] == "11-22 12:00:00 (04:00:00Z) li: redriven"


def test_chinese_sentences_stand_without_blanks() -> None:
    """Full stops are the language's own."""
    prospect = replace(MAY_GO, decision="defer", reason="quiet_hours", may_go_from=at("23 08:00"))

    assert told(replace(WAITING, prospect=prospect), "zh")[:2] == [
        "匹配 42，第 1 版，用户 u1：等待中",
        "现在是用户的静默时间。结束后发送。最早可在 2026-11-23 08:00:00 (00:00:00Z) 发送。",
    ]


@pytest.mark.parametrize(
    ("template", "version", "words"),
    [
        ("mine", 3, "msgid abc, mine version 3"),
        ("digest", None, "msgid abc, several matches as a digest"),
        ("summary", None, "msgid abc, the user's daily summary"),
        ("answer", None, "msgid abc, an answer to what the user asked"),
    ],
)
def test_what_worded_a_letter_is_told(template: str, version: int | None, words: str) -> None:
    """The operator's template and its version, or that kfpush itself wrote a digest, a summary, an answer."""
    pushed = replace(SENT, template=template, version=version)
    assert any(line.endswith(words) for line in told(replace(WAITING, status="sent", pushes=(pushed,))))
