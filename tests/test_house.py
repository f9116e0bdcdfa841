"""The house: public names, packages, and what is built from the repository."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import polar_search
from polar_search.cli import COMMANDS
from polar_search.models import bundled_names
from polar_search.tasks import SPLITS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ON_TOP = ("agents", "envs")
"""Folders that stand at the top and are imported as `polar_search.*`."""


def modules():
    """Names of all modules in the repository, as they are imported."""
    for folder in ("polar_search", *ON_TOP):
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            yield f"polar_search.{name}" if folder in ON_TOP else name


def test_every_folder_with_code_is_packaged():
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("polar_search/**/*.py")}
    folders |= {Path(name) for name in ON_TOP if (ROOT / name).is_dir()}
    names = {".".join(folder.parts) for folder in folders}
    packages = {f"polar_search.{name}" if name in ON_TOP else name for name in names}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages


def test_the_base_install_is_the_core_and_little_more():
    names = {re.split(r"[\[>=]", line)[0] for line in PROJECT["project"]["dependencies"]}
    assert names >= {"torch", "transformers", "ray", "optuna", "gymnasium", "datasets"}
    assert len(names) <= 17, "others belong into an extra"


def test_public_names_resolve_and_are_seen_by_type_checkers():
    source = Path(polar_search.__file__).read_text()
    typed = re.findall(r"^    from \S+ import (\w+) as \1$", source, re.MULTILINE)
    assert sorted(typed) == polar_search.__all__
    for name in polar_search.__all__:
        assert getattr(polar_search, name).__doc__
    assert set(polar_search.__all__) <= set(dir(polar_search))
    with pytest.raises(AttributeError, match="no attribute 'Programme'"):
        _ = polar_search.Programme


def test_the_package_imports_nothing_slow():
    code = "import sys, polar_search, polar_search.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_a_module_and_says_so(name):
    assert f"polar_search.cli.{name.replace('-', '_')}" in modules()


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A wheel and a source distribution, made from a copy of the repository."""
    copy = tmp_path_factory.mktemp("built") / "repository"
    unwanted = ("*.egg-info", "__pycache__", "build", "dist", "runs")
    hidden = (path.name for path in ROOT.glob(".*"))
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*unwanted, *hidden))
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", str(copy)]
    subprocess.run(command, check=True, capture_output=True)
    return copy / "dist"


def wanted():
    """Files that an installed package must have."""
    data = {
        f"polar_search/tasks/data/{t}/{s}.jsonl" for t in ("arithmetic", "tracking") for s in SPLITS
    }
    weights = {f"polar_search/models/{name}/model.safetensors" for name in bundled_names()}
    tokenizers = {f"polar_search/models/{name}/tokenizer.json" for name in bundled_names()}
    pages = {f"polar_search/report/templates/{name}.html" for name in ("report", "explorer")}
    return {"polar_search/py.typed", *data, *weights, *tokenizers, *pages}


@pytest.mark.slow
def test_a_release_would_be_accepted(built):
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert len(list(built.iterdir())) == 2


@pytest.mark.slow
def test_a_wheel_holds_all_modules_weights_and_data(built):
    [wheel] = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wanted() <= names
    code = {name for name in names if name.endswith(".py")}
    importable = {re.sub(r"(/__init__)?\.py$", "", name).replace("/", ".") for name in code}
    assert importable == set(modules())
    assert wheel.stat().st_size < 25e6


@pytest.mark.slow
def test_a_source_distribution_holds_what_a_wheel_is_made_of(built):
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert wanted() <= names
    assert {"agents/random.py", "pyproject.toml", "README.md", "LICENSE"} <= names
    assert {"tests/test_house.py", "docs/start.ipynb", "constraints.txt", "mkdocs.yml"} <= names


@pytest.fixture(scope="session")
def installed(built, tmp_path_factory):
    """The commands of a fresh environment with the wheel, which borrows what the wheel needs."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    [wheel] = built.glob("*.whl")
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index"]
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, capture_output=True)
    # A path file adds our packages, but not the editable installation among them.
    [own] = folder.glob("lib/*/site-packages")
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


@pytest.mark.slow
def test_an_installed_wheel_finds_its_agents_tasks_and_models(installed, tmp_path):
    def run(*arguments):
        command = [str(installed / "polar-search"), *arguments]
        wide = os.environ | {"COLUMNS": "1000"}
        options = {"capture_output": True, "text": True, "cwd": tmp_path, "env": wide}
        return subprocess.run(command, check=True, **options).stdout

    lines = [line.split()[:2] for line in run("list").splitlines()]
    plugins = PROJECT["project"]["entry-points"]
    for kind, names in (
        ("agent", plugins["polar_search.agents"]),
        ("task", plugins["polar_search.tasks"]),
        ("model", bundled_names()),
    ):
        assert [name for word, name in lines[1:] if word == kind] == sorted(names)
    assert "5 outcomes of 5 examples" in run("search", "--limit", "1", "--max-edits", "0")
    assert "Base" in run("stats", "runs/search")
    code = "import polar_search.agents; print(polar_search.agents.__file__)"
    python = [str(installed / "python"), "-c", code]
    found = subprocess.run(python, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert Path(found.stdout).is_relative_to(installed.parent)
