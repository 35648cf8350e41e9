from nobs.render.catalog import models_text


def test_a_model_of_a_server_has_no_pin_to_show() -> None:
    lines = models_text().splitlines()

    assert lines[lines.index("gpt-oss-20b") + 2] == "  server (as the server runs it)"
    assert "None" not in models_text()
