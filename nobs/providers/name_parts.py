"""A model's name taken apart: servers write one model in many ways. Pure.

`/models/Qwen2-7B-Instruct-Q4_K_M.gguf`, `qwen2:7b-instruct-q4_K_M` and `Qwen/Qwen2-7B-Instruct`
have the same family and size; the first two name a quantisation as well.
"""

import re
from dataclasses import dataclass, replace

_BOUNDED = r"(?<![a-z0-9])(?<!\d\.)(?:{})(?![a-z0-9])"
_QUANTIZATION = re.compile(
    _BOUNDED.format(
        r"[it]?q\d(?:[-_]?(?:k|nl|xxs|xs|[01sml](?![a-z0-9.]))(?:[-_]?(?:xxs|xs|s|m|l|xl))?)?"
        r"|(?:bf|fp|f)(?:4|8|16|32)|(?:mx|nv)fp\d|nf4|w\d+a\d+|int\d|\d(?:\.\d+)?[-_]?bits?"
        r"|\d(?:\.\d+)?[-_]?bpw|awq|gptq|bnb|exl[23]|hqq|aqlm|eetq"
    )
)
_SIZE = re.compile(
    _BOUNDED.format(r"(?P<lead>\d+x|e)?(?P<number>[01]_\d+|\d+(?:\.\d+)?)(?P<unit>[bmt])")
)
_ACTIVE = re.compile(_BOUNDED.format(r"a\d+(?:\.\d+)?b"))
_DATE = re.compile(_BOUNDED.format(r"20\d\d-[01]\d-[0-3]\d|20\d\d[01]\d[0-3]\d"))
_SHORT_DATE = re.compile(r"[-_](\d{3,4})$")
_HOSTED = re.compile(
    r"gpt-\d|o\d|chatgpt|claude|gemini|grok|(mistral|magistral)-(large|medium|small)"
)
"""Services that date their models in three or four digits; elsewhere those are another model."""
_INSTANCE = re.compile(r":(\d+)$")
_EXTENSION = re.compile(r"\.(gguf|ggml|safetensors|bin|pth?|onnx)$")
_SHARD = re.compile(r"[-_]\d{5}-of-\d{5}$")
_OWNER = re.compile(
    r"^(?:[a-z0-9.-]+--|(?:google|qwen|mistralai|openai|meta-llama|deepseek-ai|microsoft|nvidia|"
    r"huggingfacetb|ibm-granite|zai-org|moonshotai|lmstudio-community|mlx-community|unsloth)_"
    r"|meta-(?=llama))"
)
"""Owners that are written into the name, as in `google_gemma-3-1b-it` or `models--Qwen--Qwen2`."""
_REPOSITORY = re.compile(r"^.+[-_]gguf_(?=.)")
"""llama.cpp writes it in front of files of its cache: `ggml-org_gemma-3-1b-it-GGUF_gemma-3-...`."""
_HASH = re.compile(r"(?:sha256[-:])?[0-9a-f]{32,64}$")
_GENERIC = frozenset(
    {"", "model", "models", "ggmlmodel", "pytorchmodel", "consolidated", "weights"}
)
"""Files and folders that name no model; the one above may."""
_PATH = re.compile(r"[/~\\]|[a-zA-Z]:[/\\]")
_FORMATS = {"gguf": "gguf", "ggml": "gguf", "mlx": "mlx", "onnx": "onnx"}
_NOISE = frozenset(
    {"latest", "hf", "qat", "unsloth", "ud", "imatrix", "imat", "i1", "dynamic", "quantized",
     "autoround", "dwq", "128g", "g128", "gs128", "free", "nitro", "floor"}
)  # fmt: skip
"""Words about packaging; OpenRouter's tags of price and speed."""
_SYNONYMS = {"it": "instruct"}


