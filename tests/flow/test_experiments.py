"""Experiments: who reads which words, that it stands on the frozen push, and whom no message reaches."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from consumer.experiments import table
from consumer.experiments.assignment import is_held_out
from consumer.experiments.trial import belongs_to
from schemas.experiments import CONTROL, Ended, Experiment, Variant
from schemas.kf import words_of
from schemas.receipts import Accepted
from schemas.times import to_text
from tests.flow.ledger_house import NOON, LedgerHouse, match
from tests.flow.replies_house import Talk, contents

USERS = [f"u{n}" for n in range(1, 13)]
SHORT = Variant("short", 1, "短：{profile_name}")
TRIAL = Experiment(
    "spring", "mine", "spring", (Variant(CONTROL), SHORT), 0.0, NOON, "ann", "which reads better"
)
WORDS = {CONTROL: "长：张三", "short": "短：张三"}


async def begin(house: LedgerHouse, experiment: Experiment = TRIAL) -> bool:
    """Start an experiment."""
    return await house.own.exclusive(lambda tx: table.start(tx, experiment))


async def everybody(house: LedgerHouse, name: str = "m") -> None:
    """Each of the users gets a match of their own."""
    await house.arrive(*(match(f"{name}-{user}", user) for user in USERS))
    attempts = (await house.plan()).attempts
    await house.settle(*((attempt, Accepted()) for attempt in attempts))


@pytest.fixture
async def crowd(house: LedgerHouse) -> LedgerHouse:
    """A dozen people, and a template of the operator's."""
    for user in USERS:
        await house.session(user, f"wm-{user}")
    await house.template("长：{profile_name}")
    return house


async def read(house: LedgerHouse) -> dict[str, tuple[str, str, str, int]]:
    """What each user's messages say and say of themselves: words, variant, experiment, version."""
    rows = await house.own.read(
        lambda tx: tx.rows(
            "SELECT user_id, body, variant, experiment, version FROM push_messages ORDER BY id"
        )
    )

    return {
        row["user_id"]: (
            words_of(json.loads(row["body"])) or "",
            row["variant"],
            row["experiment"],
            row["version"],
        )
        for row in rows
    }


async def test_everybody_reads_their_own_variant(crowd: LedgerHouse) -> None:
    """And the same one the next time; the push says which, and which version of the words."""
    assert await begin(crowd)

    for name in ("first", "second"):
        await everybody(crowd, name)
        found = await read(crowd)
        for user in USERS:
            mine = belongs_to(TRIAL, user)
            assert found[user][:3] == (WORDS[mine], mine, "spring")
        versions = {(variant, version) for _, variant, _, version in found.values()}
        assert len(versions) == len({version for _, version in versions}) == 2
    assert len(await crowd.pushes()) == 2 * len(USERS)


async def test_without_an_experiment_nothing_is_said_of_one(crowd: LedgerHouse) -> None:
    """Before it starts and after it ended, everybody reads the template."""
    await everybody(crowd, "before")
    assert {row[:3] for row in (await read(crowd)).values()} == {("长：张三", "", "")}
    await begin(crowd)
    assert await crowd.own.exclusive(lambda tx: table.stop(tx, "spring", "bob", "enough", NOON))

    await everybody(crowd, "after")

    assert {row[:3] for row in (await read(crowd)).values()} == {("长：张三", "", "")}
    ended = await crowd.own.read(lambda tx: table.named(tx, "spring"))
    assert ended == replace(TRIAL, ended=Ended(NOON, "bob", "enough"))
    assert not await crowd.own.exclusive(lambda tx: table.stop(tx, "spring", "eve", "again", NOON))


async def test_a_frozen_push_keeps_its_words(crowd: LedgerHouse) -> None:
    """Whatever the operator edits or ends meanwhile: the bytes, the variant and the version stay."""
    await begin(crowd)
    await crowd.arrive(match("m1"))
    attempt = await crowd.plan_one()
    before = await read(crowd)

    await crowd.template("全新：{profile_name}")
    await crowd.own.exclusive(lambda tx: table.stop(tx, "spring", "bob", "enough", NOON))
    crowd.later(minutes=1)
    await crowd.plan()

    assert await read(crowd) == before
    assert attempt.letter.experiment == "spring"


async def test_the_control_follows_the_template(crowd: LedgerHouse) -> None:
    """It is the template as it is now; an edit is another version of it, and the others keep their words."""
    await begin(crowd)
    await everybody(crowd, "first")
    before = await read(crowd)
    await crowd.template("更长：{profile_name}")

    await everybody(crowd, "second")

    after = await read(crowd)
    for user in USERS:
        is_control = before[user][1] == CONTROL
        assert after[user][0] == ("更长：张三" if is_control else "短：张三")
        assert (after[user][3] != before[user][3]) is is_control


