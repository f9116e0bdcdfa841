"""The same sum in other words: arithmetic chains with their terms and factors in another order.

What `right_answers.py` asks a model to check itself with. It knows the laws of arithmetic and no
answer.
"""

from __future__ import annotations

import random
import re
import zlib

TRIES = 200
"""Orders drawn for a chain at most."""


def rewrites(question: str, count: int) -> list[str]:
    """Up to `count` different chains of the same value, the question itself first.

    Products and sums are put in another order; no chain begins with a minus.
    """
    rng = random.Random(zlib.crc32(question.encode()))
    terms = re.findall(r"([+-]?)([0-9*]+)", question.removesuffix("="))
    found = {question: None}
    for _ in range(TRIES):
        if len(found) == count:
            break
        parts = []
        for sign, product in terms:
            factors = product.split("*")
            rng.shuffle(factors)
            parts.append((sign or "+", "*".join(factors)))
        rng.shuffle(parts)
        if parts[0][0] == "+":
            found["".join(sign + product for sign, product in parts)[1:] + "="] = None
    return list(found)


def inverses(question: str, answer: str) -> list[tuple[str, str]]:
    """Chains and the values that they have if `answer` is right; a - b = c where c + b = a.

    Only for chains of two numbers, and none where the answer is no number.
    """
    chain = re.fullmatch(r"(\d+)([-+*])(\d+)=", question)
    if not chain or not re.fullmatch(r"-?\d+", answer):
        return []
    first, sign, second = chain.groups()
    if sign == "*":
        return [(f"{second}*{first}=", answer)]
    if sign == "-" and answer.startswith("-"):
        return [(f"{second}-{first}=", answer.removeprefix("-"))]
    if sign == "-":
        return [(f"{answer}+{second}=", first)]
    return [(f"{answer}-{second}=", first), (f"{second}+{first}=", answer)]
