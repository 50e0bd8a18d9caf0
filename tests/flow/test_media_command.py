"""``kfpush media``, and the pause of a type of message, as an operator types them."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ops.sandbox.process import SandboxProcess
from tests.files import png
from tests.flow.commands import kfpush

WANTED = {"KFPUSH_MESSAGE_KIND": "miniprogram"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A migrated folder whose operator wants cards with a picture."""
    media = tmp_path / ".kfpush" / "media"
    media.mkdir(parents=True)
    (media / "card.png").write_bytes(png())
    assert kfpush("migrate", folder=tmp_path).returncode == 0
    config = json.dumps({"appid": "wx1", "pagepath": "p.html", "thumb": "card.png"})
    with sqlite3.connect(tmp_path / ".kfpush" / "kfpush.db") as database:
        database.execute(
            "INSERT INTO push_templates (template_name, template_type, content_template, miniprogram_config)"
            " VALUES ('card', 'miniprogram', '', ?)",
            (config,),
        )
    return tmp_path


def test_a_file_is_looked_at_put_and_dropped(folder: Path) -> None:
    """Waiting, with WeChat, there already, forgotten; in both languages and as JSON."""
    with SandboxProcess() as sandbox:
        env = WANTED | {"KFPUSH_SANDBOX_PORT": str(urlsplit(sandbox.base_url).port)}
        listed = kfpush("media", "list", folder=folder, env=env)
        assert listed.returncode == 0
        assert "not uploaded yet" in listed.stdout
        assert "matches go as plain text" in listed.stdout

        put = kfpush("media", "put", "card.png", folder=folder, env=env)
        assert (put.returncode, put.stdout.split(":")[0]) == (0, "Uploaded")
        again = kfpush("media", "put", "card.png", "--json", folder=folder, env=env)
        told = json.loads(again.stdout)
        assert (told["outcome"], told["is_new"]) == ("ready", False)
        assert told["media_id"] in put.stdout

        [shown] = json.loads(kfpush("media", "list", "--json", folder=folder, env=env).stdout)
        assert (shown["file"], shown["stand"], shown["is_needed"]) == ("card.png", "ready", True)

        sent = _sent_to_a_phone(folder, sandbox, env)
        assert sent["msgtype"] == "miniprogram"
        assert sent["content"]["title"] == "为您找到：张三（85%）"
        assert sent["media"]["filename"] == "card.png"

        refused = kfpush("media", "put", "card.png", "--type", "voice", folder=folder, env=env)
        assert refused.returncode == 2
        assert "not an AMR voice" in refused.stderr

    assert kfpush("media", "drop", "card.png", "--lang", "zh", folder=folder).stdout.startswith("已忘记")
    assert kfpush("media", "drop", "card.png", folder=folder).returncode == 3


def _sent_to_a_phone(folder: Path, sandbox: SandboxProcess, env: dict[str, str]) -> dict[str, Any]:
    """Send a card to somebody who has just written, as `send-test` does; what their phone shows."""
    sandbox.control.speak("wkA", "wmA")
    with sqlite3.connect(folder / ".kfpush" / "kfpush.db") as database:
        database.execute(
            "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time)"
            " VALUES ('wmA', 'wmA', 'wkA', ?)",
            (f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",),
        )
    sent = kfpush("send-test", "wmA", "--kind", "miniprogram", "--yes", folder=folder, env=env)
    assert sent.returncode == 0, sent.stderr
    newest: dict[str, Any] = sandbox.control.phone("wmA")["conversations"][0]["messages"][-1]
    return newest


def test_a_card_that_cannot_be_made_is_not_sent(folder: Path) -> None:
    """send-test says what is missing: the upload, or a template of that kind."""
    with SandboxProcess() as sandbox:
        env = WANTED | {"KFPUSH_SANDBOX_PORT": str(urlsplit(sandbox.base_url).port)}
        unready = kfpush("send-test", "wmA", "--kind", "miniprogram", folder=folder, env=env)
        assert unready.returncode == 2
        assert "kfpush media put card.png --type image" in unready.stderr
        missing = kfpush("send-test", "wmA", "--kind", "link", folder=folder, env=env)
        assert missing.returncode == 2
        assert "no template of template_type 'link' is in force" in missing.stderr


def test_a_file_that_cannot_be_shown_is_loud(folder: Path) -> None:
    """Media list and status name it; without the setting nobody minds."""
    (folder / ".kfpush" / "media" / "card.png").unlink()
    listed = kfpush("media", "list", folder=folder, env=WANTED)
    assert listed.returncode == 3
    assert "card.png: there is no such file" in listed.stdout
    assert "card.png: there is no such file" in kfpush("status", folder=folder, env=WANTED).stdout
    assert "card.png" not in kfpush("status", folder=folder).stdout
    assert "no card is sent" in kfpush("media", "list", folder=folder).stdout


def test_a_type_of_message_is_paused_and_resumed(folder: Path) -> None:
    """By a person; and what kfpush holds back itself, a person ends."""
    paused = kfpush("pause", "msgtype", "miniprogram", "--reason", "new design", folder=folder)
    assert paused.returncode == 0
    assert "messages of the type miniprogram (sent as plain text meanwhile)" in paused.stdout
    assert kfpush("pause", "msgtype", "text", "--reason", "x", folder=folder).returncode == 2
    with sqlite3.connect(folder / ".kfpush" / "kfpush.db") as database:
        database.execute(
            "INSERT INTO push_pauses (scope, target, reason, errcode, author, paused_at, probes, probe_at)"
            " VALUES ('msgtype', 'miniprogram', 'kind_refused', 90207, 'kfpush', '2026-11-22T04:00:00.000Z',"
            " 0, '2026-11-22T05:00:00.000Z')"
        )
    status = kfpush("status", folder=folder).stdout
    assert "Link the mini program to the corp" in status
    resumed = kfpush("resume", "msgtype", "miniprogram", "--why", "linked", folder=folder)
    assert resumed.returncode == 0
    assert "kfpush" in resumed.stdout
    assert "msgtype" not in kfpush("status", "--json", folder=folder).stdout
