"""A plan as text for people; `--json` has every detail."""

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from nobs.render.cells import plain_reason
from nobs.text import to_line

_SOURCES = {
    "hub": "from the Hugging Face hub",
    "package": "from an installed package",
    "path": "from a local directory",
    "server": "run by the server",
    "random": "random weights, without downloads",
}


def render_plan(plan: Mapping[str, Any]) -> str:
    """Return what `--dry-run` prints: machine, image, container, server, steps and notes."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Mapping[str, Any]) -> Iterator[str]:
    spec = plan["spec"]
    yield f"run        {spec['run_id']} ({spec['profile']})"
    yield f"backend    {spec['backend']}, {spec['execution']}"
    if device := spec.get("device"):
        yield f"device     {to_line(device['name'])} {to_line(device['uuid'] or '')}".rstrip()
    if spec["backend"] != "cpu" and spec["device_info"]["gpu_name"]:
        yield f"gpu        {to_line(spec['device_info']['gpu_name'])}"
    yield f"host       {spec['device_info']['host']}"
    yield f"directory  {plan['run_directory']}"
    needed = "not needed" if spec["offline"] else "Hugging Face hub"
    yield f"network    {'Hugging Face hub, before measuring only' if plan['fetch'] else needed}"
    if plan["image"]:
        yield from _image(plan["image"])
    for phase in ("fetch", "container"):
        if plan[phase]:
            yield from _container(phase, plan[phase])
    if plan["server"]:
        yield f"server     {plan['server']['text']}"
    for number, step in enumerate(spec["steps"], start=1):
        yield from _step(number, step, spec["workloads"][step["workload"]])
    for note in plan["notes"]:
        yield from _wrap("note       ", note, splits=False)


def _image(image: Mapping[str, Any]) -> Iterator[str]:
    if image.get("is_pulled"):
        yield f"image      {image['tag']}, pulled"
        return
    yield f"image      {image['tag']} from {image['dockerfile']}"
    # Build arguments that keep their default are no news.
    for name, value in image["build_args"].items():
        if value and value != "default":
            yield f"  with     {name}={value}"


def _container(phase: str, container: Mapping[str, Any]) -> Iterator[str]:
    yield f"{phase:10} {container['name']}, user {container['uid']}:{container['gid']}"
    root = "read-only" if container["read_only"] else "writable"
    network = {"none": "no network"}.get(container["network"], f"network {container['network']}")
    yield f"  access   {network}, {root} root file system, no capabilities"
    for mount in container["mounts"]:
        mode = "read-only" if mount["read_only"] else "writable"
        yield f"  mount    {mount['source']} -> {mount['target']} ({mode})"
    for device in container["devices"]:
        yield f"  device   {device['source']} -> {device['target']}"
    if request := container["device_request"]:
        yield f"  gpu      {', '.join(request['device_ids'])} ({request['driver']})"


def _step(number: int, step: Mapping[str, Any], workload: Mapping[str, Any]) -> Iterator[str]:
    model, dataset = step["model"], workload["dataset"]
    kind = "open" if workload["open_reasons"] else "closed"
    yield f"step {number}     {workload['name']}/{workload['version']} ({kind})"
    source = _SOURCES.get(model["source"], model["source"])
    own_code = ", runs its own code" if model["trust_remote_code"] else ""
    yield f"  model    {model['id']}"
    yield f"           {source}{_revision(model)}{own_code}"
    yield f"  data     {dataset['id']}, {dataset['rows']} rows{_revision(dataset)}"
    settings = {name: value for name, value in workload["params"].items() if name != "kind"}
    params = ", ".join(_params(settings, model["id"]))
    yield from _wrap("  params   ", params)
    for reason in workload["open_reasons"]:
        yield from _wrap("  open     ", plain_reason(reason))


def _wrap(label: str, text: str, *, splits: bool = True) -> list[str]:
    """Return lines of at most 80 characters; whole words stay whole unless `splits`."""
    return wrap(
        text, 80, initial_indent=label, subsequent_indent=" " * len(label),
        break_long_words=splits, break_on_hyphens=splits,
    )  # fmt: skip


def _revision(pin: Mapping[str, Any]) -> str:
    return f", revision {pin['revision'][:12]}" if pin["revision"] else ""


def _params(params: Mapping[str, Any], model: str) -> Iterator[str]:
    """Yield parameters as `batch size 16` or `pass budget 60 s`, without those that are not set.

    Of settings by model, with `*` for all others, those of `model`.
    """
    for name, value in params.items():
        label, unit = name.replace("_", " "), ""
        if name.endswith("_s") and not name.endswith("_per_s"):
            label, unit = label.removesuffix(" s"), " s"
        if isinstance(value, Mapping):
            yield from _params(value.get(model, value.get("*", value)), model)
        elif value is True:
            yield label
        elif isinstance(value, list | tuple) and value:
            yield f"{label} {','.join(map(str, value))}{unit}"
        elif value is not None and value is not False and value not in ("", [], ()):
            shown = f"{value:g}" if isinstance(value, float) else value
            yield f"{label} {shown}{unit}"
