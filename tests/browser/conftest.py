"""A browser: the distribution's Chromium, driven by Playwright; where there is none, the tests say so."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PATIENCE_MS = 15_000

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file; longer, and its event loop would be in the way of other files'."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    # Chromium's own sandbox does not work for root, as whom containers run.
    words = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=words)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open an address, Chinese and wide unless told otherwise; what the page complains of fails the test.

    A server that is away is no complaint of the page's.
    """
    complaints: list[str] = []
    contexts = []

    def heard(said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"} and "net::ERR_" not in said.text:
            complaints.append(said.text)

    def opened(url: str, *, width: int = 1280, locale: str = "zh-CN", scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 812},
            locale=locale,
            color_scheme="dark" if scheme == "dark" else "light",
            timezone_id="Asia/Shanghai",
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
