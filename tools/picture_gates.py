"""Measures the gates of pictures: `python -m tools.picture_gates diffusion-quick/1 --write`.

Makes the images of a workload's references with and without deliberate faults, in each dtype.
A fault counts as seen where it is at least 6 dB worse than the worst sound run; a gate stands
halfway, in dB, between the worst sound run and the nearest fault that is seen. Faults that are
nearer look like rounding: no gate of that dtype can see them. With `--seed`, the stored gates judge
images from other latents, of which the references are made first.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from nobs.data.found import Model
from nobs.schema.enums import Backend, Dtype
from nobs.schema.pins import ModelPin, Workload
from nobs.system.device_info import get_device_info
from nobs.tasks.diffusion.checks import (
    Gate,
    GateFile,
    GateRun,
    PictureCheck,
    find_gate,
    load_gates,
    why_wrong,
)
from nobs.tasks.diffusion.correctness import Pictures, check_pictures
from nobs.tasks.diffusion.files import open_pipeline
from nobs.tasks.diffusion.layout import variant_of
from nobs.tasks.diffusion.phases import Watch
from nobs.tasks.diffusion.pipeline import digest, draw_latents, load_pipeline, make_images
from nobs.tasks.diffusion.recognise import recognise
from nobs.tasks.diffusion.references import Reference, find_reference
from tools.picture_faults import FAULTS, HARDER, SOUND, SOUND_IN_FLOAT32, Change, Setup
from tools.picture_references import LIBRARIES, WORKLOADS, make_pictures, prompts_of, to_json

FILE = Path(__file__).resolve().parent.parent / "nobs" / "tasks" / "diffusion" / "gates.json"
SEEN_DB = 6.0
THREADS = (1, 2)
BATCHES = (1, 2, 4, 8, 16)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run to make."""

    name: str
    is_sound: bool
    change: Change = lambda setup: None
    threads: int = 1
    batch: int = max(BATCHES)
    computed_in: Dtype | None = None
    """Instead of the dtype that is claimed."""


def cases_of(dtype: Dtype, device: str) -> Iterator[Case]:
    """Yield sound runs, then faults."""
    for threads in THREADS if device == "cpu" else THREADS[:1]:
        for batch in BATCHES:
            name = f"{threads} thread{'s' if threads > 1 else ''}, batch {batch}"
            yield Case(name=name, is_sound=True, threads=threads, batch=batch)
    sound = SOUND | (SOUND_IN_FLOAT32 if dtype is Dtype.FLOAT32 else {})
    for name, change in sound.items():
        yield Case(name=name, is_sound=True, change=change)
    for name, change in (FAULTS | HARDER).items():
        yield Case(name=name, is_sound=False, change=change)
    for lower in {Dtype.FLOAT32: [Dtype.FLOAT16, Dtype.BFLOAT16],
                  Dtype.FLOAT16: [Dtype.BFLOAT16], Dtype.BFLOAT16: []}[dtype]:  # fmt: skip
        yield Case(name=f"computed in {lower}", is_sound=False, computed_in=lower)


@dataclass(frozen=True)
class Subject:
    """What is made again and again."""

    workload: Workload
    pin: ModelPin
    model: Model
    reference: Reference
    seed: int
    device: str

    def make(self, case: Case, dtype: Dtype) -> Pictures:
        """Return the pictures of one case."""
        torch.set_num_threads(case.threads)
        pipe = load_pipeline(
            self.model.path, name=self.pin.id, variant=variant_of(self.model.path, self.pin, ""),
            dtype=case.computed_in or dtype, vae_dtype=Dtype.FLOAT32, device=self.device,
        )  # fmt: skip
        recipe, count = self.reference.recipe, len(self.reference.prompts)
        latents = draw_latents(pipe, recipe, range(self.seed, self.seed + count))
        starts = tuple(map(digest, latents))
        setup = Setup(pipe, recipe, prompts_of(self.workload, count), latents)
        asked = tuple(setup.prompts)
        case.change(setup)
        made = []
        for first in range(0, count, case.batch):
            part = slice(first, first + case.batch)
            start, watch = setup.latents[part], Watch(self.device)
            batch = make_images(pipe, setup.recipe, setup.prompts[part], start, watch)
            made.append(batch.arrays())
        return Pictures(
            prompts=asked, starts=starts,
            latents=np.concatenate([latent for latent, _ in made]),
            images=setup.finish(np.concatenate([image for _, image in made])),
        )  # fmt: skip

    def measure(self, dtype: Dtype) -> Iterator[tuple[GateRun, PictureCheck]]:
        """Yield every run in a dtype."""
        for case in cases_of(dtype, self.device):
            pictures = self.make(case, dtype)
            check = check_pictures(pictures, self.reference, dtype)
            seen = recognise(pictures.images, pictures.prompts)
            run = GateRun(
                model=self.pin.id, dtype=dtype, name=case.name,
                is_sound=case.is_sound, is_seen=False,
                lowest_latent_cosine=check.lowest_latent_cosine,
                lowest_psnr_db=check.lowest_psnr_db,
                recognised=seen.recognised / seen.asked if seen else None,
            )  # fmt: skip
            print(line_of(run), flush=True)
            yield run, check


