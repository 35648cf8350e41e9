"""`nobs export kubernetes`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import click

from nobs.cli.options import Matching
from nobs.cli.run_words import check_run, check_share

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_KEY = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_QUANTITY = r"[0-9]+(\.[0-9]+)?(m|[kMGTPE]|[KMGTPE]i)?"
_RULES = "small letters, digits and '-', a letter or digit first and last, at most 63 (RFC 1123)"
_GPU_BACKENDS = ("cuda", "rocm")

_LABEL_TYPE = Matching(_LABEL, f"a name that Kubernetes takes: {_RULES}")
_NAME_TYPE = Matching(
    rf"(?=.{{1,253}}$){_SUBDOMAIN}",
    "a name that Kubernetes takes: small letters, digits, '-' and '.' (RFC 1123)",
)
_SIZE_TYPE = Matching(_QUANTITY, "a quantity such as 8Gi")
_REQUEST_TYPE = Matching(rf"{_KEY}={_QUANTITY}", "RESOURCE=QUANTITY, as in cpu=8 or memory=64Gi")
_SELECTOR_TYPE = Matching(rf"{_KEY}={_VALUE}", "a label KEY=VALUE of nodes")
_SECRET_TYPE = Matching(
    rf"[A-Za-z_][A-Za-z0-9_]*={_SUBDOMAIN}/[-A-Za-z0-9_.]+",
    "VARIABLE=SECRET/KEY, as in HF_TOKEN=hub/token",
)


@click.command(name="kubernetes", short_help="Print a Job for kubectl, one pod per node.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- RUN_OPTIONS...]")
@click.option("--image", required=True, metavar="IMAGE[@sha256:HEX]",
              help="Image of NOBS that the nodes pull.")  # fmt: skip
@click.option("--pinned", is_flag=True, help="Refuse an image without a digest.")
@click.option("--name", type=_LABEL_TYPE, default="nobs", show_default=True, metavar="NAME",
              help="Name of the Job.")  # fmt: skip
@click.option("--namespace", type=_LABEL_TYPE, metavar="NAME",
              help="Namespace; default: that of kubectl.")  # fmt: skip
@click.option("--nodes", type=click.IntRange(1, 10_000), default=1, show_default=True,
              help="Number of pods, each on its own node; each measures everything.")  # fmt: skip
@click.option("--gpu", metavar="VENDOR[:N]",
              help="GPUs per pod: nvidia, amd:8, or a resource such as "
              "nvidia.com/mig-1g.10gb:1.")  # fmt: skip
@click.option("--results-claim", type=_NAME_TYPE, metavar="NAME",
              help="PersistentVolumeClaim for reports; several nodes need "
              "ReadWriteMany.")  # fmt: skip
@click.option("--results-path", metavar="DIRECTORY",
              help="Instead of --results-claim: a directory of each node (hostPath) that --uid "
              "may write.")  # fmt: skip
@click.option("--cache-claim", type=_NAME_TYPE, metavar="NAME",
              help="PersistentVolumeClaim for models and data; default: downloads per "
              "pod.")  # fmt: skip
@click.option("--secret", "secrets", type=_SECRET_TYPE, multiple=True,
              metavar="VARIABLE=SECRET/KEY",
              help="Environment variable from a Secret of the cluster, as in "
              "HF_TOKEN=hub/token. Can be repeated.")  # fmt: skip
@click.option("--pull-secret", type=_NAME_TYPE, metavar="NAME",
              help="Secret of the registry.")  # fmt: skip
@click.option("--request", "requests", type=_REQUEST_TYPE, multiple=True,
              metavar="RESOURCE=QUANTITY",
              help="Resource request of a pod, as in cpu=8 or memory=64Gi. Can be "
              "repeated.")  # fmt: skip
@click.option("--select", "selectors", type=_SELECTOR_TYPE, multiple=True, metavar="KEY=VALUE",
              help="Only nodes with this label. Can be repeated.")  # fmt: skip
@click.option("--uid", "user", type=click.IntRange(1, 2**31 - 1), default=10001,
              show_default=True, help="User and group of the pods.")  # fmt: skip
@click.option("--group", "groups", type=click.IntRange(1, 2**31 - 1), multiple=True, metavar="GID",
              help="Additional group, such as /dev/kfd's for AMD. Can be repeated.")  # fmt: skip
@click.option("--shm", type=_SIZE_TYPE, default="8Gi", show_default=True, metavar="SIZE",
              help="Size limit of /dev/shm; its content counts as memory of the pod.")  # fmt: skip
@click.option("--retries", type=click.IntRange(0, 100), default=2, show_default=True, metavar="N",
              help="Maximum number of new pods after lost or interrupted runs, or runs without "
              "a device.")  # fmt: skip
def kubernetes(*, words: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click's values
    """Print a Job for `kubectl create`, an Indexed Job for several nodes.

    Each pod runs once, on a node of its own. A replaced pod resumes its run. Pods run as an
    ordinary user with a read-only root file system. The Job needs Kubernetes 1.31.
    """
    from nobs.render.kubernetes import KubernetesJob, render_kubernetes
    from nobs.schema.image import parse_image

    if file := next((word for word in words if word.startswith("--catalog")), None):
        raise click.UsageError(f"{file}: the pods don't have this machine's files.")
    params = check_run(words)
    _check_name(options["name"], options["nodes"])
    devices = _devices(options["gpu"])
    _check_devices(params, devices)
    check_share(params, options["nodes"], f"auto/{options['nodes']}")
    cache = options["cache_claim"]
    job = KubernetesJob(
        words=words, timeout_s=params["timeout_s"], devices=devices,
        image=str(parse_image(options["image"], pinned=options["pinned"])),
        results=_results(options["results_claim"], options["results_path"]),
        cache=_claim(cache) if cache else {"emptyDir": {}},
        requests=_pairs(options["requests"], "--request"),
        selector=_pairs(options["selectors"], "--select"),
        secrets={variable: _split_secret(place)
                 for variable, place in _pairs(options["secrets"], "--secret").items()},
        has_common_begin=_has_common_begin(params, options["nodes"], options["results_claim"]),
        **{name: options[name] for name in ("name", "namespace", "nodes", "pull_secret", "user",
                                            "groups", "shm", "retries")},
    )  # fmt: skip
    click.echo(render_kubernetes(job), nl=False)


def _check_name(name: str, nodes: int) -> None:
    """Raise UsageError for a name that is too long for the host names of an Indexed Job."""
    last = f"{name}-{nodes - 1}"
    if nodes > 1 and len(last) > 63:
        raise click.UsageError(
            f"--name {name} is too long: the pod {last} would have {len(last)} characters, and 63 "
            "are allowed."
        )


def _devices(gpu: str | None) -> dict[str, int]:
    """Return the number of GPUs by resource, as in `nvidia`, `amd:8`, `vendor.example/gpu:1`."""
    from nobs.render.kubernetes import VENDORS

    if gpu is None:
        return {}
    vendor, _, number = gpu.partition(":")
    resource = VENDORS.get(vendor, vendor)
    if "/" not in resource or not re.fullmatch(_KEY, resource):
        raise click.UsageError(
            f"--gpu {gpu}: there is no vendor {vendor!r}. Name {' or '.join(VENDORS)}, or the "
            "resource of a device plugin, such as gpu.intel.com/i915."
        )
    if not re.fullmatch(r"|[1-9][0-9]{0,3}", number) or gpu.endswith(":"):
        raise click.UsageError(f"--gpu {gpu}: {number!r} isn't a number of GPUs from 1 to 9999.")
    return {resource: int(number or 1)}


def _check_devices(params: Mapping[str, Any], devices: Mapping[str, int]) -> None:
    """Raise UsageError if what the run needs doesn't fit the devices of its pod."""
    backend, resources = str(params["backend"]), list(devices)
    if params["execution"] == "container":
        raise click.UsageError(
            "--execution container: the pod is the container. Leave it out after `--`."
        )
    if backend == "mps":
        raise click.UsageError("--backend mps: Kubernetes has no devices for it.")
    if backend in _GPU_BACKENDS and not devices:
        vendor = {"cuda": "nvidia", "rocm": "amd"}[backend]
        raise click.UsageError(f"--backend {backend} needs GPUs: add --gpu {vendor}.")
    wrong = {"cuda": "amd.com/", "rocm": "nvidia.com/"}.get(backend)
    if wrong and any(name.startswith(wrong) for name in resources):
        raise click.UsageError(f"--backend {backend} can't use {', '.join(resources)}.")


