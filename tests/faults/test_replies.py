"""Whoever answers dies anywhere: what was asked is answered once, and the application hears of the rest."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.host import ACCOUNT, SENT
from tests.faults.processes import Fate, until
from tests.faults.steps import BY_NUMBER, FORWARDING, Step
from tests.faults.test_inbound import is_quiet, listening, notice
from tests.faults.world import World, open_world

pytestmark = pytest.mark.faults

ANSWERING = [BY_NUMBER[number] for number in (6, 7, 11, 12, 14, 16, 19)]
"""Planned, its lease taken, about to leave, settled, shown: an answer's first attempt is like a retry."""

SECRET = "0123456789abcdef"


class Application(http.server.ThreadingHTTPServer):
    """Hears what users say."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Listener)
        self.heard: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/kf"


class Listener(http.server.BaseHTTPRequestHandler):
    """One POST."""

    server: Application

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.heard.append(body["item"]["text"]["content"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def an_application() -> Iterator[Application]:
    """Run it."""
    with Application() as application:
        thread = threading.Thread(target=application.serve_forever)
        thread.start()
        try:
            yield application
        finally:
            application.shutdown()
            thread.join()


@pytest.mark.parametrize("step", ANSWERING, ids=str)
def test_killed_while_it_answers(world: World, step: Step) -> None:
    """More brings both matches in one message, once, though whoever tried it first is gone."""
    ann = world.person("Ann", quiet_hours="00:00-23:59")
    listening(world).kill()
    world.commit(ann, ("waiting", "quiet_hours"), count=2)
    world.start("mirror")
    waiting = world.start("consume")
    world.drained()
    waiting.kill()
    world.wechat.speak(ACCOUNT, ann.phone, "更多")
    notice(world)
    world.start_doomed(Fate(step)).killed_itself()

    world.start("consume")
    world.expected.update(dict.fromkeys(world.expected, frozenset({SENT})))
    world.drained()
    until(lambda: is_quiet(world), 60, world.told)

    pushes = world.ledger("SELECT kind, status, matches FROM push_messages WHERE status = 'sent'")
    assert [(push["kind"], len(json.loads(push["matches"]))) for push in pushes] == [("answer", 2)]
    assert len(world.wechat.pushes(ann.phone)) == 1
    outcomes = world.host("SELECT outcome, match_ids FROM push_outcomes")
    assert [(row["outcome"], len(json.loads(row["match_ids"]))) for row in outcomes] == [("sent", 2)]


@pytest.mark.parametrize("step", FORWARDING, ids=str)
def test_killed_while_it_forwards(tmp_path: Path, step: Step) -> None:
    """The application hears everything, in order, and nothing of it is kept; perhaps one word twice."""
    with an_application() as application, open_world(tmp_path) as world:
        listening(world).kill()
        for text in ("一", "二", "三"):
            world.wechat.speak(ACCOUNT, "wmStranger", text)
        notice(world)
        to = application.url
        world.start_doomed(Fate(step), forward_url=to, forward_secret=SECRET).killed_itself()

        world.start("consume", forward_url=to, forward_secret=SECRET)
        until(lambda: is_quiet(world) and not world.ledger("SELECT 1 FROM push_forwards"), 90, world.told)

        assert list(dict.fromkeys(application.heard)) == ["一", "二", "三"]
        assert len(application.heard) <= 4
