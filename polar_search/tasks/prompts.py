r"""What a model is shown: the wording of a question, and the chat template of its family.

The paper (appendix D.4) asks for the final answer alone, in a box, and shows it to Llama as plain
text, to Qwen2.5 and Qwen1.5-MoE in their chat template behind a system message, and to Qwen3 in
its chat template with thinking switched off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from polar_search.errors import ConfigError

Chat = Literal["auto", "always", "never"]
QUESTION = "{question}"
WORDINGS = {
    "paper": (
        "Solve the problem below. Output ONLY the final answer, directly and without explanation, "
        "formatted strictly as \\boxed{ANSWER}.\n"
        "### Problem Start\n{question}\n### Problem End\nAnswer:"
    ),
    "plain": "{question}\nAnswer:",
    "question": QUESTION,
}
"""Prompts by name; `{question}` stands for the question."""

SYSTEM = "You are a helpful assistant."
PLAIN_TEXT_FAMILIES = ("<|start_header_id|>", "[INST]", "<<SYS>>")
"""What the chat templates of Llama models hold, which the paper prompts without one."""


@dataclass(frozen=True)
class Prompter:
    """Makes prompts of questions.

    Attributes:
        wording: A name in `WORDINGS`, or a text of one's own with `{question}` in it.
        chat: Whether to use the tokenizer's chat template: by family as in the paper (`auto`; a
            family that the paper has not, if it has a template), always or never.
        system: The system message of a chat; empty for none.
    """

    wording: str = "paper"
    chat: Chat = "auto"
    system: str = SYSTEM

    def __post_init__(self) -> None:
        if QUESTION not in self.text:
            raise ConfigError(
                f"expected option 'prompt' to be {', '.join(WORDINGS)} or a text with {QUESTION} "
                f"in it, received '{self.wording}'; choose one, or write {QUESTION} where it goes"
            )

    @property
    def text(self) -> str:
        """The wording, with `{question}` for the question."""
        return WORDINGS.get(self.wording, self.wording)

    def __call__(self, question: str, tokenizer: Any) -> str:  # noqa: ANN401
        """The prompt of a question, for the model of `tokenizer`; None is one without a chat."""
        text = self.text.replace(QUESTION, question)
        if not self.chats(tokenizer):
            return text
        messages = [{"role": "user", "content": text}]
        if self.system:
            messages.insert(0, {"role": "system", "content": self.system})
        prompt: str = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        # The tokenizer puts its own beginning of text before every prompt.
        return prompt.removeprefix(tokenizer.bos_token or "")

    def chats(self, tokenizer: Any) -> bool:  # noqa: ANN401
        """Whether the model of `tokenizer` is shown a chat.

        Raises:
            ConfigError: It must be, and has no template.
        """
        template = getattr(tokenizer, "chat_template", None)
        if self.chat == "always" and tokenizer is not None and not template:
            raise ConfigError(
                "expected a tokenizer with a chat template for option chat 'always', received one "
                "without; choose 'auto' or 'never'"
            )
        if self.chat == "auto" and any(mark in (template or "") for mark in PLAIN_TEXT_FAMILIES):
            return False
        return bool(template) and self.chat != "never"
