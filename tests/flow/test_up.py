"""``kfpush up``: everything in one process and its servers, and nothing of it left afterwards."""

import json
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ops.sandbox.process import SandboxProcess
from ops.up.sample import ACCOUNT, MATCHES_AT_START, PHONE
from ops.up.together import free_port
from schemas.errors import ServerUnavailable
from schemas.settings import Settings
from tests.flow.commands import Up, eventually, kfpush


def lines(*match_ids: str, user_id: str) -> str:
    """Matches for one user, to be published."""
    match = {"user_id": user_id, "profile_name": "许知远方", "score": 0.85}
    return "\n".join(json.dumps({"match_id": match_id, **match}) for match_id in match_ids)


def sessions(database: Path) -> list[tuple[str, str, str]]:
    """What the application knows of who spoke where."""
    with closing(sqlite3.connect(database)) as connection:
        columns = "user_id, external_userid, open_kfid"
        return connection.execute(f"SELECT {columns} FROM wechat_kf_sessions").fetchall()


def test_what_waits_goes_with_the_next_word(tmp_path: Path) -> None:
    """The first word brings what waited as one message; what comes just then waits to share the next."""
    with Up(tmp_path) as up:
        assert [up.event("parked")["reason"] for _ in range(MATCHES_AT_START)] == ["no_session"] * 3
        up.control.speak(ACCOUNT, PHONE, "你好")
        assert up.event("spoke")["user"] == PHONE
        assert [up.event("sent")["left"] for _ in range(MATCHES_AT_START)] == [4, 4, 4]
        assert len(up.control.pushes(PHONE)) == 1

        published = kfpush("publish", folder=tmp_path, given=lines(*"abcdef", user_id=PHONE))
        assert published.stdout == "6 added, 0 already there, 0 refused\n"
        assert up.event("waiting")["reason"] in {"held", "spaced"}
        assert len(up.control.pushes(PHONE)) <= 2  # the sample application found something too

        up.control.clock(advance=60)
        up.control.speak(ACCOUNT, PHONE, "继续")
        seen: set[str] = set()
        while not seen >= set("abcdef"):
            seen.add(up.event("sent")["match"])
        assert len(up.control.pushes(PHONE)) <= 4
        assert up.end(signal.SIGINT) == 0
        assert not up.survivors()
    events = [json.loads(line)["event"] for line in up.log.read_text(encoding="utf-8").splitlines()]
    assert "push.attempted" in events


def test_what_the_sample_application_finds(tmp_path: Path) -> None:
    """A match for each word that asks kfpush nothing, and one for a leap of the clock; none for a command."""
    with Up(tmp_path) as up:
        up.control.speak(ACCOUNT, PHONE, "你好")
        assert sorted(up.event("sent")["match"] for _ in range(MATCHES_AT_START)) == ["s1", "s2", "s3"]
        up.control.speak(ACCOUNT, PHONE, "查看1")
        up.event("answered")
        up.control.clock(advance=49 * 3600)
        parked = up.event("parked")
        assert (parked["match"], parked["reason"]) == ("s4", "window_closed")
        up.control.speak(ACCOUNT, PHONE, "我回来了")
        assert up.event("sent")["match"] in {"s4", "s5"}  # one message, if the second came in time for it
        assert up.end(signal.SIGTERM) == 0


def test_the_sandbox_calls_back(tmp_path: Path) -> None:
    """A word on a phone is told to the callback of the same `kfpush up`, whatever port that had to take."""
    with Up(tmp_path) as up:
        assert up.control.check_callback()["ok"]
        assert up.control.callback()["url"] == up.ready["callback_url"]
        up.control.speak("wkAnother", "wmAnother")
        assert eventually(lambda: noted(tmp_path, "wkAnother"))
        assert up.end(signal.SIGTERM) == 0


