"""Makes docs/reference/picture-gates.md from the measured gates."""

from collections.abc import Iterator

from nobs.tasks.diffusion.checks import Gate, GateRun, load_gates
from nobs.tasks.diffusion.recognise import HELD_OUT
from tools.pages import fill, table


def page() -> str:
    """Return the whole page."""
    file = load_gates()
    return fill(
        "picture-gates",
        {
            "recogniser": f"{HELD_OUT[0]:,} of {HELD_OUT[1]:,}",
            "machine": file.machine,
            "versions": ", ".join(f"{name} {text}" for name, text in file.made_with.items()),
            "gates": table(
                "dtype|least PSNR|margin of sound runs|margin of faults|least cosine|not visible",
                map(_gate, file.gates),
            ),
            "runs": table("dtype|run|cosine|PSNR|recognised|check", _runs()),
        },
    )


def _gate(gate: Gate) -> tuple[str, ...]:
    runs = [run for run in load_gates().runs if run.dtype is gate.dtype]
    sound = min(run.lowest_psnr_db for run in runs if run.is_sound and run.lowest_psnr_db)
    faults = max(
        run.lowest_psnr_db
        for run in runs
        if not run.is_sound and run.lowest_psnr_db and run.lowest_psnr_db < gate.least_psnr_db
    )
    unseen = [run.name for run in runs if not run.is_sound and not run.is_seen]
    return (
        gate.dtype,
        f"{gate.least_psnr_db} dB",
        f"{sound - gate.least_psnr_db:.1f} dB",
        f"{gate.least_psnr_db - faults:.1f} dB",
        f"{gate.least_latent_cosine:.6f}",
        ", ".join(unseen) or "-",
    )


def _runs() -> Iterator[tuple[str, ...]]:
    for run in load_gates().runs:
        yield (
            run.dtype,
            run.name if run.is_sound else f"fault: {run.name}",
            "-" if run.lowest_latent_cosine is None else f"{run.lowest_latent_cosine:.6f}",
            "-" if run.lowest_psnr_db is None else f"{run.lowest_psnr_db:.1f} dB",
            "-" if run.recognised is None else f"{100 * run.recognised:.0f} %",
            _verdict(run),
        )


def _verdict(run: GateRun) -> str:
    return "wrong" if run.is_seen else "right"
