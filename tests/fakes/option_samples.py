"""A value of every option of a task."""

from pathlib import Path
from typing import Any

from nobs.tasks import vlms

HUB_TEXTS = {"dataset": "owner/texts"}
SAMPLES: dict[str, tuple[dict[str, Any], Any]] = {
    "model": ({}, ("owner/model",)),
    "trust_remote_code": ({"model": ("owner/model",)}, True),
    "dataset": ({}, "owner/texts"),
    "split": (HUB_TEXTS, "test"),
    "column": (HUB_TEXTS, "body"),
    "rows": ({}, 2),
    "weights": ({}, "random"),
    "weights_seed": ({"weights": "random"}, 7),
    "batch_size": ({}, 64),
    "max_seq_length": ({}, 9),
    "dtype": ({}, "float16"),
    "tuning_budget": ({}, 3.0),
    "pass_budget": ({}, 3.0),
    "provider": ({"llm_url": "http://127.0.0.1:8000/v1"}, "ollama"),
    "llm_url": ({}, "http://127.0.0.1:8000/v1"),
    "llm_model": ({"llm_url": "http://127.0.0.1:8000/v1"}, "another"),
    "setup_lm_studio": ({}, True),
    "max_output_tokens": ({}, 7),
    "request_timeout": ({}, 5.0),
    "concurrency": ({}, (4,)),
    "inputs": ({}, (2, 16)),
    "rate": ({}, (0.5,)),
    "arrivals": ({"rate": (0.5,)}, "constant"),
    "sweep": ({}, True),
    "share": ({"concurrency": (4,), "start_at": "+90s"}, "0/3"),
    "start_at": ({"concurrency": (4,)}, "+90s"),
    "slot": ({"concurrency": (4,), "start_at": "+90s"}, 30.0),
    "slo": ({}, "ttft=1s,tpot=50ms"),
    "image_size": ({}, 64),
    "steps": ({}, 3),
    "images": ({}, 3),
    "guidance": ({}, 2.5),
    "negative_prompt": ({}, "blurry"),
    "max_side": ({}, 96),
    "pictures": ({}, str(Path(vlms.__file__).with_name("files"))),
    "one_image_questions": ({}, 3),
}
"""By option: others without which it has no effect, and a value."""
