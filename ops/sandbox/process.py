"""Starts the sandbox as a process of its own and talks to it.  Standard library only, and synchronous."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0

SIGNPOST: Final = "sandbox.json"
"""In the data folder: where its sandbox listens, for it may have had to take another port than its own."""

Told = dict[str, Any]  # JSON as it came


class SandboxControl:
    """Speaks as users, reads phones, moves the clock and orders trouble on a running sandbox."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def healthz(self) -> Told:
        """Who answers: kfpush_sandbox, pid, run, version."""
        return self._ask("GET", "healthz")

    def speak(self, open_kfid: str, external_userid: str, said: str = "你好") -> Told:
        """A user writes, which opens the window; the word as the feed will tell it."""
        order = {"open_kfid": open_kfid, "external_userid": external_userid, "text": said}
        return self._ask("POST", "speak", order)

    def click(self, open_kfid: str, external_userid: str, menu_id: str, said: str = "好的") -> Told:
        """A user clicks on a menu item, which arrives as a text; whether it opens the window is a switch."""
        order = {"open_kfid": open_kfid, "external_userid": external_userid}
        return self._ask("POST", "speak", {**order, "text": said, "menu_id": menu_id})

    def send(self, open_kfid: str, external_userid: str, msgtype: str, **content: object) -> Told:
        """A user sends something that is no text; without content, an example of it."""
        order: Told = {"open_kfid": open_kfid, "external_userid": external_userid, "msgtype": msgtype}
        return self._ask("POST", "speak", order | ({"content": content} if content else {}))

    def enter(self, open_kfid: str, external_userid: str) -> str | None:
        """A user opens the chat without a word; the code for a welcome, if WeChat gives one."""
        order = {"open_kfid": open_kfid, "external_userid": external_userid}
        code: str | None = self._ask("POST", "enter", order)["welcome_code"]
        return code

    def introduce(
        self,
        *,
        open_kfid: str | None = None,
        external_userid: str | None = None,
        servicer_userid: str | None = None,
    ) -> Told:
        """Make an account, a user or a human servicer known without a word."""
        names = {
            "open_kfid": open_kfid,
            "external_userid": external_userid,
            "servicer_userid": servicer_userid,
        }
        return self._ask("POST", "introduce", {field: name for field, name in names.items() if name})

    def enter_state(
        self, open_kfid: str, external_userid: str, service_state: int, servicer_userid: str | None = None
    ) -> Told:
        """Put a session into WeChat's state 0 to 4; what a servicer did is told as an event."""
        order: Told = {"open_kfid": open_kfid, "external_userid": external_userid}
        order |= {"servicer_userid": servicer_userid} if servicer_userid else {}
        return self._ask("POST", "service_state", {**order, "service_state": service_state})

    def do(self, deed: str, **order: object) -> Told:
        """Any other deed by its name: serve, recall, reject, block, servicer_status, fail, items."""
        return self._ask("POST", deed, order)

    def callback(self, **aim: object) -> Told:
        """Where notifications go and how that went; with url=, token= or aes_key= it is set first."""
        return self._ask("POST" if aim else "GET", "callback", aim)

    def check_callback(self) -> Told:
        """Try the callback's URL as WeChat's console does: ok, status, milliseconds."""
        return self._ask("POST", "callback/check", {})

    def notify(self, **order: object) -> Told:
        """Post a notification that no item caused: open_kfid=, given= and taken=, or xml=."""
        return self._ask("POST", "callback/notify", order)

    def words(self, after: int = 0, wait: float = 0.0) -> list[Told]:
        """What users said after a sequence number, waiting for it if there is nothing yet."""
        return list(self._ask("GET", "words", {"after": after, "wait": wait}, wait)["words"])

    def phones(self) -> list[Told]:
        """All phones."""
        return list(self._ask("GET", "phones")["phones"])

    def phone(self, external_userid: str, pushes: int = 0, wait: float = 0.0) -> Told:
        """One user's phone, waiting until it was sent a number of messages in all."""
        path = f"phones/{quote(external_userid, safe='')}"
        return self._ask("GET", path, {"pushes": pushes, "wait": wait}, wait)

    def pushes(self, external_userid: str, at_least: int = 0, wait: float = 0.0) -> list[Told]:
        """The messages that one phone shows from kfpush, in order, waiting until there are enough."""
        talks = self.phone(external_userid, at_least, wait)["conversations"]
        sent = [message for talk in talks for message in talk["messages"] if _is_shown(message)]
        return sorted(sent, key=lambda message: int(message["seq"]))

    def calls(self, msgid: str | None = None) -> list[Told]:
        """The latest calls, oldest first."""
        return list(self._ask("GET", "calls", {"msgid": msgid} if msgid else {})["calls"])

    def counts(self, sent: int = 0, wait: float = 0.0) -> Told:
        """Exact counts since the last reset, waiting until a number of send_msg calls have ended."""
        return dict(self._ask("GET", "calls", {"last": 0, "sent": sent, "wait": wait}, wait)["counts"])

    def fault(self, **order: object) -> Told:
        """Order trouble for calls to come; the words are those of POST /sandbox/faults."""
        return self._ask("POST", "faults", order)

    def faults(self) -> list[Told]:
        """The trouble still to come."""
        return list(self._ask("GET", "faults")["faults"])

    def clear_faults(self) -> None:
        """No more trouble."""
        self._ask("DELETE", "faults")

    def clock(self, **move: object) -> Told:
        """The virtual time; with offset=, advance= (seconds) or now= (ISO 8601) it is moved first."""
        return self._ask("POST" if move else "GET", "clock", move)

    def switches(self, **turn: object) -> Told:
        """How the open questions about WeChat are answered; with arguments they are turned first."""
        return dict(self._ask("POST" if turn else "GET", "switches", turn)["switches"])

    def revoke_token(self, errcode: int = 40014) -> None:
        """End the current access_token early."""
        self._ask("POST", "tokens/revoke", {"errcode": errcode})

    def reset(self) -> None:
        """Forget everything."""
        self._ask("POST", "reset", {})

    def _ask(self, method: str, path: str, order: dict[str, Any] | None = None, wait: float = 0.0) -> Told:
        address = urlsplit(self.base_url)
        line = HTTPConnection(address.hostname or "", address.port, timeout=wait + ANSWER_SECONDS)
        query = f"?{urlencode(order)}" if order and method == "GET" else ""
        body = json.dumps(order or {}).encode() if method == "POST" else None
        try:
            line.request(method, f"/sandbox/{path}{query}", body, {"Content-Type": "application/json"})
            answer = line.getresponse()
            told: Told = json.loads(answer.read())
        finally:
            line.close()
        if "error" in told:
            raise ValueError(told["error"])
        return told


