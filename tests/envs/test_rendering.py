"""What a program looks like."""

import gymnasium
import numpy as np

from polar_search.envs import ENV_ID, ProgramOfLayersVectorEnv
from polar_search.envs.rendering import CELL, GAP

EXAMPLE = "tracking-train-1-001"


def test_text_shows_executions_segments_and_what_is_undecided():
    env = gymnasium.make(ENV_ID, render_mode="ansi")
    env.reset(options={"example_id": EXAMPLE})
    assert env.render() == f"{EXAMPLE} ........"
    env.step(1)
    env.step(9)
    red, green, blue = ("\x1b[" + code for code in ("31m0", "32m1", "34m2"))
    shown = env.render().replace("\x1b[0m", "")
    assert shown == f"{EXAMPLE} |{red}{red}|{blue}{blue}...."
    env.step(5)
    assert green in env.render()
    env.step(-1)
    assert env.render().endswith(" invalid action")


def test_images_have_one_colour_for_each_layer():
    env = gymnasium.make(ENV_ID, render_mode="rgb_array")
    env.reset(options={"example_id": EXAMPLE})
    assert env.render().shape == (CELL, 8 * CELL, 3)
    for action in (1, 9, 7):
        env.step(action)
    image = env.render()
    assert image.dtype == np.uint8
    middles = [tuple(image[CELL // 2, CELL * i + CELL // 2].tolist()) for i in range(8)]
    assert middles[0] == middles[1]
    assert middles[2] == middles[3]
    assert len(set(middles)) == 3
    border = image[CELL // 2, 2 * CELL - GAP // 2 : 2 * CELL + GAP // 2]
    assert not border.any()  # a gap between segments, and none within
    assert image[CELL // 2, CELL - 1].tolist() == list(middles[0])


def test_a_vector_has_a_frame_for_each_episode():
    envs = ProgramOfLayersVectorEnv(3, render_mode="rgb_array")
    envs.reset(seed=0)
    assert [frame.shape for frame in envs.render()] == [(CELL, 8 * CELL, 3)] * 3
    silent = ProgramOfLayersVectorEnv(3)
    silent.reset(seed=0)
    assert silent.render() is None
