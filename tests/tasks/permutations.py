"""S_3 x S_3 computed in another way than the package does."""

import itertools
from functools import reduce


def product(word):
    """Product in S_3 x S_3, by composing permutations of three things, from left to right."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    group = list(itertools.permutations(range(3)))
    pairs = [tuple(group[i] for i in divmod(letters.index(c), 6)) for c in word]

    def then(one, other):
        return tuple(tuple(b[a[i]] for i in range(3)) for a, b in zip(one, other, strict=True))

    left, right = reduce(then, pairs)
    return letters[6 * group.index(left) + group.index(right)]
