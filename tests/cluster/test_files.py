"""The cluster files are what Ray's launcher accepts."""

import json
from pathlib import Path

import jsonschema
import pytest
import ray.autoscaler
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.runtime_env import RuntimeEnv

FOLDER = Path(__file__).parents[2] / "experiments" / "cluster"
SCHEMA = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
CLUSTERS = ["aws", "gcp", "local"]


@pytest.mark.parametrize("name", CLUSTERS)
def test_cluster_files_are_valid_as_they_stand_and_with_ray_s_defaults(name):
    config = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    jsonschema.validate(config, SCHEMA)
    validate_config(prepare_config(config))
    assert config["provider"]["type"] == name


@pytest.mark.parametrize("name", ["aws", "gcp"])
def test_clouds_have_gpu_workers_and_none_on_the_head(name):
    config = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    types = config["available_node_types"]
    assert types["gpu"]["resources"]["GPU"] >= 1
    assert types["gpu"]["min_workers"] >= 1
    assert types[config["head_node_type"]]["resources"] == {"CPU": 0}


def test_a_mistake_in_a_cluster_file_would_be_found():
    config = yaml.safe_load((FOLDER / "aws.yaml").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config | {"max_worker": 3}, SCHEMA)


def test_the_runtime_environment_is_one():
    values = yaml.safe_load((FOLDER / "runtime_env.yaml").read_text())
    shipped = RuntimeEnv(**{**values, "working_dir": "https://example.org/package.zip"})
    assert shipped["pip"]["packages"] == ["${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}[cluster]"]
    assert all(isinstance(value, str) for value in shipped["env_vars"].values())


def test_all_files_are_tested():
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names == {*CLUSTERS, "runtime_env"}