def _is_shown(message: Told) -> bool:
    return message["from"] == "kf" and message.get("fate") != "failed"


@contextmanager
def signpost(data_dir: Path, sandbox: "SandboxProcess") -> Iterator[None]:
    """While inside, let commands in other terminals find the sandbox that belongs to a data folder."""
    post = data_dir / SIGNPOST
    draft = post.with_name(f"{SIGNPOST}.{os.getpid()}")
    draft.write_text(json.dumps({"port": sandbox.port, "pid": sandbox.pid}) + "\n")
    draft.replace(post)
    try:
        yield
    finally:
        post.unlink(missing_ok=True)


def port_beside(data_dir: Path) -> int | None:
    """The port of the sandbox that runs for a data folder; None if none answers there."""
    try:
        said = json.loads((data_dir / SIGNPOST).read_bytes())
        port, pid = int(said["port"]), int(said["pid"])
        answers = SandboxControl(f"http://127.0.0.1:{port}").healthz()["pid"] == pid
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return None
    return port if answers else None


class SandboxProcess:
    """A sandbox of one's own.  It dies with this process, however that ends."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        corpid: str = "sandbox",
        secret: str = "sandbox",  # noqa: S107 - everybody may know it
        **switches: object,
    ) -> None:
        self._words = ["--host", host, "--port", str(port), "--corpid", corpid, "--secret", secret]
        self._words += ["--parent", str(os.getpid())]
        self._words += [f"--switch={name}={value}" for name, value in switches.items()]
        self._process: subprocess.Popen[bytes] | None = None
        self.base_url = ""

    @property
    def pid(self) -> int:
        """The running process."""
        return self._running().pid

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.base_url).port or 0

    @property
    def control(self) -> SandboxControl:
        """A client for the running sandbox."""
        return SandboxControl(self.base_url)

    def start(self) -> Self:
        """Start and wait until it answers; RuntimeError if it ends instead."""
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        # -P: a folder named ops where the user stands must not be taken for ours.
        command = [sys.executable, "-P", "-m", "ops.sandbox", *self._words]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the starter: its last sends still need an answer
        )
        line = self._first_line(self._process)
        if not line:
            self.kill()
            raise RuntimeError("The sandbox did not start; its last words are on stderr.")
        self.base_url = str(json.loads(line)["url"])
        return self

    def _first_line(self, process: subprocess.Popen[bytes]) -> bytes:
        if process.stdout is None or not select.select([process.stdout], [], [], START_SECONDS)[0]:
            return b""
        return process.stdout.readline()

    def is_running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._running().poll() is None

    def stop(self) -> int:
        """End it kindly, and after five seconds unkindly; its exit code."""
        process = self._running()
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        return self._bury(process)

    def kill(self) -> int:
        """End it as a power cut would."""
        process = self._running()
        process.kill()
        return self._bury(process)

    def _bury(self, process: subprocess.Popen[bytes]) -> int:
        if process.stdout is not None:
            process.stdout.close()
        return process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("The sandbox has not been started.")
        return self._process

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
