import errno

import pytest
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from nobs.data.hub import hub_errors
from nobs.errors import DataError, ModelMissing, NobsError, StorageError


@pytest.mark.parametrize(
    ("raised", "expected", "text"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StorageError, "No space left"),
        (PermissionError(errno.EACCES, "Permission denied"), StorageError, "HF_HOME"),
        (LocalEntryNotFoundError("no"), ModelMissing, "can't be reached"),
        (HFValidationError("bad id"), ModelMissing, "Check the spelling"),
        (OSError("Consistency check failed"), ModelMissing, "Consistency check failed"),
    ],
)
def test_an_error_of_the_client_becomes_ours(
    raised: Exception, expected: type[NobsError], text: str
) -> None:
    with pytest.raises(expected, match=text), hub_errors(ModelMissing, "model a/b", None):
        raise raised


def test_our_own_errors_pass() -> None:
    with pytest.raises(DataError, match="ours"), hub_errors(ModelMissing, "model a/b", None):
        raise DataError("ours", "")
