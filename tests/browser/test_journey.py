"""The first evening: everything from `kfpush up`, a person at the phone page, `explain` beside it."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from ops.up.sample import MATCHES_AT_START, PHONE
from tests.browser.conftest import OpenPage
from tests.flow.commands import Up, kfpush

FIRST_THREE = ("周以墨", "沈知夏", "陆安然")
"""The sample application's first contacts."""


class Hand:
    """Holds 小林's phone, in a browser."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.card = page.locator(f".user[data-user='{PHONE}']")
        self.bubbles = self.card.locator(".from-kf .said")

    def says(self, text: str) -> None:
        """Type it, send it, and see it on the phone."""
        box = self.card.get_by_role("textbox")
        box.fill(text)
        box.press("Enter")
        expect(self.card.locator(".from-user .said").last).to_contain_text(text)

    def reads(self, count: int) -> Locator:
        """Wait for this many messages in all; the newest."""
        expect(self.bubbles).to_have_count(count)
        return self.bubbles.last

    def waits_49_hours(self) -> None:
        """Jump with the clock."""
        self._page.get_by_role("button", name="+49 小时").click()
        expect(self.card.locator(".window dd")).to_have_text("已关闭 · 等用户再说一句")


@pytest.mark.timeout(120)  # ten commands and a browser, on a machine that does other things too
@pytest.mark.parametrize("width", [1280, 375])
def test_the_first_evening(tmp_path: Path, open_page: OpenPage, width: int) -> None:
    """What waited comes as one message; details, a tap, a stop, a closed window, and the next word."""
    with Up(tmp_path, KFPUSH_HTTP_PORT="0") as up:
        hand = Hand(open_page(up.ready["phone_page"], width=width))
        for _ in range(MATCHES_AT_START):
            assert up.event("parked")["reason"] == "no_session"
        expect(hand.card.locator(".window dd")).to_have_text("从未打开 · 等用户说第一句")

        hand.says("你好")
        first = hand.reads(1)
        for name in FIRST_THREE:
            expect(first).to_contain_text(name)
        expect(hand.card.locator(".left dd")).to_have_text("4 / 5 条")

        hand.says("查看1")
        details = hand.reads(2)
        expect(details).to_contain_text("周以墨")
        expect(details).not_to_contain_text("沈知夏")

        hand.says("查看")
        hand.reads(3).get_by_role("button", name="沈知夏").click()
        expect(hand.reads(4)).to_contain_text("十年后端经验")

        hand.says("退订")
        hand.reads(5)
        publish(tmp_path, "unwanted")
        assert ended(up, "dropped", "unwanted")["reason"] == "stopped"
        hand.reads(5)
        hand.says("恢复")
        hand.reads(6)

        sent = up.control.counts()["send_msg"]
        hand.waits_49_hours()
        publish(tmp_path, "late")
        assert ended(up, "parked", "late")["reason"] == "window_closed"
        [told] = explained(tmp_path, "late")
        assert (told["status"], told["reason"], told["pushes"]) == ("parked", "window_closed", [])
        assert up.control.counts()["send_msg"] == sent

        hand.says("我回来了")
        expect(hand.bubbles.nth(6)).to_contain_text("许知远方")
        assert ended(up, "sent", "late")["match"] == "late"
        [told] = explained(tmp_path, "late")
        assert [turn["reason"] for turn in told["turns"]] == ["window_closed"]
        assert (told["status"], len(told["pushes"])) == ("sent", 1)
        assert up.control.callback()["gone"] == 0
        assert up.control.check_callback()["ok"]
        assert up.end(signal.SIGTERM) == 0


def publish(folder: Path, match_id: str) -> None:
    """Let an application find 小林 a match."""
    match = {"match_id": match_id, "user_id": PHONE, "profile_name": "许知远方", "score": 0.9}
    assert kfpush("publish", folder=folder, given=json.dumps(match)).returncode == 0


def ended(up: Up, what: str, match_id: str) -> dict[str, Any]:
    """Read on until this happened to this match."""
    while (event := up.event(what)).get("match") != match_id:
        pass
    return event


def explained(folder: Path, match_id: str) -> list[dict[str, Any]]:
    """What `kfpush explain` tells of each revision."""
    told: dict[str, Any] = json.loads(kfpush("explain", match_id, "--json", folder=folder).stdout)
    revisions: list[dict[str, Any]] = told["revisions"]
    return revisions
