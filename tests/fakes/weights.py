"""A small model repository without torch: real safetensors bytes, beside what nobody needs."""

import json
from pathlib import Path

FILES = ("config.json", "modules.json", "tokenizer.json", "vocab.txt", "1_Pooling/config.json")
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
OTHER_FILES = (
    "pytorch_model.bin",
    "onnx/model.onnx",
    "onnx/config.json",
    "README.md",
    "tf_model.h5",
)


def safetensors(content: bytes) -> bytes:
    """Return a file that holds `content` as one tensor of bytes."""
    tensor = {"dtype": "U8", "shape": [len(content)], "data_offsets": [0, len(content)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "weight": tensor}).encode()
    return len(header).to_bytes(8, "little") + header + content


def write_model(directory: Path, content: bytes = b"12345678") -> Path:
    """Fill `directory`, a commit, with a model that the loading code takes for one."""
    for name in (*FILES, *OTHER_FILES):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(json.dumps({"file": name}))
    (directory / "modules.json").write_text(json.dumps(MODULES))
    (directory / "model.safetensors").write_bytes(safetensors(content))
    return directory
