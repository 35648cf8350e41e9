from nobs.launch.doctor.check import Check, State
from nobs.render.doctor import render_checks


def test_a_failure_stands_out_and_its_remedy_below() -> None:
    ok = Check(name="python", state=State.OK, found="Python 3.13.0")
    bad = Check(
        name="driver", state=State.FAIL, found="It is " + "very " * 20 + "old.", remedy="Go."
    )
    assert render_checks([vars(ok), vars(bad)]) == (
        "ok   python        Python 3.13.0\n"
        "FAIL driver        It is very very very very very very very very very very very\n"
        "                   very very very very very very very very very old.\n"
        "                   -> Go.\n"
    )
