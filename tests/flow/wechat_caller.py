"""A caller of WeChat with nothing between it and the socket, for tests that look at the sandbox itself."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit


class Caller:
    """Asks one thing at a time, each on a connection of its own."""

    def __init__(self, base_url: str) -> None:
        self._where = urlsplit(base_url).netloc
        self.token = ""

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
        """One request; the status and the body."""
        line = HTTPConnection(self._where, timeout=20)
        try:
            line.request(method, path, None if body is None else json.dumps(body), headers)
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        finally:
            line.close()

    def gettoken(self, corpid: str = "sandbox", secret: str = "sandbox") -> dict[str, Any]:  # noqa: S107 - everybody may know it
        """Fetch a token and keep it."""
        query = urlencode({"corpid": corpid, "corpsecret": secret})
        told: dict[str, Any] = json.loads(self.ask("GET", f"/cgi-bin/gettoken?{query}")[1])
        self.token = told.get("access_token", self.token)
        return told

    def send(self, msgid: str, *, user: str = "wmA", account: str = "wkA") -> dict[str, Any]:
        """Send one text; WeChat's answer."""
        told: dict[str, Any] = json.loads(self.send_raw(msgid, user=user, account=account)[1])
        return told

    def send_raw(self, msgid: str, *, user: str = "wmA", account: str = "wkA") -> tuple[int, str]:
        """Send one text; whatever comes back."""
        letter = {"touser": user, "open_kfid": account, "msgid": msgid, "msgtype": "text"}
        path = f"/cgi-bin/kf/send_msg?access_token={self.token}"
        return self.ask("POST", path, letter | {"text": {"content": f"hello {msgid}"}})

    def code(self, msgid: str, *, account: str = "wkA") -> int:
        """Send one text; the errcode."""
        return int(self.send(msgid, account=account)["errcode"])

    def upload(self, data: bytes, kind: str = "image", filename: str = "card.png") -> dict[str, Any]:
        """Upload a file; WeChat's answer."""
        line = HTTPConnection(self._where, timeout=20)
        head = f'--x\r\nContent-Disposition: form-data; name="media"; filename="{filename}"\r\n\r\n'
        try:
            line.request(
                "POST",
                f"/cgi-bin/media/upload?access_token={self.token}&type={kind}",
                head.encode() + data + b"\r\n--x--\r\n",
                {"Content-Type": "multipart/form-data; boundary=x"},
            )
            told: dict[str, Any] = json.loads(line.getresponse().read())
            return told
        finally:
            line.close()

    def get(self, path: str) -> tuple[bytes, dict[str, str]]:
        """What is at an address, and its headers by their names in lower case."""
        line = HTTPConnection(self._where, timeout=20)
        try:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        finally:
            line.close()

    def api(self, path: str, body: object) -> dict[str, Any]:
        """Any other call under /cgi-bin/kf; WeChat's answer."""
        address = f"/cgi-bin/kf/{path}?access_token={self.token}"
        told: dict[str, Any] = json.loads(self.ask("POST", address, body)[1])
        return told
