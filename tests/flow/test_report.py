"""Reports: what became of messages, counted by hand and told in words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from consumer import conversions, opens
from consumer.conversions import Conversion
from consumer.experiments import table
from consumer.experiments.assignment import is_held_out
from consumer.experiments.trial import belongs_to
from consumer.ledger import pushes, reporting
from consumer.ledger.reporting import Range
from consumer.opens import Open
from ops.environment import load_settings
from ops.looking.lookout import Lookout
from ops.reporting import reading
from ops.reporting.counting import By
from ops.reporting.model import Asked, Report
from ops.reporting.verdict import Verdict
from ops.telling.report import told
from ops.telling.said import Teller
from schemas.decisions import Reason
from schemas.experiments import CONTROL, Experiment, Variant
from schemas.opens import Proxy
from schemas.receipts import Accepted, RefusalKind, Refused
from tests.flow.ledger_house import NOON, LedgerHouse, at, match

DAY = timedelta(days=1)
TRIAL = Experiment(
    "spring", "mine", "spring", (Variant(CONTROL), Variant("short", 1, "短")), 0.0, NOON, "ann", "why"
)
FEW = " · few: the interval says more than the share"
NO_RECEIPT = (
    'WeChat has no read receipt. "Opened" means: somebody did what one who has not seen the message would not'
    " do, and each line says what. Who reads and does nothing is never counted."
)


async def reported(house: LedgerHouse, by: By | None = None, **asked: object) -> Report:
    """Count the day around noon."""
    settings = load_settings().model_copy(update={"corp_id": "ww1"})  # not the sandbox: ids rise with time
    look = Lookout(settings, house.app, house.own, None, house.rules, house.now, house.wall)  # type: ignore[arg-type]
    wanted = Asked(NOON - DAY, NOON + DAY, by, None, None, "Asia/Shanghai", 30, 24)
    return await reading.report(look, replace(wanted, **asked), by)  # type: ignore[arg-type]


async def said(house: LedgerHouse, language: str = "en", **more: object) -> list[str]:
    """What is told of it, line by line."""
    report = await reported(house, **more)  # type: ignore[arg-type]
    return [line.text for line in told(report, Teller(language, "Asia/Shanghai", house.now))]  # type: ignore[arg-type]


async def open_(house: LedgerHouse, *found: Open) -> None:
    """Note opens."""
    await house.own.exclusive(lambda tx: opens.note(tx, found))


async def stop(house: LedgerHouse, phone: str, when: datetime) -> None:
    """Somebody says 退订."""
    await house.own.exclusive(
        lambda tx: tx.execute(
            "INSERT INTO kf_inbound (open_kfid, item_key, external_userid, send_time, effect, received_at)"
            " VALUES ('wk1', ?, ?, ?, 'stopped', '')",
            (f"{phone}-{when}", phone, f"{when:%Y-%m-%dT%H:%M:%S.000Z}"),
        )
    )


@pytest.fixture
async def busy(house: LedgerHouse) -> LedgerHouse:
    """Two users at noon: four messages taken, of which one failed, and two refused; a match that waits."""
    await house.session("u1", "wm1")
    await house.session("u2", "wm2")
    await house.sent(Accepted(), match("m1"), match("m2", "u2"))
    house.later(hours=2)
    await house.sent(Accepted(), match("m3"), match("m4", "u2"))
    await house.own.exclusive(lambda tx: pushes.fail(tx, 4, Reason.UNDELIVERED, house.now, house.now))
    await house.sent(Refused(40058, RefusalKind.CONTENT), match("m5"), match("m6", "u2"))
    await house.prefers("u1", quiet_hours="00:00-23:59")
    await house.arrive(match("m7"))
    await house.plan()
    await house.arrive(match("m8", "u2"))
    await open_(
        house,
        Open(1, Proxy.VIEWED, NOON, "m1"),
        Open(1, Proxy.REPLIED, NOON),
        Open(2, Proxy.REPLIED, NOON),
        Open(4, Proxy.REPLIED, NOON),  # of a message that failed: nobody can have seen it
        Open(5, Proxy.REPLIED, NOON),  # the same
    )
    await house.own.exclusive(
        lambda tx: conversions.note(tx, [Conversion(name, "met", NOON) for name in ("m1", "m7", "m99")])
    )
    # Both got the first message at 04:00 and u1 the second at 06:00, by UTC; a stop counts for the newest.
    await stop(house, "wm1", datetime.fromisoformat("2026-11-22T07:00:00+00:00"))
    await stop(house, "wm2", datetime.fromisoformat("2026-11-23T04:30:00+00:00"))
    await stop(house, "wm3", NOON)
    return house


async def test_a_report_in_words(busy: LedgerHouse) -> None:
    """Every number of it counted by hand: 3 of 6 were delivered, 2 of those opened."""
    assert await said(busy) == [
        "Messages reserved from 2026-11-21 12:00:00 (04:00:00Z) until 2026-11-23 12:00:00 (04:00:00Z)",
        "Matches: 8 came in, 7 of them decided; now dead letter 2, sent 4, waiting 2",
        "Messages: 6 planned, 4 accepted by WeChat, 3 delivered as far as known",
        "- not: 2 refused, 1 failed afterwards, 0 never left, 0 open or unknown",
        f"Opened, by any proxy: 2 of 3, 66.7% (20.8% to 93.9%){FEW}",
        f"- asked for details (查看): 1 of 3, 33.3% (6.1% to 79.2%){FEW}; could show on 3 of 3",
        "- tapped a menu item: nothing could have shown it",
        "- page opened, as reported: nothing could have shown it",
        f"- wrote within 30 min: 2 of 3, 66.7% (20.8% to 93.9%){FEW}; could show on 3 of 3",
        f"Converted, of the matches delivered: 1 of 3, 33.3% (6.1% to 79.2%){FEW}",
        f"Stopped (退订) within 24 h of a message: 1 of 3, 33.3% (6.1% to 79.2%){FEW}",
        NO_RECEIPT,
        "Best hours (users' local time)",
        "too few in any hour: 30 messages must have been delivered in one",
    ]


async def test_a_report_in_chinese(busy: LedgerHouse) -> None:
    """The same numbers, in the other language."""
    lines = await said(busy, "zh")

    assert lines[1] == "匹配：收到 8 个，已决定 7 个；目前 死信 2，已发送 4，等待中 2"
    assert lines[2] == "消息：安排 6 条，微信接受 4 条，就目前所知送达 3 条"
    assert len(lines) == 14


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        (By.TEMPLATE, {"match_notification_text": (6, 3, 2, 1)}),
        (By.VERSION, {"match_notification_text v1": (6, 3, 2, 1)}),
        (By.KIND, {"text": (6, 3, 2, 1)}),
        (By.VARIANT, {"-": (6, 3, 2, 1)}),
        (By.HOUR, {"12": (2, 2, 2, 0), "14": (4, 1, 0, 1)}),
        (By.DAY, {"2026-11-22": (6, 3, 2, 1)}),
    ],
)
async def test_groups(busy: LedgerHouse, by: By, groups: dict[str, tuple[int, ...]]) -> None:
    """By hour of the users' own clock: messages, delivered, opened, and stopped after."""
    report = await reported(busy, by)

    counted = {
        line.name: (line.tried, line.delivered, line.opened.yes, line.stopped.yes) for line in report.groups
    }
    assert counted == groups


