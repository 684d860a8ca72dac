"""Fixtures of the explorer's tests: a known run, its file, a browser."""

import os
import threading
import time
from pathlib import Path

import pytest
from fake_run import FakeRun, settings, write

CHROMIUM = os.environ.get("VAELAB_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def run():
    """One view of 28x28, six latents, three classes."""
    return FakeRun()


@pytest.fixture(scope="session")
def html(run, tmp_path_factory) -> Path:
    """The file of `run`."""
    return write(run, tmp_path_factory.mktemp("explorer") / "explorer.html")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Debian's Chromium with a fresh profile; skips where it or playwright is missing."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no {CHROMIUM}: apt-get install chromium, or set VAELAB_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason='pip install "vaelab[test-all]"')
    with playwright.sync_playwright() as p:
        context = p.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")), executable_path=CHROMIUM, headless=True, args=FLAGS,
            viewport={"width": 1280, "height": 860}, accept_downloads=True,
        )  # fmt: skip
        yield context
        context.close()


@pytest.fixture
def page(browser):
    """A tab that records errors and every request that leaves it."""
    tab = browser.new_page()
    tab.problems, tab.requests = [], []
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("console", lambda m: tab.problems.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("request", lambda r: None if r.url.startswith(("blob:", "data:")) else tab.requests.append(r.url))
    yield tab
    browser.set_offline(False)
    tab.close()


@pytest.fixture(scope="session")
def address(run):
    """A running server of `run`."""
    import uvicorn

    from vaelab.explorer import server
    from vaelab.system.address import listening

    chosen = settings()
    page = server.page(run, run_line="run=outputs/x", settings=chosen)
    bound = listening("127.0.0.1", 0)
    application = server.app(page, server.functions(run, chosen))
    running = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    running.should_exit = True
    thread.join(5)
    bound.close()
