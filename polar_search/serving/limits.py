"""Around every request: its size, the time its body may take, and its place in the counts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from polar_search.serving.failures import Failure

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from polar_search.serving.gauges import Gauges

PATHS = ("/v1/completions", "/v1/chat/completions", "/v1/models", "/health", "/metrics")
"""What requests are counted under; anything else is "other"."""


PATIENCE = 16
"""How many times the largest request is read, and thrown away, before a connection is closed."""


class Limits:
    """Wraps an application.

    Args:
        app: The application.
        max_body: Bytes of a request at most.
        seconds: That its body may take to arrive.
        gauges: Where it is counted.
    """

    def __init__(self, app: ASGIApp, max_body: int, seconds: float, gauges: Gauges) -> None:
        self._app, self._max_body, self._seconds = app, max_body, seconds
        self._gauges = gauges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 499  # the client left before there was an answer

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, self._bounded(receive), noted)
        finally:
            path = scope["path"] if scope["path"] in PATHS else "other"
            self._gauges.served(path, status, time.monotonic() - started)

    def _bounded(self, receive: Receive) -> Receive:
        """Receives a body that is neither too large nor too late."""
        deadline, size, whole = asyncio.get_running_loop().time() + self._seconds, 0, False

        async def next_message() -> Message:
            nonlocal size, whole
            while not whole:
                try:
                    async with asyncio.timeout_at(deadline):
                        message = await receive()
                except TimeoutError:
                    late = f"expected the request within {self._seconds:g} seconds; send it faster"
                    raise Failure(408, late) from None
                size += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if size <= self._max_body:
                    return message
                # Few clients read an answer before all is sent: what is too much is thrown away.
                if whole or size > PATIENCE * self._max_body:
                    most = f"expected a request of at most {self._max_body:,} bytes; send less"
                    raise Failure(413, most)
            return await receive()

        return next_message
