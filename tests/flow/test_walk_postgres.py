"""The whole walk beside PostgreSQL, in processes as people run them: committed there, read on the phone."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from producer.outbox import Outbox
from schemas.database import in_exclusive
from tests.engines import Engine, Postgresql, Sqlite, ask, session
from tests.flow.commands import Up, kfpush
from tests.flow.ledger_house import match
from tests.postgres import Postgres

HIDDEN = "hush%2Fhush%40"
"""A password in a URL; the tests' server asks for none."""
A_WHILE = 20 * 60
"""After a message that nobody answered the next one waits for some minutes."""


def with_password(url: str) -> str:
    """The same URL, as operators have it."""
    return url.replace("@/", f":{HIDDEN}@/", 1)


@pytest.fixture
def urls(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: Postgres
) -> Iterator[dict[str, str]]:
    """An application's database and a ledger, nothing in either; the same name is the same database."""
    served = Postgresql(postgres_server)
    made: dict[str, str] = {}
    for name in request.param:
        engine: Engine = served if name.startswith("postgresql") else Sqlite(tmp_path)
        made.setdefault(name, with_password(engine.empty()))
    yield {"app": made[request.param[0]], "own": made[request.param[1]]}
    served.end()


@pytest.mark.parametrize(
    "urls",
    [
        ("postgresql", "postgresql"),
        ("postgresql", "postgresql of our own"),
        ("postgresql", "sqlite"),
        ("sqlite", "postgresql"),
    ],
    ids=["one PostgreSQL", "two PostgreSQL", "own on SQLite", "application on SQLite"],
    indirect=True,
)
def test_the_whole_walk(urls: dict[str, str], tmp_path: Path) -> None:
    """A match committed with its event arrives, is shown in the host's history, and is explained."""
    settings = {"KFPUSH_APP_DATABASE_URL": urls["app"], "KFPUSH_DATABASE_URL": urls["own"]}
    first = kfpush("migrate", "--json", folder=tmp_path, env=settings)
    second = kfpush("migrate", "--plan", "--json", folder=tmp_path, env=settings)
    assert (first.returncode, json.loads(second.stdout)) == (0, [])
    assert {step["database"] for step in json.loads(first.stdout)} == {"app", "own"}

    with Up(tmp_path, **settings) as up:
        up.control.speak("wkA", "wmA")
        assert up.event("spoke")["user"] == "wmA"
        with session(urls["app"]) as host, in_exclusive(host) as tx:
            tx.execute("CREATE TABLE own_matches (id TEXT)")
            tx.execute("INSERT INTO own_matches VALUES ('m1')")
            Outbox().add(host.raw, match("m1", "wmA", profile_name="许知远方"))
        [message] = up.control.pushes("wmA", at_least=1, wait=30)
        assert "许知远方" in str(message["content"])
        assert up.event("sent")["match"] == "m1"
        published = {"match_id": "m2", "user_id": "wmA", "profile_name": "林知夏", "score": 0.9}
        twice = f"{json.dumps(published)}\n" * 2
        ended = kfpush("publish", folder=tmp_path, given=twice, env=settings)
        assert ended.stdout == "1 added, 1 already there, 0 refused\n"
        up.control.clock(advance=A_WHILE)
        assert len(up.control.pushes("wmA", at_least=2, wait=30)) == 2
        told = [
            kfpush(*words, folder=tmp_path, env={**settings, "KFPUSH_WECHAT_BASE_URL": up.control.base_url})
            for words in (("explain", "m1"), ("status", "--json"), ("config",))
        ]
        assert up.end(signal.SIGTERM) == 0

    assert told[0].stdout.startswith("Match m1, revision 1, for user wmA: sent\n")
    assert json.loads(told[1].stdout)["ledger"]["lately"]["by_status"] == {"sent": 2}
    said = "".join(each.stdout + each.stderr for each in (first, second, *told)) + up.log.read_text("utf-8")
    assert "hush" not in said
    assert ask(urls["app"], "SELECT match_ids, status FROM push_history ORDER BY id") == [
        ('["m1"]', "sent"),
        ('["m2"]', "sent"),
    ]
    assert ask(urls["app"], "SELECT event_key FROM push_outbox WHERE mirrored_at IS NULL") == []
    assert ask(urls["own"], "SELECT status FROM push_deliveries ORDER BY match_id") == [("sent",), ("sent",)]


@pytest.mark.parametrize("urls", [("postgresql", "postgresql")], ids=["one"], indirect=True)
def test_the_commands_of_an_operator(urls: dict[str, str], tmp_path: Path) -> None:
    """Each asks and changes the same tables; what they do is held to elsewhere, on files."""
    settings = {"KFPUSH_APP_DATABASE_URL": urls["app"], "KFPUSH_DATABASE_URL": urls["own"]}
    assert kfpush("migrate", folder=tmp_path, env=settings).returncode == 0
    with Up(tmp_path, **settings) as up:
        env = {**settings, "KFPUSH_WECHAT_BASE_URL": up.control.base_url}
        pushed = {"match_id": "m1", "user_id": "nobody", "profile_name": "林知夏", "score": 0.9}
        kfpush("publish", folder=tmp_path, given=json.dumps(pushed), env=env)
        assert up.event("parked")["match"] == "m1"
        told = {
            words: kfpush(*words.split(), folder=tmp_path, env=env)
            for words in (
                "pause all --reason trial --author anna",
                "status --json",
                "resume all --author anna",
                "dead list --json",
                "user set nobody --timezone Asia/Tokyo",
                "user show nobody --json",
                "backfill --all --yes --why trial --json",
            )
        }
        assert up.end(signal.SIGTERM) == 0

    broken = {words: ended.stderr for words, ended in told.items() if ended.returncode}
    assert broken.keys() <= {"status --json"}, broken  # it may find that something needs a person
    assert ask(urls["own"], "SELECT timezone FROM push_settings") == [("Asia/Tokyo",)]
    assert ask(urls["own"], "SELECT act FROM push_audit ORDER BY id")[:2] == [("pause",), ("resume",)]
    assert "anna" in told["status --json"].stdout
