"""The Job that runs NOBS on nodes of a Kubernetes cluster, one pod per node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from nobs.render.yaml import to_yaml

START_S = 1800
"""For pulling the image, and for the end of a timed-out run."""
QUEUE_S = 86400
"""A job that waits for nodes longer than this ends."""
GRACE_S = 60
"""Between SIGTERM and SIGKILL; a run needs some seconds to write its report."""
VENDORS = {"nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu"}
_LABELS = {"app.kubernetes.io/name": "nobs"}
_CACHE = "/cache/huggingface"
_HEAD = """\
# Written by `nobs export kubernetes` for Kubernetes 1.31 and newer; submit it with
# `kubectl create -f FILE`. Reports are in the volume's jobs/NAME-UID/INDEX.
"""
_USAGE, _FAILED_STEP = 2, 1
# Kubernetes expands $(NAME) in commands and arguments: the script has none, and the arguments are
# escaped.
# Older versions know neither the label nor the index; two pods must not take up one run there.
_OWN = """\
own="/results/jobs/$JOB_NAME-${JOB_UID:-$OLD_JOB_UID}/${JOB_COMPLETION_INDEX:-$POD_NAME}"
"""
# A pod can't read when its Job was made: the first one notes the time in the common volume.
_BEGAN = """\
began="${own%/*}/began"
mkdir -p "${own%/*}" || exit 3
(set -C; date +%s > "$began") 2>/dev/null
for second in 1 2 3 4 5; do
    [ -s "$began" ] || sleep 1
done
read -r NOBS_JOB_BEGAN < "$began" || exit 3
export NOBS_JOB_BEGAN
"""
# A pod that was replaced resumes the run that its index had begun.
_RUN = """\
last=
for run in "$own"/runs/[0-9]*T[0-9]*Z-*; do
    [ -d "$run" ] && last=${run##*/}
done
if [ -n "$last" ]; then
    exec nobs run --resume "$last" --take-over --results "$own"
fi
exec nobs run "$@" --results "$own"
"""


@dataclass(frozen=True, kw_only=True)
class KubernetesJob:
    """What a Job is made of."""

    words: Sequence[str]
    """Options of `nobs run` in each pod."""
    timeout_s: float
    """Time limit of the run."""
    image: str
    results: Mapping[str, object]
    """Source of the volume for results, as in `{"persistentVolumeClaim": {"claimName": "x"}}`."""
    cache: Mapping[str, object] = field(default_factory=lambda: {"emptyDir": {}})
    """Source of the volume for models and data."""
    name: str = "nobs"
    namespace: str | None = None
    nodes: int = 1
    devices: Mapping[str, int] = field(default_factory=dict)
    """Number per pod by resource, as in `{"nvidia.com/gpu": 1}`."""
    requests: Mapping[str, str] = field(default_factory=dict)
    """Other resources that a node must have free, as in `{"cpu": "8"}`."""
    selector: Mapping[str, str] = field(default_factory=dict)
    """Labels of the nodes."""
    secrets: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Environment variable -> name of the Secret and key in it."""
    pull_secret: str | None = None
    user: int = 10001
    groups: Sequence[int] = ()
    """Additional groups, as that of /dev/kfd."""
    shm: str = "8Gi"
    """Limit of /dev/shm."""
    retries: int = 2
    """Further pods per index after a missing requirement, a lost or an interrupted run."""
    has_common_begin: bool = False
    """Whether delays such as `--start-at +5m` count from the first pod's begin, on all pods; the
    volume for results must be common to them."""

    @property
    def is_indexed(self) -> bool:
        """Whether there are several pods, each with an index."""
        return self.nodes > 1


def render_kubernetes(job: KubernetesJob) -> str:
    """Return the Job as one YAML document for Kubernetes 1.31 and newer."""
    return _HEAD + to_yaml(describe_job(job))


def describe_job(job: KubernetesJob) -> dict[str, object]:
    """Return the Job as plain values."""
    metadata: dict[str, object] = {"name": job.name, "labels": _LABELS}
    if job.namespace:
        metadata["namespace"] = job.namespace
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": _job_spec(job)}


def _job_spec(job: KubernetesJob) -> dict[str, object]:
    pod_s = ceil(job.timeout_s) + START_S
    spec: dict[str, object] = {
        "completions": job.nodes,
        "parallelism": job.nodes,
        "activeDeadlineSeconds": (job.retries + 1) * pod_s + QUEUE_S,
    }
    if job.is_indexed:
        spec |= {"completionMode": "Indexed", "backoffLimitPerIndex": job.retries}
    else:
        spec["backoffLimit"] = job.retries
    return spec | {
        "podFailurePolicy": {"rules": _failure_rules(job)},
        "template": {"metadata": {"labels": _LABELS}, "spec": _pod_spec(job, pod_s)},
    }


def _failure_rules(job: KubernetesJob) -> list[dict[str, object]]:
    """Return what follows from exit codes; all others count, and the pod is replaced."""
    step = "FailIndex" if job.is_indexed else "FailJob"
    disruption = {"type": "DisruptionTarget", "status": "True"}
    return [
        _on_exit(_USAGE, "FailJob"),
        _on_exit(_FAILED_STEP, step),
        # Preempted or drained: the new pod resumes, and no try is used up.
        {"action": "Ignore", "onPodConditions": [disruption]},
    ]


def _on_exit(code: int, action: str) -> dict[str, object]:
    codes = {"containerName": "nobs", "operator": "In", "values": [code]}
    return {"action": action, "onExitCodes": codes}


def _pod_spec(job: KubernetesJob, limit_s: int) -> dict[str, object]:
    spec: dict[str, object] = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": limit_s,
        "terminationGracePeriodSeconds": GRACE_S,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": _security_of_pod(job),
        "affinity": {"podAntiAffinity": _one_per_node()},
    }
    if job.selector:
        spec["nodeSelector"] = dict(job.selector)
    if job.devices:
        spec["tolerations"] = [{"key": name, "operator": "Exists"} for name in job.devices]
    if job.pull_secret:
        spec["imagePullSecrets"] = [{"name": job.pull_secret}]
    return spec | {
        "containers": [_container(job)],
        "volumes": [
            {"name": "results", **job.results},
            {"name": "cache", **job.cache},
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": job.shm}},
        ],
    }


