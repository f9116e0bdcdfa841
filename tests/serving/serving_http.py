"""A server in a thread, and clients of it."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import openai
import uvicorn

from polar_search.serving.api import make_app
from polar_search.serving.settings import ServeConfig


@contextmanager
def serving(model, **options):
    """The address of a server for the duration of a block."""
    config = ServeConfig(**{"name": "m", **options})
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(model, config), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()
        listening.close()


def client(url, key="none"):
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=120)
