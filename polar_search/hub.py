"""The Hub without its patience: where it cannot be reached, its client would try for a minute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 5.0


@contextmanager
def cache_unless_reached(name: str, kind: str) -> Iterator[None]:
    """While the Hub does not answer for a repository, look for it in the local cache alone.

    Args:
        name: A Hub id; nothing happens for a local folder.
        kind: `model` or `dataset`.
    """
    import huggingface_hub.constants as hub

    before = hub.HF_HUB_OFFLINE
    if not before and not Path(name).exists() and not reached(name, kind):
        hub.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        hub.HF_HUB_OFFLINE = before


def reached(name: str, kind: str) -> bool:
    """Whether the Hub answers for a repository, even that there is none; asked once, briefly."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        HfApi().repo_info(name, repo_type=kind, timeout=SECONDS)
    except (HfHubHTTPError, HFValidationError):
        return True
    except Exception:  # the client's network library is not ours to name
        return False
    return True
