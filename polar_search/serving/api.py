"""The HTTP endpoint: completions and chats as OpenAI's clients ask for them, health and metrics."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi import Request as HttpRequest
from fastapi.responses import StreamingResponse

from polar_search.serving import failures
from polar_search.serving.desk import Desk
from polar_search.serving.failures import Failure
from polar_search.serving.formats import Format
from polar_search.serving.limits import Limits
from polar_search.serving.model import PolarModel
from polar_search.serving.pieces import Pieces, before
from polar_search.serving.requests import ChatRequest, CompletionRequest, Request
from polar_search.serving.settings import ServeConfig
from polar_search.serving.worker import Question, Worker


def make_app(model: PolarModel, config: ServeConfig) -> FastAPI:
    """The application; its worker lives as long as the application's lifespan.

    Raises:
        ProgramError: The server's program is none, or for another model.
    """
    bound = model.max_tokens or config.max_tokens
    worker = Worker(model, min(config.max_tokens, bound))
    desk = Desk(worker, config)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        worker.start()
        yield
        await asyncio.to_thread(worker.stop)

    app = FastAPI(title="polar-search", lifespan=lifespan, docs_url=None, redoc_url=None)
    failures.install(app)
    app.include_router(interface(desk, model))
    app.include_router(upkeep(desk))
    app.add_middleware(
        Limits,
        max_body=config.max_body,
        seconds=config.timeout,
        gauges=desk.gauges,
    )
    return app


def interface(desk: Desk, model: PolarModel) -> APIRouter:
    """What clients of OpenAI's interface call."""

    async def known(request: HttpRequest) -> None:
        key = desk.config.api_key
        sent = request.headers.get("authorization", "").encode()
        if key and not hmac.compare_digest(sent, f"Bearer {key}".encode()):
            raise Failure(401, "expected the server's API key as bearer token", "invalid_api_key")

    router = APIRouter(prefix="/v1", dependencies=[Depends(known)])

    @router.post("/completions")
    async def completions(request: CompletionRequest, http: HttpRequest) -> Any:  # noqa: ANN401
        return await respond(desk, model, request, http)

    @router.post("/chat/completions")
    async def chat(request: ChatRequest, http: HttpRequest) -> Any:  # noqa: ANN401
        return await respond(desk, model, request, http)

    listed = {"id": desk.name, "object": "model", "created": 0, "owned_by": "polar-search"}
    listed["num_layers"] = model.num_layers

    @router.get("/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [listed]}

    @router.get("/models/{name:path}")
    async def one(name: str) -> dict[str, Any]:
        if name != desk.name:
            raise Failure(
                404, f"expected model '{desk.name}', received '{name}'", "model_not_found"
            )
        return listed

    return router


def upkeep(desk: Desk) -> APIRouter:
    """What those who keep the server running call; no key is asked for."""
    router = APIRouter()

    @router.get("/health")
    async def health(response: Response) -> dict[str, str]:
        response.status_code = 200 if desk.worker.alive else 503
        return {"status": "ok" if desk.worker.alive else "stopped", "model": desk.name}

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(desk.gauges.text(), media_type="text/plain; version=0.0.4")

    return router


async def respond(desk: Desk, model: PolarModel, request: Request, http: HttpRequest) -> Any:  # noqa: ANN401
    """The whole answer, or a stream of its pieces."""
    question = await desk.question(request)
    form = Format(desk.name, question, chat=isinstance(request, ChatRequest))
    if not request.stream:
        return await unless_gone(http, whole(desk, question, form))
    told = bool(request.stream_options and request.stream_options.include_usage)
    stream = events(desk, model, question, form, usage=told)
    return StreamingResponse(
        stream, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
    )


async def whole(desk: Desk, question: Question, form: Format) -> dict[str, Any]:
    """The response, when the last row has ended."""
    async for news in desk.news(question):
        assert news.result is not None
        form.note(news, before(news.result.text or "", question.stop))
    return form.whole()


async def unless_gone(http: HttpRequest, answer: Any) -> Any:  # noqa: ANN401
    """The answer, unless the client leaves before."""

    async def gone() -> None:
        while (await http.receive())["type"] != "http.disconnect":
            pass

    answering, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            return answering.result()
        raise Failure(499, "the client left")
    finally:
        leaving.cancel()
        answering.cancel()
        with suppress(asyncio.CancelledError, Failure):
            await answering


async def events(
    desk: Desk, model: PolarModel, question: Question, form: Format, *, usage: bool
) -> AsyncIterator[str]:
    """Server-sent events: pieces of all rows as they come, and how they end."""
    rows = range(len(question.prompts))
    pieces = [Pieces(model.tokenizer, question.stop) for _ in rows]
    try:
        for row in rows:
            if first := form.begin(row):
                yield event(first)
        async for news in desk.news(question):
            text = pieces[news.row].feed(news.token_ids)
            if news.result is not None:
                text += pieces[news.row].end(news.result.text or "")
                form.note(news, text)
            if text or news.result is not None:
                yield event(form.piece(news, text))
        if usage:
            yield event(form.last())
    except Failure as failure:
        yield event(failure.body)
    yield "data: [DONE]\n\n"


def event(content: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(content)}\n\n"