async def test_users_live_by_their_own_clocks(busy: LedgerHouse) -> None:
    """Who chose Berlin got it at five in the morning; a zone that nobody knows is none."""
    for user, zone in (("u1", "Europe/Berlin"), ("u2", "Mars/Olympus")):
        await busy.own.exclusive(
            lambda tx, user=user, zone=zone: tx.execute(  # type: ignore[misc]
                "INSERT INTO push_settings (user_id, timezone, updated_at) VALUES (?, ?, '')", (user, zone)
            )
        )

    report = await reported(busy, By.HOUR)

    assert [(line.name, line.delivered) for line in report.groups] == [
        ("05", 1),
        ("07", 1),
        ("12", 1),
        ("14", 0),
    ]


async def test_a_stop_is_put_down_to_the_newest_message_before_it(busy: LedgerHouse) -> None:
    """And to none if that is too long ago: 24 and a half hours are, if a day was asked for."""
    assert (await reported(busy)).total.stopped.yes == 1
    assert (await reported(busy, stop_hours=25)).total.stopped.yes == 2
    assert (await reported(busy, stop_hours=0.5)).total.stopped.yes == 0
    by_hour = {line.name: line.stopped.yes for line in (await reported(busy, By.HOUR, stop_hours=25)).groups}
    assert by_hour == {"12": 1, "14": 1}


async def test_a_range_is_found_among_ids(house: LedgerHouse) -> None:
    """Each day's own and no other's, where ids are missing too; nothing of an empty table."""
    nothing = Range(NOON, NOON + DAY)
    assert await house.own.read(lambda tx: reporting.bounds(tx, nothing)) == (0, 0)
    await house.session(said="2026-11-20T12:00:00")
    for day in range(5):
        house.now = house.wall = at(f"{20 + day} 13:00")
        await house.session(said=f"2026-11-{20 + day}T12:30:00")
        await house.sent(Accepted(), *(f"d{day}-{nth}" for nth in range(3)))
    await house.own.exclusive(lambda tx: tx.execute("DELETE FROM push_messages WHERE id IN (2, 7, 8)"))

    for day, ids in enumerate(([1, 3], [4, 5, 6], [9], [10, 11, 12], [13, 14, 15])):
        wanted = Range(at(f"{20 + day} 00:00"), at(f"{20 + day} 23:59"))
        after, last = await house.own.read(lambda tx, w=wanted: reporting.bounds(tx, w))  # type: ignore[misc]
        rows = await house.own.read(
            lambda tx, w=wanted, a=after, z=last: reporting.in_range(tx, w, a, z)  # type: ignore[misc]
        )
        assert [row["id"] for row in rows] == ids
        assert (after < ids[0], last - after <= 5) == (True, True)