def noted(folder: Path, open_kfid: str) -> bool:
    """Whether the ledger has a notice of an account."""
    with closing(sqlite3.connect(folder / ".kfpush" / "kfpush.db")) as connection:
        sql = "SELECT token FROM kf_notices WHERE open_kfid = ?"
        found = connection.execute(sql, (open_kfid,)).fetchone()
    return bool(found and found[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left(tmp_path: Path, number: signal.Signals) -> None:
    """Whether it is asked to stop or killed without a word, Valkey and the sandbox end with it."""
    with Up(tmp_path) as up:
        assert any("valkey-server" in args for args in up.family.values())
        assert any("ops.sandbox" in args for args in up.family.values())
        assert up.end(number) == (0 if number == signal.SIGTERM else -number)
        assert eventually(lambda: not up.survivors())


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    """While an answer is awaited the first Ctrl-C waits for it, and the second does not."""
    with Up(tmp_path) as up:
        up.control.fault(delay_after=60, match={"external_userid": "wmSlow"})
        up.control.speak(ACCOUNT, "wmSlow")  # the sample application finds a match for whoever speaks
        kfpush("publish", folder=tmp_path, given=lines("slow", user_id="wmSlow"))
        assert up.control.pushes("wmSlow", at_least=1, wait=20)
        up.process.send_signal(signal.SIGINT)
        assert up.process.stderr is not None
        assert any(line.startswith("Stopping") for line in up.process.stderr)
        assert up.end(signal.SIGINT) == 130
        assert eventually(lambda: not up.survivors())


def test_two_do_not_share_a_folder_or_a_port(tmp_path: Path) -> None:
    """A second one on the same folder, or on the port that was asked for, is refused with a sentence."""
    other = tmp_path / "other"
    other.mkdir()
    with Up(tmp_path) as up:
        same_folder = kfpush("up", folder=tmp_path)
        port = str(up.control.base_url.rpartition(":")[2])
        same_port = kfpush("up", folder=other, env={"KFPUSH_SANDBOX_PORT": port})
    assert same_folder.returncode == 2
    assert f"runs already on .kfpush (process {up.process.pid})" in same_folder.stderr
    assert same_port.returncode == 5
    assert f"port {port} is taken by another program" in same_port.stderr
    assert "Traceback" not in same_folder.stderr + same_port.stderr


def test_a_usual_port_that_is_taken_is_passed_over() -> None:
    """Nobody asked for the usual port, so the next free one serves; one that was asked for is insisted on."""
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        taken = somebody.getsockname()[1]
        usual = Settings.model_construct(_fields_set=set(), sandbox_port=taken)
        assert taken < free_port(usual) <= taken + 20
        with pytest.raises(ServerUnavailable, match=f"port {taken} is taken"):
            free_port(Settings(sandbox_port=taken))


def test_other_terminals_find_the_sandbox(tmp_path: Path) -> None:
    """Whatever port it had to take, a command beside it asks there, and nowhere once it has ended."""
    with Up(tmp_path) as up:
        port = up.control.base_url.rpartition(":")[2]
        beside = json.loads(kfpush("config", "--json", folder=tmp_path).stdout)
        assert beside["derived"]["wechat_url"] == up.control.base_url
        [setting] = [item for item in beside["settings"] if item["name"] == "KFPUSH_SANDBOX_PORT"]
        assert (str(setting["value"]), setting["origin"]) == (port, "kfpush up")
        told = kfpush("config", "--json", folder=tmp_path, env={"KFPUSH_SANDBOX_PORT": "8622"})
        assert json.loads(told.stdout)["derived"]["wechat_url"] == "http://127.0.0.1:8622"
        assert up.end(signal.SIGKILL) == -signal.SIGKILL
        assert eventually(lambda: not up.survivors())
    after = json.loads(kfpush("config", "--json", folder=tmp_path).stdout)
    assert after["derived"]["wechat_url"] == "http://127.0.0.1:8621"


def test_the_sandbox_goes_on_where_it_was(tmp_path: Path) -> None:
    """A new run knows the users of the last one and never goes back behind its time."""
    with Up(tmp_path) as up:
        up.control.clock(advance=86_400)
        up.control.speak(ACCOUNT, "wmTomorrow")
        eventually(lambda: sessions(tmp_path / ".kfpush" / "kfpush.db"))
        assert up.end(signal.SIGTERM) == 0
    with Up(tmp_path) as up:
        assert up.control.clock()["offset"] > 80_000
        kfpush("publish", folder=tmp_path, given=lines("later", user_id="wmTomorrow"))
        # The new sandbox never heard that user, so WeChat refuses, and only their word helps.
        while (parked := up.event("parked"))["match"] != "later":
            pass
        assert parked["reason"] == "no_slot"
        assert up.end(signal.SIGTERM) == 0


def test_real_credentials_start_no_sandbox(tmp_path: Path) -> None:
    """With WeChat's credentials nothing is invented, no phone page served, and messages go where they say."""
    with SandboxProcess(corpid="ww1", secret="hush") as wechat:
        credentials = {"WEWORK_CORP_ID": "ww1", "WEWORK_SECRET": "hush"}
        with Up(tmp_path, KFPUSH_WECHAT_BASE_URL=wechat.base_url, **credentials) as up:
            assert up.ready["phone_page"] is None
            assert not any("ops.sandbox" in args for args in up.family.values())
            kfpush("publish", folder=tmp_path, given=lines("real", user_id="u"), env=credentials)
            assert up.event("parked")["match"] == "real"
            assert up.end(signal.SIGTERM) == 0
        assert wechat.control.words() == []
    with closing(sqlite3.connect(tmp_path / ".kfpush" / "kfpush.db")) as connection:
        assert connection.execute("SELECT event_key FROM push_outbox").fetchall() == [("real:1",)]


def test_nothing_is_invented_in_a_real_database(tmp_path: Path) -> None:
    """Beside FriendAI's own tables the sandbox's users are heard, and no sample match is written."""
    database = tmp_path / "friendai.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE intent_matches (id INTEGER PRIMARY KEY)")
        with Up(tmp_path, KFPUSH_DATABASE_URL=f"sqlite:///{database}") as up:
            up.control.speak("wkA", "wmA")
            assert up.event("spoke")["user"] == "wmA"
            assert eventually(lambda: sessions(database)) == [("wmA", "wmA", "wkA")]
            assert up.end(signal.SIGTERM) == 0
        assert connection.execute("SELECT count(*) FROM push_outbox").fetchone() == (0,)
