"""What clients may ask, in the words of OpenAI's interface; what is not followed must be off."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from polar_search.errors import ConfigError

IGNORED = {
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "parallel_tool_calls",
    "tool_choice",
}
"""Fields that change no answer here."""

OFF: dict[str, tuple[Any, ...]] = {
    "best_of": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "top_logprobs": (0,),
    "min_p": (0,),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
}
"""Values beside null, false and empty by which a field that is not followed says that it is off."""


class StreamOptions(BaseModel):
    """How an answer is streamed."""

    include_usage: bool = False


class Request(BaseModel):
    """What both kinds of requests have.

    Attributes:
        model: The served model's name.
        program: What answers: a program's notation, ``identity``, or ``predictor``; by default what
            the server is set to.
        max_tokens: New tokens at most.
        temperature: 0 is greedy, the default: programs were found that way.
        top_p: Only the likeliest tokens that together reach this probability are drawn.
        top_k: Only so many of the likeliest tokens are drawn.
        seed: Of the draws; a random one by default.
        n: Answers to each prompt.
        stop: Texts that end an answer and do not appear in it.
        stream: Send pieces as they come.
        stream_options: See there.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    program: str | None = Field(None, max_length=10_000)
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=100, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1)
    seed: int | None = None
    n: int | None = Field(None, ge=1, le=128)
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_off(cls, fields: Any) -> Any:  # noqa: ANN401
        """Drop fields that are off or change nothing; others that are not known are refused."""
        if not isinstance(fields, dict):
            return fields
        return {
            name: value for name, value in fields.items() if not cls._means_nothing(name, value)
        }

    @classmethod
    def _means_nothing(cls, name: str, value: Any) -> bool:  # noqa: ANN401
        if name in cls.model_fields:
            return False
        off = value is None or value is False or value in ([], {}, "")
        return name in IGNORED or off or value in OFF.get(name, ())

    @property
    def asked(self) -> list[Any]:
        """The prompts, in the words of `polar_search.serving.completion`."""
        raise NotImplementedError

    @property
    def new_tokens(self) -> int | None:
        """New tokens at most; None for as many as there is room for."""
        return self.max_tokens

    @property
    def stops(self) -> list[str]:
        """The stops; an empty text would end every answer before it begins.

        Raises:
            ConfigError: There is one.
        """
        stops = [self.stop] if isinstance(self.stop, str) else list(self.stop or ())
        if "" in stops or len(stops) > 16:
            raise ConfigError(
                f"expected at most 16 stops of one character or more, received {len(stops)}, "
                f"{stops.count('')} of them empty; leave some out"
            )
        return stops


class CompletionRequest(Request):
    """A request to ``/v1/completions``.

    Attributes:
        prompt: A text or the token ids of one, or a list of these.
    """

    prompt: str | list[int] | list[str] | list[list[int]]

    @property
    def asked(self) -> list[Any]:
        """The prompts."""
        several = isinstance(self.prompt, list) and not isinstance((self.prompt or [0])[0], int)
        return list(self.prompt) if several else [self.prompt]

    @property
    def new_tokens(self) -> int | None:
        """New tokens at most; OpenAI's default is 16."""
        return self.max_tokens or 16


class TextPart(BaseModel):
    """A part of a message's content; only texts are read."""

    type: str = Field(pattern="^text$")
    text: str


class ChatMessage(BaseModel):
    """A turn of a conversation. What else clients send back of an answer plays no part."""

    role: str
    content: str | list[TextPart] | None = None
    tool_calls: None = None
    function_call: None = None

    @property
    def plain(self) -> dict[str, str]:
        """As chat templates take it."""
        content = self.content or ""
        text = content if isinstance(content, str) else "".join(part.text for part in content)
        return {"role": self.role, "content": text}


class ChatRequest(Request):
    """A request to ``/v1/chat/completions``.

    Attributes:
        messages: The conversation.
        max_completion_tokens: The newer name of ``max_tokens``.
    """

    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)

    @property
    def asked(self) -> list[Any]:
        """The conversation, as the only prompt."""
        return [[message.plain for message in self.messages]]

    @property
    def new_tokens(self) -> int | None:
        """New tokens at most, by either name."""
        return self.max_completion_tokens or self.max_tokens
