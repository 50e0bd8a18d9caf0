"""The phone page as it is served; how it looks is seen in a browser."""

import re
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from ops.sandbox.process import SandboxProcess


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """One running sandbox."""
    with SandboxProcess() as running:
        yield running


def test_the_page_is_all_our_own(sandbox: SandboxProcess) -> None:
    """The phone page loads nothing from elsewhere and runs nothing that is written into the HTML."""
    page, policy = fetch(sandbox, "/phone")
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
    assert not re.search(r"https?://(?!www\.w3\.org/)|<style|style=| on\w+=|<script>", page)
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert fetch(sandbox, address)[0]


def test_both_languages_say_the_same_things(sandbox: SandboxProcess) -> None:
    """Chinese and English have the same keys, and the page asks for no other."""
    script = fetch(sandbox, "/words.js")[0]
    chinese, english = (
        set(re.findall(r"^    (\w+):", part, re.MULTILINE)) for part in script.split("  en: {")
    )
    page = fetch(sandbox, "/")[0]
    asked = set(re.findall(r'data-(?:say|label)="(\w+)"', page))
    for name in ("phone", "user", "known", "bubbles", "cards", "now", "calls"):
        asked |= set(re.findall(r"(?<!/)\bwords\.(\w+)", fetch(sandbox, f"/{name}.js")[0]))
    assert chinese == english
    assert asked == chinese


def fetch(sandbox: SandboxProcess, address: str) -> tuple[str, str]:
    """A file of the page and the policy it comes with."""
    line = HTTPConnection(urlsplit(sandbox.base_url).netloc, timeout=20)
    with closing(line):
        line.request("GET", address)
        answer = line.getresponse()
        assert answer.status == 200
        return answer.read().decode(), answer.headers["content-security-policy"]
