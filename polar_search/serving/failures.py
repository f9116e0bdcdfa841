"""What goes wrong with a request, in the shape that OpenAI's clients read."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as AnyHTTPException

from polar_search.errors import PolarSearchError

KINDS = {
    401: "authentication_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
}


UNKNOWN = "not followed by this server; leave it out"
"""What is said of a field that would ask for something else."""


class Failure(HTTPException):
    """A request that cannot be answered.

    Args:
        status: Of HTTP.
        message: What was expected and received, and what helps.
        code: A word that programs can read.
        headers: Further ones.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.code = code

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """The failure that an error means: ours are the client's mistakes, others the server's."""
        if isinstance(error, Failure):
            return error
        if isinstance(error, PolarSearchError):
            return cls(400, str(error))
        return cls(500, f"the server failed: {type(error).__name__}", "internal_error")

    @property
    def body(self) -> dict[str, Any]:
        """What is sent."""
        return body(self.status_code, self.detail, self.code)


def body(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """An error as OpenAI sends it."""
    kind = KINDS.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def install(app: FastAPI) -> None:
    """Let every error leave in this shape."""

    @app.exception_handler(AnyHTTPException)
    async def known(_: Request, error: AnyHTTPException) -> JSONResponse:
        code = getattr(error, "code", None)
        content = body(error.status_code, str(error.detail), code)
        return JSONResponse(content, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse(body(400, in_words(error)), 400)

    @app.exception_handler(PolarSearchError)
    async def refused(_: Request, error: PolarSearchError) -> JSONResponse:
        return JSONResponse(Failure.of(error).body, 400)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse(Failure.of(error).body, 500)


def in_words(error: RequestValidationError) -> str:
    """The first mistakes of a request."""
    mistakes = []
    for mistake in error.errors()[:3]:
        place = ".".join(str(part) for part in mistake["loc"] if part != "body")
        received = str(mistake.get("input"))[:60]
        said = UNKNOWN if mistake["type"] == "extra_forbidden" else mistake["msg"]
        mistakes.append(f"{place or 'body'}: {said}, received {received}")
    return "; ".join(mistakes)