def _has_common_begin(params: Mapping[str, Any], nodes: int, claim: str | None) -> bool:
    """Return whether the pods must agree on when the Job began; UsageError if they can't."""
    start = str(params.get("start_at") or "").strip()
    if nodes == 1 or not start.startswith("+"):
        return False
    if claim is None:
        raise click.UsageError(
            f"--start-at {start}: the pods start at different times, and with --results-path they"
            " have no common disk to agree on one. Give a time, as in 2027-01-31T12:00:00Z, or"
            " use --results-claim."
        )
    return True


def _results(claim: str | None, path: str | None) -> dict[str, object]:
    if (claim is None) == (path is None):
        raise click.UsageError(
            "Name one place for the reports: --results-claim NAME, or --results-path DIRECTORY."
        )
    if claim:
        return _claim(claim)
    if not PurePosixPath(str(path)).is_absolute() or ".." in PurePosixPath(str(path)).parts:
        raise click.UsageError(f"--results-path {path}: name an absolute directory of the nodes.")
    return {"hostPath": {"path": str(path), "type": "Directory"}}


def _claim(name: str) -> dict[str, object]:
    return {"persistentVolumeClaim": {"claimName": name}}


def _pairs(words: Sequence[str], option: str) -> dict[str, str]:
    pairs = [word.partition("=")[::2] for word in words]
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise click.UsageError(f"{option} {twice} is given twice.")
    return dict(pairs)


def _split_secret(place: str) -> tuple[str, str]:
    secret, _, key = place.partition("/")
    return secret, key
