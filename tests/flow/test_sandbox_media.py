"""Uploads to a running sandbox, over a socket."""

import json
from collections.abc import Iterator

import pytest

from ops.sandbox.process import SandboxControl, SandboxProcess
from tests.files import png
from tests.flow.wechat_caller import Caller


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """One running sandbox."""
    with SandboxProcess() as running:
        yield running


@pytest.fixture
def control(sandbox: SandboxProcess) -> SandboxControl:
    """A sandbox in which wmA has just written."""
    sandbox.control.reset()
    sandbox.control.speak("wkA", "wmA", "在吗")
    return sandbox.control


@pytest.fixture
def caller(sandbox: SandboxProcess, control: SandboxControl) -> Caller:
    """A caller with a token."""
    caller = Caller(sandbox.base_url)
    caller.gettoken()
    return caller


def test_a_file_goes_up_and_is_shown(caller: Caller, control: SandboxControl) -> None:
    """The answer is WeChat's, created_at a text of seconds; the phone shows the very bytes."""
    told = caller.upload(png(), filename="名片 1.png")
    assert {**told, "media_id": "", "created_at": ""} == {
        "errcode": 0,
        "errmsg": "",
        "type": "image",
        "media_id": "",
        "created_at": "",
    }
    assert told["created_at"].isdigit()
    body = {"touser": "wmA", "open_kfid": "wkA", "msgtype": "image"}
    assert caller.api("send_msg", body | {"image": {"media_id": told["media_id"]}})["errcode"] == 0
    shown = control.phone("wmA")["conversations"][0]["messages"][-1]["media"]
    assert shown == {
        "filename": "名片 1.png",
        "size": len(png()),
        "sort": "image/png",
        "url": f"/sandbox/media/{told['media_id']}",
    }
    assert caller.ask("GET", "/sandbox/media/nobodys")[0] == 404
    assert control.counts()["media_upload"] == 1


def test_what_is_no_upload(caller: Caller, control: SandboxControl) -> None:
    """A body that is no form, a form without the file, a wrong token, and trouble on order."""
    path = f"/cgi-bin/media/upload?access_token={caller.token}&type=image"
    assert json.loads(caller.ask("POST", path, {"media": "x"})[1])["errcode"] == 41005
    form = {"Content-Type": "multipart/form-data"}
    assert json.loads(caller.ask("POST", path, "x", **form)[1])["errcode"] == 41005
    control.fault(match={"api": "media_upload"}, errcode=45009)
    assert caller.upload(png())["errcode"] == 45009
    caller.token = "stranger"
    assert caller.upload(png())["errcode"] == 40014


def test_no_file_can_become_a_page(caller: Caller) -> None:
    """What was uploaded as a file is offered to be saved, whatever it is."""
    media_id = caller.upload(b"<script>alert(1)</script>", "file", "a.html")["media_id"]
    shown, headers = caller.get(f"/sandbox/media/{media_id}")
    assert shown == b"<script>alert(1)</script>"
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"
