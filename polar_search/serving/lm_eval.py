"""`python -m polar_search.serving.lm_eval`: the harness's command `lm_eval`, with `polar` in it.

Versions of the harness that know plug-ins find `polar` by themselves; 0.4.13 does not.
"""

from __future__ import annotations

import sys

from polar_search.errors import ConfigError, PolarSearchError


def main() -> int:
    """Run the harness; a mistake of the user's is one line, and exit code 2."""
    try:
        run()
    except PolarSearchError as error:
        print(f"polar: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def run() -> None:
    """Register the model, and hand over to the harness.

    Raises:
        ConfigError: The harness is not installed.
    """
    try:
        from lm_eval.__main__ import cli_evaluate

        import polar_search.serving.harness  # noqa: F401 (registers the model)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"expected lm-evaluation-harness, received no package '{error.name}'; "
            "pip install 'polar-search[lm-eval]'"
        ) from error
    cli_evaluate()


if __name__ == "__main__":
    raise SystemExit(main())
