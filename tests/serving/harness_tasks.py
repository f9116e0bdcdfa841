"""Tasks of the harness over a few examples of a bundled task, as files."""

from __future__ import annotations

import json

import yaml

from polar_search.tasks.bundled import Tracking

WRONG = ("zz", "00", "qx9")


def write_tasks(folder, limit=20):
    """Tasks that generate, choose among answers, and measure perplexity."""
    examples = Tracking().examples("val")[:: 500 // limit]
    rows = [
        {"text": e.question, "answer": e.answer, "choices": [*WRONG, e.answer], "label": len(WRONG)}
        for e in examples
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shared = {
        "dataset_path": "json",
        "dataset_kwargs": {
            "data_files": {"test": str(folder / "data.jsonl")},
            "cache_dir": str(folder / "cache"),
        },
        "test_split": "test",
        "doc_to_text": "{{text}}",
        "doc_to_target": "{{answer}}",
    }
    tasks = {
        "tracking_generate": {
            "output_type": "generate_until",
            "generation_kwargs": {"until": ["\n"], "max_gen_toks": 3},
            "metric_list": [metric("exact_match")],
        },
        "tracking_choose": {
            "output_type": "multiple_choice",
            "doc_to_choice": "choices",
            "doc_to_target": "label",
            "target_delimiter": "",
            "metric_list": [metric("acc"), metric("acc_norm")],
        },
        "tracking_perplexity": {
            "output_type": "loglikelihood_rolling",
            "doc_to_text": "",
            "doc_to_target": "{{text}}{{answer}}",
            "metric_list": [
                {"metric": "byte_perplexity", "aggregation": "weighted_perplexity"},
            ],
        },
    }
    for name, own in tasks.items():
        text = yaml.safe_dump({"task": name, **shared, **own})
        (folder / f"{name}.yaml").write_text(text)
    return list(tasks)


def metric(name):
    return {"metric": name, "aggregation": "mean", "higher_is_better": True}
