"""What the reports of the stages say about the box: nothing is measured a second time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nobs.errors import NobsError
from nobs.launch.doctor.check import Check
from nobs.report.definitions import find_definition
from nobs.report.reading import read_figures, typed
from nobs.schema.enums import Backend, Status
from nobs.schema.flags import FlagName, Severity
from nobs.schema.report import ModelReport, Report
from nobs.schema.telemetry import DeviceKind, DeviceTelemetry, Evidence
from nobs.storage.rundir import RunDir
from nobs.units import format_bytes, format_share

MAX_ENERGY_DIFFERENCE = 0.1
MAX_LEFT_BYTES = 32 << 20
"""As in tests/gpu: what libraries keep, as their own workspaces, is less."""
MIN_MFU = 0.5
SEND = "Send this directory: it holds the readings."


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One model of one run."""

    run: str
    task: str
    model: ModelReport

    @property
    def label(self) -> str:
        """Name of the model and its run."""
        return f"{self.model.model_name.rpartition('/')[2]} in {self.run}"


def read_models(run_dirs: Sequence[RunDir]) -> list[Measured]:
    """Return the models of the runs that have left a report."""
    found = []
    for run_dir in run_dirs:
        try:
            report: Report = typed(run_dir.read_report())
        except NobsError:
            continue
        found += [
            Measured(run=task.workload.name, task=task.task, model=model)
            for task in report.tasks
            for model in task.models.values()
        ]
    return found


def judge(measured: Sequence[Measured], backend: Backend) -> Iterator[Check]:
    """Yield a line for each thing that the figures of a good box have in common."""
    whole = [each for each in measured if each.model.status is Status.OK]
    names = ("energy", "throttling", "output", "memory", "MFU")
    if not whole:
        yield from (Check.skip(name, "no run at full size ended well") for name in names)
        return
    yield _judge_energy(whole)
    yield _judge_throttling(whole)
    yield Check.ok("output", f"all finite: {len(whole)} models, checked after the timed passes")
    yield _judge_memory(whole)
    yield _judge_mfu(whole, backend)


def _judge_energy(measured: Sequence[Measured]) -> Check:
    pairs = [(each, gpu) for each in measured for gpu in _gpus(each.model)]
    if not pairs:
        return Check.skip("energy", "no sensors of a GPU were read")
    differences = [(_difference(gpu), each.label) for each, gpu in pairs]
    known = [(found, label) for found, label in differences if found is not None]
    if not known:
        gpu = pairs[0][1]
        return Check.skip(
            "energy", f"counter: {gpu.energy_j.how}; power: {gpu.integrated_energy_j.how}"
        )
    worst, label = max(known, key=lambda pair: abs(pair[0]))
    found = (
        f"counted energy differs from integrated power by at most {format_share(abs(worst))} "
        f"({label}; {len(known)} of {len(pairs)} compared)"
    )
    if abs(worst) <= MAX_ENERGY_DIFFERENCE:
        return Check.ok("energy", found)
    return Check.missing("energy", found, f"Don't trust energy figures. {SEND}", needed=True)


def _difference(gpu: DeviceTelemetry) -> float | None:
    """Return how far counter and sensor are apart; None without both of them."""
    counted, integrated = gpu.energy_j, gpu.integrated_energy_j
    if counted.how == integrated.how or Evidence.ESTIMATED in (
        counted.evidence,
        integrated.evidence,
    ):
        return None
    if counted.value is None or not integrated.value:
        return None
    return counted.value / integrated.value - 1


def _judge_throttling(measured: Sequence[Measured]) -> Check:
    names = (FlagName.THROTTLED, FlagName.POWER_CAPPED, FlagName.FOREIGN_PROCESS)
    flags = [(each, flag) for each in measured for flag in each.model.flags if flag.name in names]
    gpus = [gpu for each in measured for gpu in _gpus(each.model)]
    said = "; ".join(dict.fromkeys(f"{flag.message} ({each.label})" for each, flag in flags))
    if any(flag.severity is Severity.WARNING for _, flag in flags):
        return Check.warn("throttling", said, "Cool the card, free it, or restore its power limit.")
    if all(gpu.throttling.evidence is Evidence.ABSENT for gpu in gpus):
        how = gpus[0].throttling.how if gpus else "no sensors of a GPU were read"
        return Check.skip("throttling", how)
    return Check.ok("throttling", said or "the driver gave no reason")


def _judge_memory(measured: Sequence[Measured]) -> Check:
    left = [(each.model.memory.device_allocated_after_clear_bytes, each.label) for each in measured]
    known = [(size, label) for size, label in left if size is not None]
    if not known:
        return Check.skip("memory", "the device's allocator counts nothing")
    most, label = max(known)
    found = f"at most {format_bytes(most)} of device memory kept after a model ({label})"
    if most < MAX_LEFT_BYTES:
        return Check.ok("memory", found)
    return Check.missing("memory", found, f"Memory isn't given back. {SEND}", needed=True)


def _judge_mfu(measured: Sequence[Measured], backend: Backend) -> Check:
    figures = ((read_figures(find_definition(each.task), each.model), each) for each in measured)
    known = [(found["mfu"].value, each) for found, each in figures if "mfu" in found]
    if not known:
        return Check.skip("MFU", "no model has one")
    found = ", ".join(f"{format_share(mfu, 0)} {each.label}" for mfu, each in known)
    lowest = min((mfu for mfu, each in known if each.run == "embeddings-max"), default=None)
    if backend is Backend.CPU or lowest is None:
        return Check.skip("MFU", f"only tuned models of a GPU are judged; measured: {found}")
    if lowest >= MIN_MFU:
        return Check.ok("MFU", found)
    remedy = (
        f"Tuned models reach {format_share(MIN_MFU, 0)} on an idle H100 or H200: look at "
        f"throttling, foreign processes and a slow CPU. {SEND}"
    )
    return Check.warn("MFU", found, remedy)


def _gpus(model: ModelReport) -> list[DeviceTelemetry]:
    devices = model.telemetry.devices if model.telemetry else ()
    return [device for device in devices if device.kind is DeviceKind.GPU]