def line_of(run: GateRun) -> str:
    """Return a run in one line of at most 80 columns."""
    cosine = "-" if run.lowest_latent_cosine is None else f"{run.lowest_latent_cosine:.6f}"
    psnr = "-" if run.lowest_psnr_db is None else f"{run.lowest_psnr_db:.1f}"
    return (
        f"{run.dtype:9} {'sound' if run.is_sound else 'fault'} {run.name:34} {cosine:>9} {psnr:>6}"
    )


def loss_db(cosine: float) -> float:
    """Return a cosine on the scale of a PSNR: 6 dB are twice the difference."""
    return float(-10 * np.log10(max(1 - cosine, 1e-12)))


def halfway(sound: Sequence[float], faults: Sequence[float]) -> float:
    """Return the gate between runs, all in dB."""
    worst = min(sound)
    return (worst + max(fault for fault in faults if fault <= worst - SEEN_DB)) / 2


def gate_of(reference: Reference, dtype: Dtype, runs: Sequence[GateRun]) -> Gate:
    """Return the gate that follows from the runs in one dtype."""
    compared = [run for run in runs if run.lowest_psnr_db is not None]
    psnrs, cosines = (
        [
            [read(run) for run in compared if run.is_sound is is_sound]
            for is_sound in (True, False)
        ]
        for read in (
            lambda run: run.lowest_psnr_db,
            lambda run: loss_db(run.lowest_latent_cosine),
        )
    )  # fmt: skip
    return Gate(
        model=reference.model, recipe=reference.recipe, dtype=dtype,
        least_psnr_db=round(halfway(*psnrs), 1),
        least_latent_cosine=round(1 - 10 ** (-halfway(*cosines) / 10), 9),
    )  # fmt: skip


def judge(run: GateRun, check: PictureCheck, gate: Gate | None) -> GateRun:
    """Return the run with what the check says of it; recognition apart."""
    gated = check.model_copy(
        update={
            "least_latent_cosine": gate.least_latent_cosine if gate else None,
            "least_psnr_db": gate.least_psnr_db if gate else None,
        }
    )
    return run.model_copy(update={"is_seen": any(why_wrong(gated))})


def describe(runs: Sequence[GateRun], gate: Gate) -> str:
    """Return the outcome in one dtype."""
    sound, required = ([run for run in runs if run.is_sound], [r for r in runs if r.name in FAULTS])
    unseen = [run.name for run in runs if not run.is_sound and not run.is_seen]
    return (
        f"{gate.dtype}: gates {gate.least_psnr_db} dB and {gate.least_latent_cosine}; right: "
        f"{sum(not run.is_seen for run in sound)} of {len(sound)} sound runs; wrong: "
        f"{sum(run.is_seen for run in required)} of {len(required)} faults; not seen: "
        f"{', '.join(unseen) or 'none of the others'}"
    )


def subjects_of(words: argparse.Namespace) -> Iterator[Subject]:
    """Yield the models to measure; references of other latents are made first."""
    workload = WORKLOADS[words.workload]
    for pin in workload.models:
        if words.model not in (None, pin.id):
            continue
        model, recipe = open_pipeline(pin), workload.params.recipe_of(pin.id)
        reference = find_reference(pin, recipe)
        if reference is None:
            raise SystemExit(f"{pin.id} has no references; make them with tools.picture_references")
        seed = workload.params.seed
        if words.seed is not None:
            seed = words.seed
            params = workload.params.model_copy(update={"seed": seed})
            other = workload.model_copy(update={"params": params})
            pictures = make_pictures(other, pin, model, len(reference.prompts))
            reference = Reference.model_validate_json(to_json(pin, model, recipe, pictures))
        yield Subject(workload, pin, model, reference, seed, words.device)


def main() -> None:
    """Measure, print, and write on request."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workload", choices=sorted(WORKLOADS))
    parser.add_argument("--model", help="only this one")
    parser.add_argument("--dtype", type=Dtype, choices=[*Dtype], action="append")
    parser.add_argument("--device", default="cpu", help="torch's name")
    parser.add_argument("--seed", type=int, help="judge other latents by the stored gates")
    parser.add_argument("--write", action="store_true", help="replace these gates in gates.json")
    words = parser.parse_args()
    gates, runs = [], []
    for subject in subjects_of(words):
        for dtype in words.dtype or [*Dtype]:
            measured = [*subject.measure(dtype)]
            stored = find_gate(subject.pin.id, subject.reference.recipe, dtype)
            gate = stored if words.seed is not None else None
            gate = gate or gate_of(subject.reference, dtype, [run for run, _ in measured])
            judged = [judge(run, check, gate) for run, check in measured]
            print(describe(judged, gate), flush=True)
            gates.append(gate)
            runs += judged
    if words.write and words.seed is None:
        write(gates, runs, Backend(words.device))


def write(gates: Sequence[Gate], runs: Sequence[GateRun], backend: Backend) -> None:
    """Write `gates.json`, keeping the gates of other models and dtypes."""
    device = get_device_info(backend)
    machine = device.processor if backend is Backend.CPU else str(device.gpu_name)
    stored, new = load_gates(), {(gate.model, gate.dtype) for gate in gates}
    others = [gate for gate in stored.gates if (gate.model, gate.dtype) not in new]
    other_runs = [run for run in stored.runs if (run.model, run.dtype) not in new]
    file = GateFile(
        machine=machine,
        made_with={name: version(name) for name in LIBRARIES},
        gates=(*others, *gates),
        runs=(*other_runs, *runs),
    )
    text = json.dumps(file.model_dump(mode="json"), indent=1)
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
