"""When the client, not the server, was the limit of a load level, and who says so."""

import pytest

from nobs.schema.enums import Backend, Status
from nobs.schema.flags import FlagName
from nobs.schema.server import Locality, ServerRef
from nobs.tasks.chat.client_cost import ClientCost
from nobs.tasks.chat.levels import Level
from nobs.tasks.chat.load_checks import load_contradictions_of
from nobs.tasks.chat.load_figures import knee_of, level_figures
from nobs.tasks.chat.load_lines import load_lines
from nobs.tasks.chat.load_report import LoadLevel, LoadTable
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.report import LlmModelReport
from tests.fakes.llm_records import answered


def cost(**changes: object) -> ClientCost:
    idle = {"processes": 2, "cpu_share": 0.3, "cpu_cores": 0.5, "lag_mean_s": 4e-4,
            "lag_p99_s": 2e-3}  # fmt: skip
    return ClientCost.model_validate(idle | changes)


BUSY = cost(cpu_share=0.95, cpu_cores=1.8)


def level(concurrency: int, rate: float, client: ClientCost | None) -> LoadLevel:
    records = [answered(0, 100, 200)]
    figures = level_figures(Level(concurrency=concurrency), records)
    return figures.model_copy(update={"tokens_per_sec": rate, "client": client})


def report(*levels: LoadLevel, knee: int | None = None) -> LlmModelReport:
    load = LoadTable(levels=levels, arrivals="poisson", seed=1, knee=knee)
    return LlmModelReport(model_name="m", device=Backend.CPU, status=Status.OK, load=load)


@pytest.mark.parametrize(
    ("client", "latency_s", "limit"),
    [
        (cost(), 0.1, None),
        (cost(cpu_share=0.8), 0.1, None),
        (BUSY, 0.1, "a client process used 95.0 % of a core"),
        # A lag counts in relation to the answers, beyond the resolution of timers.
        (cost(lag_mean_s=0.02), 0.1, "the client was 19.0 ms late on average"),
        (cost(lag_mean_s=0.02), 1.0, None),
        (cost(lag_mean_s=0.001), 0.001, None),
        (cost(lag_mean_s=0.02), None, None),
    ],
)
def test_a_busy_or_late_client_is_the_limit(
    client: ClientCost, latency_s: float | None, limit: str | None
) -> None:
    assert client.find_limit(latency_s) == limit


def test_the_terminal_names_the_level_and_what_failed_in_the_client() -> None:
    broken = BUSY.model_copy(update={"error": "a client process ended with exit code -9"})
    lines = list(load_lines(report(level(256, 100.0, cost()), level(512, 101.0, broken))))

    assert lines[3:] == [
        "  512 at once: a client process used 95.0 % of a core and may be the limit",
        "  512 at once: a client process ended with exit code -9",
    ]
    assert max(map(len, lines)) <= 80


def test_a_flag_names_the_first_level_and_counts_the_others() -> None:
    model = report(level(256, 1.0, cost()), level(512, 2.0, BUSY), level(1024, 2.0, BUSY))
    server = ServerRef(
        provider="openai", base_url="http://127.0.0.1:1/v1", model="m", locality=Locality.LOCAL
    )

    (flag,) = DEFINITION.find_flags(model.model_copy(update={"server": server}))

    assert flag.name is FlagName.CLIENT_LIMIT
    assert flag.message == (
        "The client, not the server, may have been the limit at 512 concurrent requests, and at"
        " 1 more load levels: a client process used 95.0 % of a core."
    )


def test_no_flag_without_a_limit() -> None:
    assert not list(DEFINITION.find_flags(report(level(1, 1.0, cost()), level(2, 2.0, None))))


def test_a_sweep_that_the_client_ended_has_no_knee() -> None:
    grown, stopped = level(256, 100.0, cost()), level(512, 101.0, cost())

    assert knee_of([grown, stopped]) == 256
    assert knee_of([grown, stopped.model_copy(update={"client": BUSY})]) is None


@pytest.mark.parametrize(
    ("client", "failures", "fault"),
    [
        (cost(), {}, None),
        (cost(cpu_cores=0.7), {}, "client.cpu_cores is more than all processes"),
        (cost(error="it ended"), {}, "client.error must be given"),
        (cost(), {"client": 1}, "client.error must be given"),
        (cost(error="it ended"), {"client": 1}, None),
        (cost(), {"cut": 2}, "2 failures are more than all 1 requests"),
    ],
)
def test_costs_fit_the_level(
    client: ClientCost, failures: dict[str, int], fault: str | None
) -> None:
    figures = level(1, 1.0, client).model_copy(update={"failures": failures})
    load = LoadTable(levels=(figures,), arrivals="poisson", seed=1, knee=None)

    found = list(load_contradictions_of(load))

    assert len(found) == (fault is not None)
    assert all(f"load level 1: {fault}" in text for text in found)


def test_a_saturation_behind_which_the_client_was_the_limit_is_refused() -> None:
    levels = (level(256, 100.0, cost()), level(512, 101.0, BUSY))
    load = LoadTable(levels=levels, arrivals="poisson", seed=1, knee=256)

    assert list(load_contradictions_of(load)) == [
        "load: knee is 256, but beyond it the client was the limit, not the server"
    ]
    assert not list(load_contradictions_of(load.model_copy(update={"knee": None})))
    fine = load.model_copy(update={"levels": (levels[0], level(512, 101.0, cost()))})
    assert not list(load_contradictions_of(fine))