@dataclass(frozen=True, kw_only=True)
class NameParts:
    """A model's name in its parts; what it doesn't say is empty."""

    family: str
    """Letters and digits without the parts below: `llama31instruct`."""
    sizes: frozenset[str] = frozenset()
    """In billions of parameters, as `0.5`, or as they are written: `8x7`, `e4`."""
    active: frozenset[str] = frozenset()
    """Active parameters of a mixture of experts: `a3b`."""
    quantizations: frozenset[str] = frozenset()
    """Without separators: `q4km`, `4bit`, `awq`."""
    formats: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()
    """LM Studio numbers further instances of one model: `:2`."""
    dates: frozenset[str] = frozenset()


def split_name(name: str) -> NameParts:
    """Take apart what a server calls a model: a key, a path, a repository, an id with tags."""
    last, *above = _segments(name.casefold())
    parts = _split_segment(last)
    if parts.family not in _GENERIC:
        return parts
    folder = _split_segment(_find_folder(above))
    if not re.search(r"\d", folder.family) and not folder.sizes:
        return NameParts(family="")
    return replace(
        folder,
        quantizations=folder.quantizations | parts.quantizations,
        formats=folder.formats | parts.formats,
    )


def without_folders(name: str) -> str:
    """Return a path's part that names the model: reports don't show whose folders it lies in."""
    if not _PATH.match(name):
        return name
    last, *above = _segments(name)
    if _split_segment(last.casefold()).family not in _GENERIC:
        return last
    folder = _find_folder(above)
    return folder if folder.startswith("models--") else f"{folder}/{last}"


def _segments(name: str) -> list[str]:
    """Return the parts of a path, the last one first."""
    return re.split(r"[/\\]", name.strip("/\\ "))[::-1]


def _find_folder(above: list[str]) -> str:
    """Return the folder that may name a model: the repository's in the hub's cache, or the next."""
    cached = [folder for folder in above if folder.startswith("models--")]
    return next(iter([*cached, *above]), "")


def find_quantizations(text: str) -> frozenset[str]:
    """Return the quantisations in a text, written alike: `Q4_K_M` is `q4km`, `FP16` is `f16`."""
    return frozenset(map(_write_quantization, _QUANTIZATION.findall(text.casefold())))


class _Cut:
    """A text from which parts are cut out."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """Cut out what `pattern` finds."""
        found = list(pattern.finditer(self.text))
        self.text = pattern.sub("-", self.text).strip("-")
        return found


def _split_segment(segment: str) -> NameParts:
    cut = _Cut("" if _HASH.match(segment) else segment)
    formats = {_FORMATS.get(match[1]) for match in cut.take(_EXTENSION)}
    cut.take(_SHARD)
    cut.take(_REPOSITORY)
    cut.take(_OWNER)
    instances = cut.take(_INSTANCE)
    dates = cut.take(_DATE)
    active = cut.take(_ACTIVE)
    quantizations = cut.take(_QUANTIZATION)
    sizes = cut.take(_SIZE)
    dates += cut.take(_SHORT_DATE) if _HOSTED.match(cut.text) else []
    words = [word for word in re.split(r"[\W_]+", cut.text) if word and word not in _NOISE]
    formats |= {_FORMATS.get(word) for word in words}
    return NameParts(
        family="".join(_SYNONYMS.get(word, word) for word in words if word not in _FORMATS),
        sizes=frozenset(map(_write_size, sizes)),
        active=frozenset(match[0] for match in active),
        quantizations=frozenset(_write_quantization(match[0]) for match in quantizations),
        formats=frozenset(filter(None, formats)),
        instances=frozenset(match[1] for match in instances),
        dates=frozenset(re.sub(r"\D", "", match[0]) for match in dates),
    )


def _write_size(match: re.Match[str]) -> str:
    lead, number, unit = match["lead"] or "", match["number"].replace("_", "."), match["unit"]
    scale = {"m": 1e-3, "b": 1.0, "t": 1e3}[unit]
    return f"{lead}{float(number) * scale:g}"


def _write_quantization(text: str) -> str:
    plain = re.sub(r"[-_]", "", text)
    if bits := re.fullmatch(r"int(\d)|(\d(?:\.\d+)?)bits?", plain):
        return f"{bits[1] or bits[2]}bit"
    return re.sub(r"^fp(?=16|32)", "f", plain)
