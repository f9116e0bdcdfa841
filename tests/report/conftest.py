"""A real run of a bundled model, and a real browser that notices every complaint of a page."""

import shutil
import sys
from pathlib import Path

import pytest

from polar_search import SearchConfig, Session

sys.path.insert(0, str(Path(__file__).parent))

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Two examples a level, searched by a tree search of 12 programs."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    config = SearchConfig(agent="mcts", limit=2, budget=12, max_repeats=4, threads=1)
    Session.load(config).run(folder)
    return folder


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium of this machine."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail(
            "expected a Chromium for the tests of pages, received none of "
            f"{', '.join(BROWSERS)} on the PATH; install one (apt-get install chromium)"
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Opens a file; every warning, error or request of its page fails the test at its end."""
    complaints, contexts = [], []

    def open_file(path, **options):
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        requests = []
        page.goto(path.as_uri())
        assert requests == [path.as_uri()]
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert complaints == []
