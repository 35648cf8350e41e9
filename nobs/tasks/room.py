"""The free memory of the machine and the device, compared with what weights need."""

import torch

from nobs.errors import RequirementError
from nobs.system.host import free_memory
from nobs.units import format_bytes


def check_room(what: str, needed: int, torch_device: str) -> None:
    """Raise RequirementError unless `needed` bytes are free, in the machine and on the device.

    Weights come into the machine's memory first. `what` begins the message.
    """
    places = [("memory", free_memory())]
    if torch_device == "cuda":
        places.append(("device memory", torch.cuda.mem_get_info()[0]))
    for name, free in places:
        if needed > free:
            raise RequirementError(
                f"{what}; {format_bytes(free)} of {name} are free.",
                "Free some memory, or choose a smaller --model or a --dtype of 16 bits.",
            )