async def test_whom_it_holds_out_no_message_reaches(crowd: LedgerHouse) -> None:
    """Their matches are dropped, for that reason, at the moment at which they would have gone."""
    held = replace(TRIAL, holdout=0.5)
    await begin(crowd, held)
    await crowd.prefers("u1", quiet_hours="00:00-23:59")

    await everybody(crowd)

    standing = Counter(await crowd.standing())
    reached = set(await read(crowd))
    out = standing["dropped", "held_out"]
    assert standing == {
        ("sent", None): len(reached),
        ("dropped", "held_out"): out,
        ("waiting", "quiet_hours"): 1,
    }
    assert out > 0
    assert len(reached) + out == len(USERS) - 1
    lines = await crowd.timeline("entry, reason")
    assert lines.count(("dropped", "held_out")) == out


async def test_who_asks_is_answered_though_held_out(crowd: LedgerHouse) -> None:
    """An experiment withholds what nobody asked for; 更多 brings what waits."""
    await begin(crowd, replace(TRIAL, holdout=0.5))
    await everybody(crowd)
    rows = await crowd.rows("SELECT user_id FROM push_deliveries WHERE reason = 'held_out'")
    user = str(rows[0]["user_id"])
    talk = Talk(crowd, replace(Talk(crowd).recipient, external_userid=f"wm-{user}"), (user,))
    await crowd.prefers(user, quiet_hours="00:00-23:59")
    await crowd.arrive(match("later", user))
    await crowd.plan()

    await talk.says("更多")

    assert contents((await crowd.plan()).attempts) == [WORDS[belongs_to(TRIAL, user)]]


async def test_an_experiment_on_another_template_does_nothing(crowd: LedgerHouse) -> None:
    """It holds nobody out either, and the round complains."""
    await begin(crowd, replace(TRIAL, template="other", holdout=0.5))
    await crowd.arrive(match("m1"))

    outcome = await crowd.plan()

    assert len(outcome.attempts) == 1
    assert {row[:3] for row in (await read(crowd)).values()} == {("长：张三", "", "")}
    assert [text for text in outcome.complaints if "'spring' varies the template 'other'" in text]


async def test_words_that_cannot_be_read_stop_no_message(crowd: LedgerHouse) -> None:
    """All of it is left out then: a variant that silently read as another one would lie."""
    await begin(crowd, replace(TRIAL, variants=(Variant(CONTROL), Variant("bad", 1, "{nothing}"))))

    await everybody(crowd)

    assert {row[:3] for row in (await read(crowd)).values()} == {("长：张三", "", "")}


async def test_one_at_a_time_and_never_twice(house: LedgerHouse) -> None:
    """A template is in one experiment at once, and a name is used once for ever."""
    assert await begin(house)
    assert not await begin(house)
    assert not await begin(house, replace(TRIAL, name="summer"))
    assert await begin(house, replace(TRIAL, name="other", template="another"))
    await house.own.exclusive(lambda tx: table.stop(tx, "spring", "bob", "enough", NOON))
    assert not await begin(house)
    assert await begin(house, replace(TRIAL, name="summer"))

    running = await house.own.read(table.running)
    assert sorted(each.name for each in running) == ["other", "summer"]
    listed = await house.own.read(lambda tx: table.listed(tx, 10))
    assert [each.name for each in listed] == ["other", "spring", "summer"]


async def test_who_reads_a_translation_is_in_none(crowd: LedgerHouse) -> None:
    """The variants are of the words without a locale, and nobody who reads others is held out."""
    await crowd.template("Long: {profile_name}", "mine.en")
    await crowd.own.exclusive(
        lambda tx: tx.execute(
            "INSERT INTO push_settings (user_id, locale, updated_at) VALUES ('u1', 'en', ?)", ("",)
        )
    )
    salt = next(salt for salt in map(str, range(99)) if is_held_out(salt, "u1", 0.5))
    await begin(crowd, replace(TRIAL, holdout=0.5, salt=salt))

    await everybody(crowd)

    assert (await read(crowd))["u1"][:3] == ("Long: 张三", "", "")


async def test_an_unreadable_experiment_stops_nobody(house: LedgerHouse) -> None:
    """Somebody wrote into its row by hand: the template's own words go out, and it is complained of."""
    await house.session()
    await house.own.exclusive(
        lambda tx: tx.execute(
            "INSERT INTO push_experiments (name, template, salt, variants, started_at, author, note)"
            " VALUES ('broken', 'match_notification_text', 's', ?, ?, 'anna', 'why')",
            ('[{"nme": 1}]', to_text(house.now)),
        )
    )
    await house.arrive("m1")

    outcome = await house.plan()
    assert [attempt.letter.experiment for attempt in outcome.attempts] == [""]
    assert any(
        "experiment 'broken': its row in push_experiments cannot be read" in text
        for text in outcome.complaints
    )
