"""A plan as text for people, complete enough to be done by hand."""

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from nobs.text import to_line


def render_plan(plan: Mapping[str, Any]) -> str:
    """Return what `--dry-run` prints: image, mounts, devices, environment names, steps."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Mapping[str, Any]) -> Iterator[str]:
    spec = plan["spec"]
    yield f"run        {spec['run_id']} ({spec['profile']})"
    yield f"backend    {spec['backend']}, {spec['execution']}"
    if spec["backend"] != "cpu" and spec["device_info"]["gpu_name"]:
        yield f"gpu        {to_line(spec['device_info']['gpu_name'])}"
    yield f"host       {spec['device_info']['host']}"
    yield f"directory  {plan['run_directory']}"
    needed = "none needed" if spec["offline"] else "the hub"
    yield f"network    {'the hub, to fetch before measuring' if plan['fetch'] else needed}"
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
        yield f"note       {note}"


def _image(image: Mapping[str, Any]) -> Iterator[str]:
    yield f"image      {image['tag']} from {image['dockerfile']}"
    for name, value in image["build_args"].items():
        yield f"  build    {name}={value}"


def _container(phase: str, container: Mapping[str, Any]) -> Iterator[str]:
    yield f"{phase:10} {container['name']}: {' '.join(container['command'])}"
    groups = ", ".join(str(group) for group in container["groups"]) or "none"
    yield f"  user     {container['uid']}:{container['gid']}, extra groups {groups}"
    read_only = "read-only" if container["read_only"] else "writable"
    yield f"  network  {container['network']}; root {read_only}; no capabilities"
    for mount in container["mounts"]:
        mode = "ro" if mount["read_only"] else "rw"
        yield f"  mount    {mount['source']} -> {mount['target']} ({mode})"
    for device in container["devices"]:
        yield f"  device   {device['source']} -> {device['target']}"
    if container["device_request"]:
        request = container["device_request"]
        yield f"  device   {', '.join(f'{key}={value}' for key, value in request.items())}"
    for request in container["device_alternatives"]:
        yield f"    else   {', '.join(f'{key}={value}' for key, value in request.items())}"
    names = ", ".join(sorted(container["environment"]))
    yield from wrap(names, 80, initial_indent="  env      ", subsequent_indent=" " * 11)


def _step(number: int, step: Mapping[str, Any], workload: Mapping[str, Any]) -> Iterator[str]:
    model, params, dataset = step["model"], workload["params"], workload["dataset"]
    kind = "open" if workload["open_reasons"] else "closed"
    yield f"step {number}     {workload['name']}/{workload['version']} ({kind}): {model['id']}"
    yield f"  model    {model['source']}, revision {model['revision'] or '-'}" + (
        ", runs its own code" if model["trust_remote_code"] else ""
    )
    revision = dataset["revision"] or "-"
    yield f"  texts    {dataset['id']}, {dataset['rows']} rows, revision {revision}"
    shown = (f"{key}={value}" for key, value in params.items() if key != "kind")
    yield f"  params   {', '.join(shown)}"
    for reason in workload["open_reasons"]:
        yield f"  open     {reason}"
