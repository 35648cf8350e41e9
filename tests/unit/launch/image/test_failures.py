import pytest

from nobs.errors import EngineError, NobsError, StorageError
from nobs.launch.image.failures import explain_build_failure

# Recorded from BuildKit 0.8 (dockerd 20.10.24) with buildx 0.13.1, shortened.
NO_BASE = """\
#3 [internal] load metadata for docker.io/library/nosuchimage:1
#3 ERROR: failed to do request: Head "https://registry-1.docker.io/v2/library/nosuchimage/manifests/1"
------
 > [internal] load metadata for docker.io/library/nosuchimage:1:
------
ERROR: failed to solve: rpc error: code = Unknown desc = failed to solve with frontend: \
failed to create LLB definition: failed to do request: lookup registry-1.docker.io: no such host"""
NO_TORCH_INDEX = """\
#7 [wheels 3/3] RUN sh /build/install.sh torch /build/torch.txt "cpu"
#7 0.663 Using Python 3.13.5 environment at: /opt/venv
#7 6.664 error: Request failed after 3 retries in 6.0s
------
 > [wheels 3/3] RUN sh /build/install.sh torch /build/torch.txt "cpu":
6.664 error: Request failed after 3 retries in 6.0s
6.664   cause: Failed to fetch: https://download.pytorch.org/whl/cpu/torch/
6.664   cause: error sending request for url (https://download.pytorch.org/whl/cpu/torch/)
6.665   cause: dns error
------
ERROR: failed to solve: executor failed running [/bin/sh -c sh install.sh]: exit code: 2"""
NO_OTHER_TORCH_INDEX = NO_TORCH_INDEX.replace("download.pytorch.org/whl/cpu", "mirror.invalid")
NO_SUCH_TORCH_BACKEND = """\
------
 > [wheels 3/3] RUN sh /build/install.sh torch /build/torch.txt "nosense":
0.368 error: invalid value 'nosense' for '--torch-backend <TORCH_BACKEND>'
------
ERROR: failed to solve: executor failed running [/bin/sh -c sh install.sh]: exit code: 2"""
NO_PACKAGE_INDEX = """\
------
 > [wheels 2/3] RUN sh /build/install.sh locked /build/bench.txt:
6.664   cause: Failed to fetch: https://index.invalid/simple/anyio/
6.665   cause: dns error
------
ERROR: failed to solve: executor failed running [/bin/sh -c sh install.sh]: exit code: 2"""
WRONG_TORCH = """\
------
 > [checked 1/1] RUN /opt/venv/bin/python -B /build/check_torch.py rocm "default":
3.340 check_torch: the rocm image needs a torch with ROCm (HIP), but TORCH_INDEX=default gave \
torch 2.15.0+cu132 built for CUDA 13.2.
------
ERROR: failed to solve: executor failed running [/bin/sh -c check_torch.py]: exit code: 1"""
CLI_28_WITHOUT_BUILDX = "docker: unknown command: docker buildx\n\nRun 'docker --help' for more"
CLI_20_WITHOUT_BUILDX = "docker: 'buildx' is not a docker command.\nSee 'docker --help'"
CLI_20_WITHOUT_BUILDX_BUT_FLAGS = "unknown flag: --builder\nSee 'docker --help'."
NO_DAEMON = "ERROR: Cannot connect to the Docker daemon at unix:///x.sock. Is it running?"
NO_SPACE = """\
------
 > [wheels 2/3] RUN sh /build/install.sh locked /build/bench.txt:
90.1 error: failed to write: No space left on device (os error 28)
------
ERROR: failed to solve: executor failed running [/bin/sh -c sh install.sh]: exit code: 2"""


@pytest.mark.parametrize(
    ("output", "kind", "remedy"),
    [
        (NO_BASE, EngineError, "NOBS_BASE_IMAGE"),
        (NO_TORCH_INDEX, EngineError, "`default` is the package index"),
        (NO_OTHER_TORCH_INDEX, EngineError, "--torch-index"),
        (NO_SUCH_TORCH_BACKEND, EngineError, "--torch-index"),
        (NO_PACKAGE_INDEX, EngineError, "NOBS_BUILD_NETWORK=host"),
        (WRONG_TORCH, EngineError, "an index that has such builds"),
        (CLI_28_WITHOUT_BUILDX, EngineError, "buildx"),
        (CLI_20_WITHOUT_BUILDX, EngineError, "buildx"),
        (CLI_20_WITHOUT_BUILDX_BUT_FLAGS, EngineError, "buildx"),
        (NO_DAEMON, EngineError, "docker buildx ls"),
        (NO_SPACE, StorageError, "builder prune"),
        ("ERROR: something new", EngineError, "docker/"),
        ("", EngineError, "docker/"),
    ],
)
def test_each_failure_has_its_remedy(output: str, kind: type[NobsError], remedy: str) -> None:
    error = explain_build_failure(output.splitlines(), "nobs:cpu")

    assert type(error) is kind
    assert remedy in error.remedy
    assert "nobs:cpu" in error.message


def test_the_lines_of_the_failed_step_are_shown_once_and_without_times() -> None:
    message = explain_build_failure(NO_TORCH_INDEX.splitlines(), "nobs:cpu").message

    assert message.count("Request failed after 3 retries") == 1
    assert "\nerror: Request failed" in message
    assert "exit code: 2" in message
    assert "Using Python" not in message


def test_a_flood_of_output_is_cut_to_its_end() -> None:
    output = [f"#5 {number}.0 line {number} {'x' * 1000}" for number in range(1000)]

    message = explain_build_failure(output, "nobs:cpu").message

    assert "line 999 " in message
    assert "line 980 " not in message
    assert len(message) < 4000
