"""Training end to end on the bundled model: it learns, goes on, repeats itself and says no."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from polar_search import cli
from polar_search.errors import ConfigError, PredictorError, RunError
from polar_search.execution import ProgramEngine
from polar_search.models import locate
from polar_search.predictor.config import TrainConfig
from polar_search.predictor.labels import read_labels
from polar_search.predictor.network import HeadShape, ProgramHead
from polar_search.predictor.predictor import Predictor
from polar_search.predictor.supervised import path_loss, structure_loss, structure_targets
from polar_search.predictor.trainer import Epoch, best_epoch, schedule
from polar_search.predictor.training import train
from polar_search.program import Program
from polar_search.tasks import TASKS

SMALL = TrainConfig(
    width=32, batch=8, epochs=3, reinforce_epochs=1, samples=2, val_limit=3, threads=1
)


@pytest.fixture(scope="module")
def trained(searched, tmp_path_factory):
    out = tmp_path_factory.mktemp("predictor")
    return train(searched, out, SMALL), out


def weights_of(training):
    return training.predictor.head.state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_epochs_tell_what_was_executed(trained):
    training, _ = trained
    stages = [(epoch.stage, epoch.epoch) for epoch in training.history]
    assert stages == [("supervised", i) for i in range(4)] + [("reinforce", i) for i in range(2)]
    for epoch in training.history:
        assert 0 <= epoch.accuracy <= 1
        assert epoch.value == epoch.accuracy  # no price of depth
        assert 1 <= epoch.distinct <= epoch.distinct_top
    losses = [epoch.loss for epoch in training.history if epoch.stage == "supervised"][1:]
    assert losses[-1] < losses[0]


def test_the_same_seed_trains_the_same_and_another_does_not(searched, trained, tmp_path):
    training, _ = trained
    again = train(searched, tmp_path / "again", SMALL)
    other = train(searched, tmp_path / "other", replace(SMALL, seed=1))
    assert again.history == training.history
    assert same(weights_of(again), weights_of(training))
    assert other.history != training.history


@pytest.mark.parametrize("stop_at", [1, 3, 4])
def test_an_interrupted_training_goes_on_to_the_same_end(searched, trained, tmp_path, stop_at):
    seen: list[Epoch] = []

    def interrupt(epoch):
        seen.append(epoch)
        if len(seen) == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(searched, tmp_path, SMALL, interrupt)
    assert not (tmp_path / "model.safetensors").exists()
    resumed = train(searched, tmp_path, SMALL)
    assert resumed.history == trained[0].history
    assert same(weights_of(resumed), weights_of(trained[0]))


def test_a_predictor_is_what_was_saved(trained, engine):
    training, out = trained
    loaded = Predictor.from_pretrained(out, engine)
    prompts = [example.question for example in TASKS.load("tracking")().examples("val")[:3]]
    ranked = loaded.rank(prompts, 4)
    assert ranked == training.predictor.rank(prompts, 4)
    assert all(len(row) == 4 for row in ranked)
    assert same(loaded.head.state_dict(), weights_of(training))
    for row in loaded.rank(prompts, 4, decoding="paper"):
        assert 1 <= len({program for program, _ in row}) == len(row)
    card = (out / "README.md").read_text()
    assert engine.fingerprint in card
    assert "base:2" in card


def test_a_predictor_of_another_model_is_refused(trained):
    task = TASKS.load("arithmetic")()
    other = ProgramEngine.from_pretrained(locate("bundled-arithmetic", task))
    with pytest.raises(PredictorError, match=r"expected the model that .* was trained for"):
        Predictor.from_pretrained(trained[1], other)


@pytest.mark.parametrize(
    "config", [None, "{", '{"format": "another"}', '{"format": "polar-search predictor"}']
)
def test_what_is_no_predictor_is_refused(engine, tmp_path, config):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(PredictorError, match="expected a predictor's folder"):
        Predictor.from_pretrained(tmp_path, engine)


def test_broken_weights_are_refused(trained, engine, tmp_path):
    (tmp_path / "config.json").write_text((trained[1] / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(PredictorError, match="expected the weights of a predictor"):
        Predictor.from_pretrained(tmp_path, engine)


def test_a_loss_that_is_no_number_ends_the_training(searched, tmp_path):
    with pytest.raises(PredictorError, match="expected a finite loss"):
        train(searched, tmp_path, replace(SMALL, lr=1e30, epochs=5, warmup=0))


def test_another_configuration_is_refused(searched, trained):
    with pytest.raises(RunError, match="width = 32, received 64"):
        train(searched, trained[1], replace(SMALL, width=64))


def test_a_predictor_needs_a_tokenizer(trained, engine):
    with pytest.raises(PredictorError, match="expected an engine with a tokenizer"):
        Predictor.from_pretrained(trained[1], ProgramEngine(engine.model))


@pytest.mark.parametrize("encoder", ["base:x", "base:9", "./nowhere"])
def test_an_encoder_that_is_missing(searched, tmp_path, encoder):
    with pytest.raises(PredictorError, match="expected"):
        train(searched, tmp_path, replace(SMALL, encoder=encoder))
    assert not list(tmp_path.iterdir())  # so that the right one may follow


@pytest.mark.parametrize(
    "options", [{"epochs": -1}, {"lr": 0}, {"samples": 1, "reinforce_epochs": 1}, {"replay": -1}]
)
def test_options_that_cannot_work(options):
    with pytest.raises(ConfigError, match="expected"):
        TrainConfig(**options)


def test_both_losses_fall_towards_the_labels(searched):
    """The structure's loss is above the path's: a path has more structures than its canonical."""
    labels = read_labels(searched).labels
    torch.manual_seed(0)
    head = ProgramHead(HeadShape(8, 16, width=32))
    inputs = torch.randn(len(labels), 3, 16), torch.zeros(len(labels), 3, dtype=torch.bool)
    starts, operations = structure_targets(labels, 2)
    structure = structure_loss(head(*inputs), starts, operations)
    path = path_loss(head(*inputs), labels)
    assert path < structure


def test_the_structure_loss_by_hand():
    """K2 S1 R1 at even chances: 3 boundaries of 1/2 and 3 operations of 1/3."""
    from polar_search.predictor.labels import Label
    from polar_search.tasks import Example

    label = Label(Example("a", 1, "", ""), (Program.parse("K2 S1 R1"),), (1.0,))
    starts, operations = structure_targets([label], 2)
    assert starts.tolist() == [[1, 0, 1, 1]]
    from polar_search.predictor.distribution import PathDistribution

    even = PathDistribution(torch.zeros(1, 4), torch.zeros(1, 4, 3), 4)
    want = 3 * torch.tensor(2.0).log() + 3 * torch.tensor(3.0).log()
    assert structure_loss(even, starts, operations).item() == pytest.approx(want.item())


def test_the_network_has_the_papers_size():
    """About 2.1 million at d = 256, D = 28, on an encoder of width 1,024."""
    head = ProgramHead(HeadShape(28, 1024))
    assert head.num_parameters() == pytest.approx(2.1e6, rel=0.02)


def test_the_best_epoch_is_a_trained_one():
    def epoch(stage, number, value):
        return Epoch(stage, number, None, value, 8.0, value, 0.0, 1, 1, 0.0)

    start, one, two = (epoch("supervised", i, v) for i, v in enumerate((0.9, 0.5, 0.7)))
    again, better = epoch("reinforce", 0, 0.7), epoch("reinforce", 1, 0.8)
    assert best_epoch([start]) is start
    assert best_epoch([start, one]) is one
    assert best_epoch([start, one, two, again]) is two
    assert best_epoch([start, one, two, again, better]) is better


def test_the_learning_rate_rises_and_falls():
    rates = [schedule(step, 110, 10) for step in range(111)]
    assert rates[0] == 0.1
    assert max(rates) == rates[10] == 1
    assert rates[60] == pytest.approx(0.5)
    assert rates[110] == pytest.approx(0)


def test_the_command_trains_and_says_what_it_did(searched, tmp_path, capsys):
    options = [
        "--width",
        "32",
        "--epochs",
        "1",
        "--threads",
        "1",
        "--val-limit",
        "2",
        "--depth-price",
        "0.1",
    ]
    assert cli.main(["train", str(searched), *options, "--out", str(tmp_path / "p")]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "supervised 1: loss" in out
    assert "best: supervised epoch" in out
    history = json.loads((tmp_path / "p" / "training" / "history.json").read_text())
    assert set(history[0]) == set(asdict(Epoch("supervised", 0, None, *[0] * 7)))


def test_mistakes_of_the_command(searched, tmp_path, capsys):
    assert cli.main(["train", str(tmp_path)]) == 2
    assert "expected a run folder" in capsys.readouterr().err
    assert cli.main(["train", str(searched), "--lr", "much"]) == 2
    assert "expected --lr to be a number, received 'much'" in capsys.readouterr().err
