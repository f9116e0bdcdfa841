"""Whether the Hub is asked at all is decided by one short question."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from huggingface_hub import constants

from polar_search.hub import cache_unless_reached, reached


class NotFound(BaseHTTPRequestHandler):
    """A Hub that has nothing."""

    def do_GET(self):
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def online(monkeypatch):
    """Lets the client ask, at an address of this machine."""

    def at(port):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")

    return at


def test_a_hub_that_answers_is_asked(online):
    with HTTPServer(("127.0.0.1", 0), NotFound) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        online(server.server_port)
        assert reached("nobody/none", "dataset")
        with cache_unless_reached("nobody/none", "model"):
            assert not constants.HF_HUB_OFFLINE
        server.shutdown()


def test_without_an_answer_the_cache_is_all_there_is(online, tmp_path):
    online(9)  # nobody listens there
    assert not reached("nobody/none", "dataset")
    with cache_unless_reached("nobody/none", "model"):
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
    with cache_unless_reached(str(tmp_path), "model"):
        assert not constants.HF_HUB_OFFLINE, "a local folder is no matter of the Hub"
