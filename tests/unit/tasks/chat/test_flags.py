from typing import Any

import pytest

from nobs.schema.enums import Backend, Status
from nobs.schema.flags import FlagName
from nobs.schema.server import Locality, ModelIdentity, ServerRef
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.report import LlmModelReport


@pytest.mark.parametrize(
    ("server", "flags"),
    [
        ({"locality": Locality.LOCAL}, set()),
        ({"locality": Locality.REMOTE}, {FlagName.REMOTE_SERVER}),
        ({"locality": Locality.UNKNOWN}, set()),
        (
            {"locality": Locality.UNKNOWN, "locality_reason": "It is a gateway."},
            {FlagName.UNKNOWN_SERVER},
        ),
        ({"identity": ModelIdentity(id="m", gpu_offload=1.0)}, set()),
        ({"identity": ModelIdentity(id="m", gpu_offload=0.5)}, {FlagName.PARTIAL_OFFLOAD}),
    ],
)
def test_servers(server: dict[str, Any], flags: set[FlagName]) -> None:
    ref = ServerRef(provider="openai", base_url="http://127.0.0.1:1/v1", model="m", **server)
    report = LlmModelReport(model_name="m", device=Backend.CPU, status=Status.OK, server=ref)

    assert {flag.name for flag in DEFINITION.find_flags(report)} == flags
