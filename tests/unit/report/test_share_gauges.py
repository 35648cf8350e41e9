"""The server's own figures in a merged load: the gauges that one client read."""

import json

from nobs.report.reading import typed
from nobs.report.shares import details_of, merge_shares
from nobs.report.validation import validate_document
from nobs.storage.files import to_json
from nobs.tasks.chat.load_report import LoadTable
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.server_report import ServerMetrics, ServerWindow
from tests.fakes.share_reports import share_report

SHARES = [share_report(index) for index in range(3)]


def watched(load: LoadTable) -> LoadTable:
    """The load of the client that reads the server's own figures: those of all clients."""
    window = ServerWindow(
        reads=9, running_before=0, running_mean=6.5, running_max=8, waiting_mean=0.5, waiting_max=2,
        kv_usage_max=0.97, preemptions=3, output_tokens=99, requests=25,
    )  # fmt: skip
    level = load.levels[0].model_copy(update={"server": window})
    return load.model_copy(update={"levels": (level,)})


def test_the_servers_own_figures_are_the_gauges_that_one_client_read() -> None:
    metrics = ServerMetrics(kind="vllm", repeats=ServerWindow(reads=9, requests=500))
    client = share_report(0, change=watched, metrics=metrics)
    (whole,), problems = merge_shares([client, *SHARES[1:]])
    (model,) = typed(whole).tasks[0].models.values()
    assert isinstance(model, ChatModelReport)

    assert problems == []
    assert model.load is not None
    assert model.load.merged is not None
    assert model.load.merged.watching == 0
    assert model.server_metrics == ServerMetrics(kind="vllm")
    assert model.load.levels[0].server == ServerWindow(
        reads=9, running_mean=6.5, running_max=8, waiting_mean=0.5, waiting_max=2,
        kv_usage_max=0.97,
    )  # fmt: skip
    assert "shared-server" not in {flag.name for flag in model.flags}
    lines = [line.strip() for line in details_of(whole)]
    assert "the server's own figures are those that client 0 read" in lines
    assert "the server's queue had up to 2 at 8 at once" in lines
    assert validate_document(json.loads(to_json(whole))).faults == ()


def test_requests_of_the_other_clients_are_not_those_of_other_users() -> None:
    metrics = ServerMetrics(kind="vllm")
    (model,) = share_report(0, change=watched, metrics=metrics).tasks[0].models.values()

    assert "shared-server" not in {flag.name for flag in model.flags}


def test_more_requests_than_all_clients_sent_are_those_of_other_users() -> None:
    def crowded(load: LoadTable) -> LoadTable:
        window = ServerWindow(reads=9, running_mean=9.0, running_max=12)
        level = load.levels[0].model_copy(update={"server": window})
        return load.model_copy(update={"levels": (level,)})

    client = share_report(0, change=crowded, metrics=ServerMetrics(kind="vllm"))
    (whole,), _ = merge_shares([client, *SHARES[1:]])
    (model,) = whole.tasks[0].models.values()

    assert "shared-server" in {flag.name for flag in model.flags}
