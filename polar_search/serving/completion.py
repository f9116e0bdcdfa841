"""What a prompt is, and what comes back for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polar_search.errors import ConfigError, one_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from polar_search.execution import Generation
    from polar_search.execution.rows import FinishReason
    from polar_search.program import Program

Message = Mapping[str, str]
"""A turn of a conversation: `role` and `content`."""

Asked = str | Sequence[int] | Sequence[Message]
"""A prompt: a text, the token ids of one, or a conversation for the tokenizer's chat template."""


@dataclass(frozen=True)
class Completion:
    """The answer to one prompt.

    Attributes:
        prompt: As it was asked.
        text: New text, without special tokens.
        program: What answered.
        finish_reason: ``stop``, ``length``, or ``nan`` where the program's logits are no numbers.
        token_ids: New tokens, the end-of-text token included.
    """

    prompt: Asked
    text: str
    program: Program
    finish_reason: FinishReason
    token_ids: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Layers that the program executes for a token."""
        return self.program.depth

    @classmethod
    def of(cls, prompt: Asked, program: Program, generation: Generation) -> Completion:
        """What the engine generated, as an answer."""
        text, reason = generation.text or "", generation.finish_reason
        return cls(prompt, text, program, reason, generation.token_ids)


def plain(prompt: Asked, tokenizer: PreTrainedTokenizerBase) -> str | list[int]:
    """The text of a prompt, or its ids; a conversation in the template of the tokenizer.

    Raises:
        ConfigError: It is empty, neither text, ids nor conversation, or there is no template.
    """
    if isinstance(prompt, str):
        return _written(prompt)
    items: list[Any] = list(prompt) if isinstance(prompt, Sequence) else [None]
    if all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        return _known(items, len(tokenizer))
    if all(_is_message(item) for item in items):
        return _written(chat_prompt(items, tokenizer))
    raise ConfigError(
        "expected each prompt as text, token ids, or messages with 'role' and 'content', received "
        f"{str(prompt)[:80]}; write one of these"
    )


def _written(text: str) -> str:
    """Text that a tokenizer can read: some, and Unicode."""
    if not text:
        raise ConfigError("expected a prompt with some text, received an empty one; write some")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            "expected a prompt of Unicode text, received one with a lone surrogate "
            f"at character {error.start}; leave it out"
        ) from error
    return text


def chat_prompt(messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase) -> str:
    """A conversation in the tokenizer's chat template, ready for the assistant's turn.

    Raises:
        ConfigError: The tokenizer has no template, or its template refuses the messages.
    """
    from jinja2 import TemplateError

    if not tokenizer.chat_template:
        raise ConfigError(
            "expected a tokenizer with a chat template for messages, received one without; "
            "write the prompt as text"
        )
    try:
        text = tokenizer.apply_chat_template(
            [dict(message) for message in messages], tokenize=False, add_generation_prompt=True
        )
    except (TemplateError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"expected messages that the model's chat template takes, received {one_line(error)}; "
            "change roles or order"
        ) from error
    return str(text)


def _known(ids: list[int], vocabulary: int) -> list[int]:
    """Ids that the model knows: anything else would be an index error far inside."""
    outside = [i for i in ids if not 0 <= i < vocabulary]
    if outside:
        raise ConfigError(
            f"expected token ids from 0 to {vocabulary - 1}, received {outside[0]}; "
            "use this model's tokenizer"
        )
    return ids


def _is_message(item: object) -> bool:
    if not isinstance(item, Mapping) or not {"role", "content"} <= set(item):
        return False
    return isinstance(item["role"], str) and isinstance(item["content"], str)
