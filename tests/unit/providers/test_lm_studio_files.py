"""Which files of a model of LM Studio are put out of memory before it is loaded."""

from pathlib import Path

from nobs.providers.lmstudio.cold import files_below


def test_a_projector_beside_the_weights_is_loaded_with_them(tmp_path: Path) -> None:
    names = ("weights-Q4_K_M.gguf", "weights-Q8_0.gguf", "mmproj-weights-F16.gguf", "README.md")
    for name in names:
        (tmp_path / name).touch()
    weights, _, projector, _ = (tmp_path / name for name in names)

    assert list(files_below([weights])) == [weights, projector]
    assert {*files_below([tmp_path])} == {tmp_path / name for name in names}
    assert list(files_below([tmp_path / "none.gguf"])) == []