def _security_of_pod(job: KubernetesJob) -> dict[str, object]:
    security: dict[str, object] = {
        "runAsNonRoot": True,
        "runAsUser": job.user,
        "runAsGroup": job.user,
        "fsGroup": job.user,
        # Otherwise the owner of every file in a large cache is set again in each pod.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return security | ({"supplementalGroups": list(job.groups)} if job.groups else {})


def _one_per_node() -> dict[str, object]:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": _LABELS}}
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}


def _container(job: KubernetesJob) -> dict[str, object]:
    script = _OWN + (_BEGAN if job.has_common_begin else "") + _RUN
    container: dict[str, object] = {
        "name": "nobs",
        "image": job.image,
        "imagePullPolicy": "IfNotPresent" if "@" in job.image else "Always",
        "command": ["/bin/sh", "-c", script, "nobs"],
    }
    if job.words:
        container["args"] = [word.replace("$", "$$") for word in job.words]
    resources = {"requests": dict(job.requests), "limits": dict(job.devices)}
    return container | {
        "env": _environment(job),
        "resources": {name: each for name, each in resources.items() if each},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "results", "mountPath": "/results"},
            {"name": "cache", "mountPath": _CACHE},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - in the pod
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - in the pod
        ],
    }


def _environment(job: KubernetesJob) -> list[dict[str, object]]:
    fields = {"NOBS_NODE": "spec.nodeName", "POD_NAME": "metadata.name",
              "JOB_UID": "metadata.labels['batch.kubernetes.io/controller-uid']",
              "OLD_JOB_UID": "metadata.labels['controller-uid']"}  # fmt: skip
    values = {"JOB_NAME": job.name, "HOME": "/tmp", "HF_HOME": _CACHE}  # noqa: S108 - in the pod
    if not job.is_indexed:
        values["JOB_COMPLETION_INDEX"] = "0"
    sources: dict[str, dict[str, object]] = {
        name: {"fieldRef": {"fieldPath": path}} for name, path in fields.items()
    }
    for variable, (secret, key) in job.secrets.items():
        sources[variable] = {"secretKeyRef": {"name": secret, "key": key}}
    listed: list[dict[str, object]] = [{"name": name, "value": values[name]} for name in values]
    listed += [{"name": name, "valueFrom": source} for name, source in sources.items()]
    return listed
