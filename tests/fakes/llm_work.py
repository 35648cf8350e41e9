"""The work of an LLM step against a scripted server."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from nobs.catalog import load_catalog
from nobs.schema.pins import RepeatPolicy, Workload
from nobs.schema.server import Connection, Locality, ModelIdentity, RequestShape, ServerRef
from nobs.tasks.base import Work
from nobs.tasks.chat.bench import ChatBench
from nobs.tasks.llms.params import (
    CacheParams,
    CheckedLlmParams,
    DepthParams,
    LlmParams,
    LlmsColdParams,
)
from tests.fakes.llm_answers import MODEL

WAIT_S = 20.0
PROMPTS = ("one", "two", "three")


def work(url: str, directory: Path, wait_s: float = WAIT_S, **params: Any) -> Work:
    workload = Workload(
        name="llms-test", version=1, task="llms",
        dataset=load_catalog().datasets["nobs/prompts"], models=(),
        params=LlmParams(max_output_tokens=16, **params), policy=RepeatPolicy(repeats=3),
    )  # fmt: skip
    server = ServerRef(provider="openai", base_url=url, model=MODEL, locality=Locality.LOCAL)
    return Work(
        model=load_catalog().models["gpt-oss-20b"], inputs=PROMPTS, workload=workload,
        directory=directory, server=server,
        connection=Connection(base_url=url, request_timeout_s=wait_s),
    )  # fmt: skip


def facts_of(bench: ChatBench, repeats: int = 3, *, warms_up: bool = True) -> dict[str, Any]:
    """Do what a step does and return the facts."""
    try:
        if warms_up:
            bench.load()
            bench.warm_up()
        for _ in range(repeats):
            bench.run()
        bench.measure_extra()
        return bench.facts()
    finally:
        bench.close()


def checked_work(url: str, directory: Path = Path(), **params: Any) -> Work:
    """The same work, with questions."""
    plain = work(url, directory)
    checked = CheckedLlmParams(max_output_tokens=16, question_tokens=8, **params)
    return replace(plain, workload=plain.workload.model_copy(update={"params": checked}))


def depth_work(
    url: str, directory: Path = Path(), identity: ModelIdentity | None = None, **params: Any
) -> Work:
    """Prompts of three depths, cut from numbered passages."""
    plain = work(url, directory)
    deep = DepthParams(max_output_tokens=16, depths=(100, 1000, 3000), **params)
    assert plain.server is not None
    return replace(
        plain,
        inputs=tuple(f"Passage {number}. " * 30 for number in range(100)),
        workload=plain.workload.model_copy(update={"params": deep}),
        connection=Connection(base_url=url),
        server=plain.server.model_copy(update={"identity": identity}),
    )


def served_work(url: str, directory: Path, model: str, **params: Any) -> Work:
    """The same work against a real server: slower, and with longer answers."""
    plain = work(url, directory)
    assert plain.server is not None
    longer = LlmParams(max_output_tokens=24, **params)
    return replace(
        plain,
        workload=plain.workload.model_copy(update={"params": longer}),
        server=plain.server.model_copy(update={"model": model}),
        connection=Connection(base_url=url),
    )


def cache_work(
    url: str,
    directory: Path = Path(),
    identity: ModelIdentity | None = None,
    shape: RequestShape | None = None,
    **params: int,
) -> Work:
    """A conversation of four turns, cut from numbered passages."""
    deep = depth_work(url, directory, identity)
    values = {"turns": 4, "system_chars": 2000, "user_chars": 300, "answer_chars": 100} | params
    caching = CacheParams.model_validate({"max_output_tokens": 16, **values})
    assert deep.server is not None
    return replace(
        deep,
        workload=deep.workload.model_copy(update={"params": caching}),
        server=deep.server.model_copy(update={"request": shape or RequestShape()}),
    )


def cold_work(server: ServerRef, directory: Path = Path()) -> Work:
    """Two short answers after each start of a server."""
    plain = work(server.base_url, directory)
    params = LlmsColdParams(max_output_tokens=8)
    return replace(
        plain,
        workload=plain.workload.model_copy(update={"params": params}),
        server=server,
        connection=Connection(base_url=server.base_url, request_timeout_s=60),
    )
