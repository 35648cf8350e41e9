"""`embeddings/1` at full size with random weights, shortened: natively and in a container."""

from typing import Any

from nobs.catalog import load_catalog

ROWS = 4
FULL_SIZE = (
    "--task", "embeddings", "--weights", "random", "--rows", str(ROWS), "--repeats", "1", "--json",
)  # fmt: skip


def check_full_size(report: dict[str, Any]) -> None:
    """Assert that both models have all their weights, and that nothing was truncated away."""
    (task,) = report["tasks"]
    catalog = load_catalog()
    assert task["workload"]["name"] == "embeddings/1"
    assert {name: model["parameters"] for name, model in task["models"].items()} == {
        pin.id: catalog.architectures[pin.id].parameters
        for pin in catalog.workloads["embeddings/1"].models
    }
    for model in task["models"].values():
        assert (model["status"], len(model["all_runs"])) == ("ok", 1)
        assert model["tokens"] > ROWS * 200
        assert "random-weights" in {flag["name"] for flag in model["flags"]}
