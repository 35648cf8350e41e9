"""Names of models: which ways of writing mean the same one, and which differences are real."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.providers.model_names import (
    NameMatch,
    compare_names,
    explain_other_model,
    find_lookalikes,
    names_same_model,
)  # fmt: skip
from nobs.providers.name_parts import without_folders
from nobs.schema.server import ModelIdentity

SHA256 = "6a0746a1ec1aef3e7ec53868f220ff6e389f6f8ef87a01d77c96807de94ca2aa"
SHA1 = SHA256[:40]
SAME = [
    # Owners, registries, paths and files.
    ("openai/gpt-oss-20b", "gpt-oss-20b"),
    ("gpt-oss-20b", "openai/gpt-oss-20b"),
    ("openai/gpt-oss-20b", "lmstudio-community/gpt-oss-20b-GGUF"),
    ("qwen2-7b-instruct", "/models/Qwen2-7B-Instruct-Q4_K_M.gguf"),
    ("/models/Qwen2-7B-Instruct-Q4_K_M.gguf", "Qwen2-7B-Instruct-Q4_K_M.gguf"),
    ("Qwen2-7B-Instruct", "C:\\Users\\me\\models\\qwen2-7b-instruct-q8_0.gguf"),
    ("qwen2-0.5b-instruct", "qwen2-0_5b-instruct-fp16.gguf"),
    ("Qwen/Qwen2-7B", f"/home/me/.cache/huggingface/hub/models--Qwen--Qwen2-7B/snapshots/{SHA1}"),
    ("qwen2-7b", "/data/Qwen2-7B/model-00001-of-00004.safetensors"),
    ("llama-3.3-70b-instruct", "Llama-3.3-70B-Instruct-Q4_K_M-00001-of-00002.gguf"),
    ("gemma-3-1b-it", "google_gemma-3-1b-it-Q4_K_M.gguf"),
    ("qwen3-4b", "bartowski/Qwen_Qwen3-4B-GGUF"),
    ("llama-3.1-8b-instruct", "meta-llama/Meta-Llama-3.1-8B-Instruct"),
    ("koboldcpp/tiny", "tiny"),
    ("models/gemini-2.0-flash", "gemini-2.0-flash"),
    ("mlx-community/Llama-3.2-1B-Instruct-4bit", "llama-3.2-1b-instruct-mlx-4bit"),
    ("Llama-3.2-1B-Instruct", "/Users/me/mlx/Llama-3.2-1B-Instruct-8bit/"),
    # Tags.
    ("llama3", "llama3:latest"),
    ("llama3:latest", "registry.ollama.ai/library/llama3:latest"),
    ("llama3.2:1b", "llama3.2-1b"),
    ("gemma3:1b-it-qat", "gemma-3-1b-it-qat"),
    ("gemma-3-1b-it-qat", "gemma-3-1b-it"),
    ("hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M", "Llama-3.2-1B-Instruct-Q4_K_M.gguf"),
    ("meta-llama/llama-3.3-70b-instruct:free", "meta-llama/llama-3.3-70b-instruct"),
    ("gpt-oss-20b", "gpt-oss-20b@mxfp4"),
    ("gpt-oss-20b", "gpt-oss-20b:2"),
    ("gpt-oss-20b@q4_k_m", "gpt-oss-20b-Q4_K_M"),
    ("gpt-oss-20b@q4_k_m", "gpt-oss-20b@Q4-K-M"),
    ("lfm2-350m@fp16", "LFM2-350M-F16.gguf"),
    ("qwen2.5-7b-instruct-awq", "Qwen2.5-7B-Instruct-AWQ-INT4"),
    ("qwen2.5-7b-instruct-int4", "qwen2.5-7b-instruct-4bit"),
    ("Meta-Llama-3.1-8B-Instruct", "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16"),
    ("Meta-Llama-3.1-8B-Instruct", "neuralmagic/Meta-Llama-3.1-8B-Instruct-FP8-dynamic"),
    ("qwen3-30b", "qwen3-30b-a3b"),
    ("smollm2-135m", "SmolLM2-0.135B"),
    # Case of letters and separators.
    ("GPT-OSS-20B", "gpt_oss_20b"),
    # llama.cpp's cache writes the repository in front of the file.
    ("ggml-org/gemma-3-1b-it-GGUF",
     "/home/u/.cache/llama.cpp/ggml-org_gemma-3-1b-it-GGUF_gemma-3-1b-it-Q4_K_M.gguf"),
    ("ggml-org/gpt-oss-20b-GGUF", "ggml-org_gpt-oss-20b-GGUF_gpt-oss-20b-mxfp4.gguf"),
    ("phi-3.5-mini", "Phi 3.5 mini"),
    # Dated snapshots.
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ("gpt-4", "gpt-4-0613"),
    ("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
    ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
    ("gemini-1.5-pro", "gemini-1.5-pro-002"),
    ("mistral-large-latest", "mistral-large-2407"),
]  # fmt: skip
OTHER = [
    # Families and versions.
    ("openai/gpt-oss-20b", "gemma-3-1b-it-qat"),
    ("llama-3.1-8b", "llama-3-8b"),
    ("qwen2.5-7b", "qwen2-7b"),
    ("qwen2.5-7b", "qwen2-57b"),
    ("mistral-7b-instruct-v0.1", "mistral-7b-instruct-v0.3"),
    ("deepseek-r1", "deepseek-v3"),
    ("model-a", "model-b"),
    ("my-model", "Qwen2.5-7B-Instruct"),
    ("m", "gemma-3-1b-it"),
    ("ggml-org/gemma-3-1b-it-GGUF", "ggml-org_gemma-3-1b-it-GGUF_mmproj-model-f16.gguf"),
    # Sizes.
    ("gpt-oss-20b", "gpt-oss-120b"),
    ("gpt-oss-1b", "gpt-oss-20b"),
    ("deepseek-r1:7b", "deepseek-r1:671b"),
    ("llama3:70b", "llama3:latest"),
    ("llama-3.2-1b", "/models/Llama-3.2-11B.gguf"),
    ("mixtral-8x7b", "mixtral-8x22b"),
    ("smollm2-135m", "smollm2-360m"),
    ("gemma-3n-e4b", "gemma-3n-e2b"),
    ("qwen3-235b-a22b", "qwen3-235b-a3b"),
    # Variants.
    ("qwen2-7b-instruct", "qwen2-7b"),
    ("gemma-3-1b", "gemma-3-1b-it"),
    ("qwen2.5-7b-instruct", "qwen2.5-coder-7b-instruct"),
    ("llama-3-8b-instruct", "llama-3-8b-instruct-abliterated"),
    ("phi-3-mini-4k-instruct", "phi-3-mini-128k-instruct"),
    ("qwen3-4b-2507", "qwen3-4b"),
    ("qwen3-4b", "qwen3-4b-2507"),
    ("gpt-4o", "gpt-4o-mini"),
    ("gpt-4", "gpt-4-32k"),
    ("gpt-oss:20b", "gpt-oss:20b-cloud"),
    # Quantisations, formats, instances and dates that both names have.
    ("qwen3-4b@q4_k_m", "qwen3-4b@q8_0"),
    ("qwen3-4b@q4_k_m", "qwen3-4b@q4_k_s"),
    ("lfm2-350m@bf16", "lfm2-350m@f16"),
    ("qwen3-4b-iq4_xs", "qwen3-4b-iq4_nl"),
    ("qwen3-4b-4bit", "qwen3-4b-8bit"),
    ("qwen3-4b:Q4_K_M", "/models/Qwen3-4B-Q8_0.gguf"),
    ("qwen3-4b-awq", "qwen3-4b-gptq"),
    ("qwen3-4b-GGUF", "qwen3-4b-mlx"),
    ("gpt-oss-20b:2", "gpt-oss-20b:3"),
    ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
]
PLACEHOLDERS = [
    None, "", " ", "m", "unknown", "default", "tgi", "model", "/model", "/mnt/models/",
    "/home/me/model.gguf", f"sha256-{SHA256}", f"/usr/share/ollama/models/blobs/sha256-{SHA256}",
]  # fmt: skip


@pytest.mark.parametrize(("asked", "answered"), SAME)
def test_ways_of_writing_one_model_are_the_same(asked: str, answered: str) -> None:
    assert compare_names(asked, answered) is NameMatch.SAME


@pytest.mark.parametrize(("asked", "answered"), OTHER)
def test_a_real_difference_is_another_model(asked: str, answered: str) -> None:
    assert compare_names(asked, answered) is NameMatch.OTHER
    assert not names_same_model(asked, answered)


@pytest.mark.parametrize("answered", PLACEHOLDERS)
def test_a_name_that_says_nothing_confirms_and_contradicts_nothing(answered: str | None) -> None:
    assert compare_names("qwen3-4b", answered) is NameMatch.UNNAMED
    assert names_same_model("qwen3-4b", answered)


def test_who_asks_for_whatever_is_there_claims_nothing() -> None:
    assert compare_names("default_model", "mlx-community/Qwen3-4B-4bit") is NameMatch.UNNAMED


@pytest.mark.parametrize(
    ("runtime", "match"), [("llama.cpp", NameMatch.UNNAMED), ("vllm", NameMatch.OTHER)]
)
def test_the_constant_name_of_old_llama_cpp_counts_there_alone(
    runtime: str, match: NameMatch
) -> None:
    identity = ModelIdentity(id="qwen3-4b", runtime=runtime)
    assert compare_names("qwen3-4b", "gpt-3.5-turbo", identity) is match


def test_an_alias_of_the_servers_list_is_the_model_whatever_it_is_called() -> None:
    identity = ModelIdentity(id="my-model", aliases=("/models/Qwen2.5-7B-Instruct-Q4_K_M.gguf",))
    assert names_same_model("my-model", "/models/Qwen2.5-7B-Instruct-Q4_K_M.gguf", identity)
    assert names_same_model("my-model", "qwen2.5-7b-instruct", identity)
    assert not names_same_model("my-model", "qwen2.5-7b-instruct@q8_0", identity)
    assert not names_same_model("my-model", "gemma-3-1b-it", identity)


def test_a_name_that_the_list_gives_to_another_model_is_another_one() -> None:
    listed = ["openai/gpt-oss-20b", "unsloth/gpt-oss-20b", "gpt-oss-20b@q8_0", "gemma-3-1b"]
    lookalikes = find_lookalikes("openai/gpt-oss-20b", listed)
    assert lookalikes == ("unsloth/gpt-oss-20b", "gpt-oss-20b@q8_0")
    identity = ModelIdentity(id="openai/gpt-oss-20b", lookalikes=lookalikes)
    assert not names_same_model("openai/gpt-oss-20b", "unsloth/gpt-oss-20b", identity)
    assert names_same_model("openai/gpt-oss-20b", "gpt-oss-20b", identity)


@pytest.mark.parametrize(
    ("described", "answered", "is_same"),
    [
        ({"quantization": "Q4_K_M"}, "qwen3@q8_0", False),
        ({"quantization": "Q4_K - Medium"}, "qwen3-Q4_K_M.gguf", True),
        ({"quantization": "BF16"}, "qwen3@f16", False),
        ({"quantization": "4bit"}, "qwen3-q4_0", True),
        ({"parameters": "4.0B"}, "qwen3-4b", True),
        ({"parameters": "1.24B"}, "qwen3:1b", True),
        ({"parameters": "494M"}, "qwen3-0.5b", True),
        ({"parameters": "30B-A3B"}, "qwen3-30b-a3b", True),
        ({"parameters": "4.0B"}, "qwen3-32b", False),
    ],
)
def test_what_the_list_says_of_the_model_must_fit_the_answer(
    described: dict[str, str], answered: str, is_same: bool
) -> None:
    identity = ModelIdentity(id="qwen3", **described)
    assert names_same_model("qwen3", answered, identity) is is_same


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/me/models/Qwen2-7B-Q4_K_M.gguf", "Qwen2-7B-Q4_K_M.gguf"),
        ("C:\\Users\\me\\Qwen2-7B.gguf", "Qwen2-7B.gguf"),
        ("/data/Qwen2-7B/model.gguf", "Qwen2-7B/model.gguf"),
        (f"/home/me/hub/models--Qwen--Qwen2-7B/snapshots/{SHA1}", "models--Qwen--Qwen2-7B"),
        ("/mnt/models/", "mnt/models"),
        ("Qwen/Qwen2-7B", "Qwen/Qwen2-7B"),
        ("qwen2:7b", "qwen2:7b"),
    ],
)
def test_of_a_path_the_report_keeps_what_names_the_model(path: str, shown: str) -> None:
    assert without_folders(path) == shown
    assert compare_names(path, shown) is not NameMatch.OTHER


FAMILIES = ["qwen3", "llama-3.1", "gemma-3", "gpt-oss", "mistral-small", "phi-4-mini", "k2"]
SIZES = ["0.5b", "1b", "8b", "20b", "8x7b", "235b-a22b", "270m"]
VARIANTS = ["", "-instruct", "-coder", "-thinking"]
STYLES = [
    "{}", "owner/{}", "/srv/models/{}", "{}-GGUF", "{}.gguf", "/m/{}-Q4_K_M.gguf", "{}:latest",
    "registry.example:5000/library/{}:q4_k_m", "lmstudio-community/{}-GGUF", "{}@q4_k_m", "{}/",
]  # fmt: skip
QUANTIZATION_PAIRS = list(permutations(["q4_k_m", "q8_0", "bf16", "mxfp4"], 2))
NAMES = st.builds(
    "{}-{}{}".format, st.sampled_from(FAMILIES), st.sampled_from(SIZES), st.sampled_from(VARIANTS)
)


@given(NAMES, NAMES, st.sampled_from(STYLES), st.sampled_from(STYLES), st.booleans())
def test_styles_of_writing_never_decide(
    asked: str, answered: str, one: str, other: str, upper: bool
) -> None:
    answer = other.format(answered.upper() if upper else answered)
    assert names_same_model(one.format(asked), answer) is (asked == answered)


@pytest.mark.parametrize(("one", "other"), QUANTIZATION_PAIRS)
def test_two_quantisations_are_told_apart_in_every_style(one: str, other: str) -> None:
    for style in ("m-8b@{}", "m-8b-{}", "m-8b:{}", "/models/M-8B-{}.gguf", "m-8b.{}.gguf"):
        assert not names_same_model(f"m-8b@{one}", style.format(other.upper()))
        assert names_same_model(f"m-8b@{one}", style.format(one.upper()))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_two_texts_can_be_compared(asked: str, answered: str) -> None:
    compare_names(asked, answered)
    assert names_same_model(asked, asked)


def test_both_names_and_a_remedy_are_told() -> None:
    message, remedy = explain_other_model("gpt-oss-20b", "gemma-3-1b")
    assert "'gpt-oss-20b'" in message
    assert "'gemma-3-1b'" in message
    assert "--llm-model gemma-3-1b" in remedy
