"""What docs/environment.md shows works as it stands there."""

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "environment.md").read_text(encoding="utf-8")


def test_an_episode_and_a_vector_as_documented(capsys):
    episode, vector, _ = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    names = {"ids": ["tracking-train-1-001"] * 256}
    exec(compile(episode, "environment.md", "exec"), names)
    program, *_, reward = capsys.readouterr().out.split()
    assert program[0] in "KSR"
    assert -0.2 <= float(reward) < 1
    exec(compile(vector, "environment.md", "exec"), names)
    assert names["infos"]["example_id"].tolist() == names["ids"]
