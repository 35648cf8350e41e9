"""Honest reports as files would have them, made from samples that fit their phases and pins."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from nobs.catalog import load_catalog
from nobs.data.architectures import random_model
from nobs.launch.planning.plan import make_plan
from nobs.report.build import build_report
from nobs.schema.enums import Dtype, Execution, Status
from nobs.schema.pins import ModelPin, Workload
from nobs.schema.report import Report
from nobs.schema.result import (
    Calibration,
    DataEvidence,
    DeviceCheck,
    Phases,
    Sample,
    StepResult,
    WeightsEvidence,
)
from nobs.schema.spec import RunSpec
from nobs.schema.telemetry import (
    DeviceKind,
    DeviceTelemetry,
    Evidence,
    Figure,
    Telemetry,
    Throttling,
)
from nobs.storage.files import digest_of, to_json
from nobs.tasks.text_embeddings.params import EmbeddingsParams
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request

TIMES_S = (1.0123456789012345, 1.0098765432109876, 1.0111111111111112, 1.0101010101010102,
           1.0122222222222221, 1.0107070707070707, 1.0112233445566778)  # fmt: skip
type Document = dict[str, Any]


def honest_report(
    times_s: Sequence[float] = TIMES_S, *, is_interrupted: bool = False, **words: Any
) -> Report:
    """Return the report of a run whose every step took `times_s` for its repeats."""
    defaults = {"tasks": ("embeddings",), "execution": Execution.NATIVE, "profile": "quick"}
    request = make_request(**defaults | words)
    spec = _aged(make_plan(request, load_catalog(), make_facts()).spec)
    results = {
        step.id: _result(spec.workload_of(step), step.id, step.model, times_s)
        for step in spec.steps
    }
    if is_interrupted:
        cut = {"interrupted_after": len(times_s)}
        results = {step: result.model_copy(update=cut) for step, result in results.items()}
    return build_report(spec, results, finished=True)


def honest_document(**words: Any) -> Document:
    """Return the JSON of an honest report."""
    document: Document = json.loads(to_json(honest_report(**words)))
    return document


def sealed(document: Document) -> Document:
    """Return `document` with a digest that fits, as a forger would."""
    return {**document, "digest": digest_of(document)}


def _aged(spec: RunSpec) -> RunSpec:
    return spec.model_copy(update={"created": datetime.now(UTC) - timedelta(minutes=10)})


def _calibration(flop_per_s: float) -> Calibration:
    return Calibration(
        dtype=Dtype.FLOAT32, tf32=False, matmul_size=2048, matmul_flop_per_s=flop_per_s,
        copy_bytes=1 << 28, copy_bytes_per_s=1.7e10, duration_s=0.4,
    )  # fmt: skip


def _telemetry(span_s: float, timed_s: float) -> Telemetry:
    """Return what a processor with a power meter tells: 40 W at work, 10 W idle."""
    silent = Figure.absent("no such sensor")

    def told(value: float) -> Figure:
        return Figure(value=value, evidence=Evidence.MEASURED, how="a meter")

    device = DeviceTelemetry(
        name="A processor", kind=DeviceKind.CPU, reader="rapl", idle_power_w=told(10.0),
        mean_power_w=told(40.0), peak_power_w=told(44.0), energy_j=told(40.0 * span_s),
        integrated_energy_j=silent, net_energy_j=told(30.0 * span_s), utilisation=told(0.9),
        memory_peak_bytes=silent, clock_min_hz=silent, clock_median_hz=silent,
        memory_clock_median_hz=silent, temperature_max_c=silent, foreign_processes=silent,
        throttling=Throttling(evidence=Evidence.ABSENT, how="no such sensor"),
    )  # fmt: skip
    return Telemetry(interval_s=0.1, samples=int(span_s / 0.1), span_s=span_s, timed_s=timed_s,
                     baseline_s=2.0, devices=(device,))  # fmt: skip


def _weights(model: ModelPin) -> WeightsEvidence:
    if model.random:
        return random_model(model).weights
    files = {model.weights_file or "model.safetensors": model.weights_sha256 or "1" * 64}
    return WeightsEvidence(files=files, verified=True, revision=model.revision)


def _result(workload: Workload, step: str, model: ModelPin, times_s: Sequence[float]) -> StepResult:
    check = DeviceCheck(
        device="cpu", device_name="x86_64", passed=True, max_error=0.0, duration_s=0.1
    )
    rows, now, params = workload.dataset.rows, datetime.now(UTC), workload.params
    assert isinstance(params, EmbeddingsParams)
    times_s = times_s[: workload.policy.repeats]
    starts = [sum(times_s[:index]) + 0.01 * index for index in range(len(times_s))]
    return StepResult(
        step=step, task=workload.task, model=model.id, status=Status.OK,
        started=now - timedelta(minutes=9), finished=now,
        samples=tuple(
            Sample(start_s=start, duration_s=time, units=rows, cpu_time_s=2 * time,
                   foreign_cpu_s=0.01)
            for start, time in zip(starts, times_s, strict=True)
        ),
        phases=Phases(import_s=4.5, load_s=0.7, warmup_s=1.1, measure_s=sum(times_s) + 0.5),
        data=DataEvidence(rows=rows, rows_sha256=workload.dataset.rows_sha256 or "0" * 64,
                          rows_verified=True,
                          file_sha256=workload.dataset.file_sha256 or "2" * 64),
        weights=_weights(model),
        facts={"embedding_dimension": 384, "dtype": params.dtype,
               "max_seq_length": params.max_seq_length,
               "batch_size": params.batch_size, "tokens": 200 * rows,
               "padded_tokens": 220 * rows, "truncated_rows": 3, "parameters": 22_713_216,
               "work": {"flop_method": "formula", "model_flop": 4.2e11, "padded_flop": 4.6e11,
                        "weights_bytes": 85_000_000 * 7}},
        calibrations=(_calibration(9.1e11), _calibration(8.9e11)),
        telemetry=_telemetry(starts[-1] + times_s[-1], sum(times_s)),
        checks=(check, check),
        environment={"python": "3.12.1", "torch": {"threads": 2},
                     "host": {"hypervisor": "KVM", "on_battery": False}},
    )  # fmt: skip
