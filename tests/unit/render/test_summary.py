"""What people read at the end of a run, held against golden files."""

import pytest

from nobs.render.plan import render_plan
from nobs.render.summary import render_summary
from nobs.report.build import build_report
from nobs.schema.flags import Flag, FlagName, Severity
from nobs.schema.report import Report
from tests.fakes.golden import check
from tests.fakes.plans import make_container_plan
from tests.fakes.results import failed, make_spec, ok, results_of


def make_report(**words: object) -> Report:
    spec = make_spec(**words)
    steps = spec.steps
    first = ok(steps[0].id, steps[0].model.id, 140.1, 141.2, 139.9, 140.3, 140.2, 140.4)
    rest = [failed(step.id, step.model.id) for step in steps[1:]]
    return build_report(spec, results_of(spec, first, *rest), finished=True)


def test_summary_of_one_good_and_one_failed_model() -> None:
    check("summary.txt", render_summary(make_report()))


def test_summary_of_an_open_result_with_few_repeats() -> None:
    spec = make_spec(profile="quick", batch_size=8)
    step = spec.steps[0]
    report = build_report(
        spec, results_of(spec, ok(step.id, step.model.id, 4.0, 4.1, 4.2)), finished=True
    )
    check("summary-open.txt", render_summary(report))


def test_one_repeat_has_no_interval() -> None:
    spec = make_spec(profile="quick", repeats=1)
    step = spec.steps[0]
    report = build_report(spec, results_of(spec, ok(step.id, step.model.id, 4.0)), finished=True)
    check("summary-one.txt", render_summary(report))


@pytest.mark.parametrize("width", [80, 60])
def test_summary_fits_the_terminal(width: int) -> None:
    table = render_summary(make_report(), width=width).split("open:")[0]

    assert max(len(line.rstrip()) for line in table.splitlines()) <= width


def test_flags_are_one_line_with_warnings_first() -> None:
    report = make_report()
    note = Flag(name=FlagName.CONTAINER, severity=Severity.NOTE, message="Inside.")
    grave = Flag(name=FlagName.ON_BATTERY, severity=Severity.WARNING, message="On battery.")
    run = report.run.model_copy(update={"flags": (note, grave)})
    last = render_summary(report.model_copy(update={"run": run})).splitlines()[-1]

    assert last == "flags: on-battery!, container"


def test_markup_in_names_stays_text() -> None:
    report = make_report()
    device = report.device_info.model_copy(update={"host": "[red]x[/red] <script>"})

    assert "[red]x[/red] <script>" in render_summary(
        report.model_copy(update={"device_info": device})
    )


def test_a_plan_names_what_a_person_needs() -> None:
    check("plan.txt", render_plan(make_container_plan().to_dict()))


def test_a_plan_shows_no_values_that_are_not_set() -> None:
    plan = make_container_plan().to_dict()
    workload = plan["spec"]["workloads"][0]
    workload["params"] |= {"temperature": 0.0, "load": None, "tuned": False, "levels": [1, 4]}
    workload["open_reasons"] = ["params.load: {'concurrency': [1]} instead of None"]
    workload["dataset"]["revision"] = None
    shown = " ".join(render_plan(plan).split())

    assert "warmup rows 50, temperature 0, levels 1,4 open params.load changed" in shown
    assert "None" not in shown
    assert "revision -" not in shown


def test_a_plan_shows_each_model_the_settings_of_its_own() -> None:
    plan = make_container_plan().to_dict()
    first, *_ = plan["spec"]["steps"]
    other = {**first, "model": {**first["model"], "id": "some/other"}}
    plan["spec"]["steps"] = [first, other]
    recipes = {first["model"]["id"]: {"width": 512}, "*": {"width": 1024}}
    plan["spec"]["workloads"][0]["params"] = {"kind": "diffusion", "recipes": recipes, "images": 8}
    shown = " ".join(render_plan(plan).split())

    own, others = (part.partition("step ")[0] for part in shown.split("params ")[1:])
    assert own.startswith("width 512, images 8")
    assert others.startswith("width 1024, images 8")


def test_warnings_are_shown() -> None:
    report = make_report()
    (task,) = report.tasks
    name, model = next(iter(task.models.items()))
    warned = model.model_copy(update={"warnings": ("The server is another machine.",)})
    models = {**task.models, name: warned}
    changed = report.model_copy(update={"tasks": (task.model_copy(update={"models": models}),)})

    assert f"{name}: The server is another machine." in render_summary(changed)