async def test_nothing_at_all(house: LedgerHouse) -> None:
    """It says so, and divides by nothing."""
    lines = await said(house)

    assert lines[1:] == ["Nothing was reserved in that time."]


USERS = [f"u{n}" for n in range(1, 41)]


async def deal(house: LedgerHouse, experiment: Experiment, users: Sequence[str] = USERS) -> None:
    """Start an experiment and let each of the users get one message of it."""
    await house.template("{profile_name}")
    for user in users:
        await house.session(user, f"wm-{user}")
    await house.own.exclusive(lambda tx: table.start(tx, experiment))
    house.places = 100
    await house.sent(Accepted(), *(match(f"m-{user}", user) for user in users))


async def test_an_experiment_is_counted_by_people(house: LedgerHouse) -> None:
    """A second message makes no second person; one variant's people open, the other's do not."""
    await deal(house, TRIAL)
    await house.sent(Accepted(), match("again", "u1"))
    short = [user for user in USERS if belongs_to(TRIAL, user) == "short"]
    rows = await house.rows("SELECT id, user_id FROM push_messages")
    ids = [int(str(row["id"])) for row in rows if row["user_id"] in short]
    await open_(house, *(Open(push_id, Proxy.VIEWED, NOON) for push_id in ids))

    report = await reported(house, By.VARIANT, experiment="spring")

    trial = report.trial
    assert trial is not None
    control = len(USERS) - len(short)
    assert {name: (people.dealt, people.opened) for name, people in trial.people.items()} == {
        CONTROL: (control, 0),
        "short": (len(short), len(short)),
    }
    assert trial.split.counts == {CONTROL: control, "short": len(short)}
    assert not trial.split.is_bad
    assert [(each.measure, each.verdict) for each in trial.compared] == [
        ("opened", Verdict.BETTER),
        ("converted", Verdict.TOO_FEW),
    ]
    assert {line.name for line in report.groups} == {"spring/control", "spring/short"}
    assert report.total.tried == len(USERS) + 1
    assert report.arrivals is None


async def test_the_held_out_are_beside_all_others(house: LedgerHouse) -> None:
    """Whom no message reached: how many, how many came to it all the same, and the split with them in it."""
    experiment = replace(TRIAL, holdout=0.5)
    await deal(house, experiment)
    out = [user for user in USERS if is_held_out("spring", user, 0.5)]
    told_of = [Conversion(f"m-{user}", "met", NOON) for user in out[:3]]
    await house.own.exclusive(lambda tx: conversions.note(tx, told_of))

    trial = (await reported(house, experiment="spring")).trial

    assert trial is not None
    assert (trial.people["held_out"].dealt, trial.people["held_out"].converted) == (len(out), 3)
    assert sum(trial.split.counts.values()) == len(USERS)
    assert trial.split.weights == {CONTROL: 0.25, "short": 0.25, "held_out": 0.5}
    beside = trial.compared[-1]
    assert (beside.variant, beside.control.yes, beside.control.of) == ("messaged", 3, len(out))
    assert (beside.rate.yes, beside.rate.of) == (0, len(USERS) - len(out))


async def test_a_bad_split_is_said_and_nothing_else_is(house: LedgerHouse) -> None:
    """Somebody's messages of one variant are gone: no difference counts then."""
    await deal(house, TRIAL)
    await house.own.exclusive(lambda tx: tx.execute("DELETE FROM push_messages WHERE variant = 'short'"))

    trial = (await reported(house, experiment="spring")).trial

    assert trial is not None
    assert trial.split.is_bad
    lines = await said(house, experiment="spring")
    assert any(line.startswith("The split is off: control ") for line in lines)


async def test_words_that_were_edited_meanwhile_are_told(house: LedgerHouse) -> None:
    """The control follows the template: two versions of it are a mixture."""
    await deal(house, TRIAL)
    await house.template("neu {profile_name}")
    await house.sent(Accepted(), *(match(f"n-{user}", user) for user in USERS))

    trial = (await reported(house, experiment="spring")).trial

    assert trial is not None
    assert {name: len(versions) for name, versions in trial.versions.items()} == {CONTROL: 2, "short": 1}
    assert any(
        "The words of control were changed meanwhile" in line
        for line in await said(house, experiment="spring")
    )
