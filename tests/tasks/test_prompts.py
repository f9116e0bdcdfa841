"""Prompts: the paper's wording, chat templates by family, and one's own."""

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from polar_search.errors import ConfigError
from polar_search.tasks.prompts import SYSTEM, Prompter

TURNS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
FAMILIES = {
    "base": None,
    "qwen2.5": TURNS,
    "qwen3": TURNS + "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}",
    "llama": "{% for m in messages %}<|start_header_id|>{{ m.role }}{{ m.content }}{% endfor %}",
    "gemma": "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}",
}


def tokenizer(family):
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token="<bos>")
    made.chat_template = FAMILIES[family]
    return made


def prompt(family, **options):
    return Prompter(**options)("How many?", family and tokenizer(family))


def test_the_papers_wording():
    text = prompt(None)
    assert text.endswith("\n### Problem Start\nHow many?\n### Problem End\nAnswer:")
    assert r"ONLY the final answer" in text.partition("\n")[0]
    assert r"formatted strictly as \boxed{ANSWER}" in text.partition("\n")[0]


def test_chat_templates_by_family_are_the_papers():
    text = prompt(None)
    assert prompt("base") == prompt("llama") == text
    chat = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{text}<|im_end|>\n"
    assert prompt("qwen2.5") == f"{chat}<|im_start|>assistant\n"
    assert prompt("qwen3") == f"{chat}<|im_start|>assistant\n<think>\n\n</think>\n\n"


def test_the_beginning_of_text_is_left_to_the_tokenizer():
    assert prompt("gemma", system="") == prompt(None)


def test_chats_are_a_choice():
    assert prompt("qwen3", chat="never") == prompt(None)
    assert prompt("llama", chat="always").startswith("<|start_header_id|>system")
    assert "system" not in prompt("qwen2.5", system="")
    with pytest.raises(ConfigError, match=r"a tokenizer with a chat template .* without"):
        prompt("base", chat="always")


def test_wordings_of_ones_own():
    assert prompt(None, wording="question") == "How many?"
    assert prompt(None, wording="Q: {question} A: {x}") == "Q: How many? A: {x}"
    assert Prompter("{question}")("What is {question}?", None) == "What is {question}?"
    with pytest.raises(ConfigError, match=r"or a text with {question} in it, received 'papr'"):
        Prompter("papr")
