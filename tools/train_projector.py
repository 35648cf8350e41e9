"""Trains the vision projector of `vlms-quick`: pictures of one shape -> words of SmolLM2.

    OMP_NUM_THREADS=1 python -m tools.train_projector OUT.gguf

No language model is in the loop. The 36 outputs of a small vision transformer learn to be
SmolLM2's own input embeddings of ` a <colour> <shape>.`, nine times: the model reads the picture as
if it were text. Seeded, one thread; another version of torch or another CPU rounds differently, so
the file that is shipped is pinned by its sha256 and not trained again (docs/explanation/
pictures-and-projector.md has the figures).
"""

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, GGUFWriter, dequantize
from torch import Tensor, nn
from torch.nn import functional

from nobs.providers.weights import find_weights
from tools.shapes import COLOURS, SHAPES, Shapes, choose_shapes, draw_shapes, mark_corners

SIDE, PATCH = 96, 16
WIDTH, HEADS, BLOCKS, HIDDEN, PROJECTOR_HIDDEN = 64, 4, 3, 192, 192
EPSILON = 1e-5
SEED, STEPS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 0, 2000, 32, 2e-3, 0.01
SENTENCES = 9
VOCABULARY = (*COLOURS, *SHAPES, "a", ".")
WEIGHT_OF_WORD = (1.0, 3.0, 5.0, 1.0)
"""Of `a`, colour, shape and full stop in the loss: the shape is the hardest."""
SHARPNESS = 20
"""Softens the distances between embeddings to logits."""


class Block(nn.Module):
    """One layer of the transformer, with llama.cpp's order of operations."""

    def __init__(self) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(WIDTH, EPSILON), nn.LayerNorm(WIDTH, EPSILON)
        self.attn_q, self.attn_k, self.attn_v, self.attn_out = (
            nn.Linear(WIDTH, WIDTH) for _ in range(4)
        )
        self.ffn_up, self.ffn_down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, 36, 64) from the same shape."""
        normal = self.ln1(x)
        query, key, value = (
            layer(normal).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for layer in (self.attn_q, self.attn_k, self.attn_v)
        )
        seen = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.attn_out(seen.transpose(1, 2).flatten(2))
        return x + self.ffn_down(gelu(self.ffn_up(self.ln2(x))))


class Tower(nn.Module):
    """Vision transformer and projector: (n, 3, 96, 96) in 0..1 -> (n, 36, width of the LLM)."""

    def __init__(self, width_of_llm: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.position = nn.Parameter(0.02 * torch.randn((SIDE // PATCH) ** 2, WIDTH))
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.inner = nn.Linear(WIDTH, PROJECTOR_HIDDEN)
        self.outer = nn.Linear(PROJECTOR_HIDDEN, width_of_llm)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return what the LLM shall read in the place of the picture."""
        patches = self.patch((pictures - 0.5) / 0.5).flatten(2).transpose(1, 2)
        x = self.norm(patches + self.position)
        for block in self.blocks:
            x = block(x)
        return self.outer(gelu(self.inner(x)))


class Words:
    """The embeddings that the tower shall produce."""

    def __init__(self, weights: Path) -> None:
        reader = GGUFReader(weights)
        listed = reader.fields["tokenizer.ggml.tokens"].contents()
        names = [word if word == "." else f"Ġ{word}" for word in VOCABULARY]
        table = next(each for each in reader.tensors if each.name == "token_embd.weight")
        rows = [listed.index(name) for name in names]
        self.embeddings = torch.tensor(
            dequantize(table.data[rows], table.tensor_type), dtype=torch.float32
        )
        self.variance = self.embeddings.std() ** 2

    def loss(self, outputs: Tensor, shapes: Shapes) -> tuple[Tensor, Tensor]:
        """Return the loss, and (n, 36) whether each output is nearest to the right word."""
        a, stop = (torch.full((len(shapes.colour),), VOCABULARY.index(word)) for word in "a.")
        colour = torch.from_numpy(shapes.colour)
        shape = torch.from_numpy(shapes.shape) + len(COLOURS)
        wanted = torch.stack([a, colour, shape, stop], 1).repeat(1, SENTENCES)
        weight = torch.tensor(WEIGHT_OF_WORD).repeat(SENTENCES)
        error = (outputs - self.embeddings[wanted]).square().mean(-1) * weight
        squares = outputs.square().sum(-1, keepdim=True) + self.embeddings.square().sum(-1)
        distance = squares - 2 * outputs @ self.embeddings.T
        logits = -distance / (2 * self.variance * SHARPNESS)
        named = functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        return error.mean() / self.variance + named, logits.argmax(-1) == wanted


def gelu(x: Tensor) -> Tensor:
    """Return the activation that `clip.use_gelu` means in llama.cpp."""
    return functional.gelu(x, approximate="tanh")


def draw(random: np.random.Generator, n: int) -> tuple[Tensor, Shapes]:
    """Return `n` new pictures; half of them have a block of other pixels in a corner."""
    shapes = choose_shapes(random, n)
    pictures = draw_shapes(shapes, SIDE)
    mark_corners(random, pictures[: n // 2])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2), shapes


def train(tower: Tower, words: Words) -> None:
    """Train on pictures that are drawn as they are needed; none comes twice."""
    random = np.random.default_rng(SEED)
    optimizer = torch.optim.AdamW(tower.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, STEPS)
    for step in range(STEPS):
        pictures, shapes = draw(random, BATCH)
        loss, _ = words.loss(tower(pictures), shapes)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"{step} {loss.item():.4f} {time.process_time():.0f} CPU s", flush=True)


@torch.no_grad()
def validate(tower: Tower, words: Words) -> str:
    """Return the loss and the share of new pictures whose every word is right."""
    pictures, shapes = draw(np.random.default_rng(SEED + 99), 400)
    loss, right = words.loss(tower.eval()(pictures), shapes)
    return f"validation loss {loss:.4f}, wholly right {right.all(1).float().mean():.1%}"


def write(tower: Tower, path: Path) -> None:
    """Write llama.cpp's file of a vision tower with an `mlp` projector."""
    writer = GGUFWriter(path, "clip")
    for name in ("clip.has_vision_encoder", "clip.use_gelu"):
        writer.add_bool(name, val=True)
    writer.add_string("clip.projector_type", "mlp")
    numbers = {
        "image_size": SIDE, "patch_size": PATCH, "embedding_length": WIDTH,
        "feed_forward_length": HIDDEN, "projection_dim": tower.outer.out_features,
        "block_count": BLOCKS, "attention.head_count": HEADS,
    }  # fmt: skip
    for name, value in numbers.items():
        writer.add_uint32(f"clip.vision.{name}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", EPSILON)
    # Without it the graph of LLaVA skips the last block.
    writer.add_array("clip.vision.feature_layer", [BLOCKS])
    for name in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{name}", [0.5] * 3)
    for name, tensor in tensors_of(tower).items():
        writer.add_tensor(name, tensor.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tensors_of(tower: Tower) -> dict[str, Tensor]:
    """Return the weights by llama.cpp's names."""
    layers: dict[str, nn.Module] = {
        "v.pre_ln": tower.norm,
        "mm.0": tower.inner,
        "mm.2": tower.outer,
    }
    for number, block in enumerate(tower.blocks):
        layers |= {f"v.blk.{number}.{name}": layer for name, layer in block.named_children()}
    named = {
        f"{layer}.{name}": value
        for layer, module in layers.items()
        for name, value in module.named_parameters()
    }
    return {
        "v.patch_embd.weight": tower.patch.weight,
        "v.position_embd.weight": tower.position,
        **named,
    }


def main() -> None:
    """Train, validate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    path = parser.parse_args().file
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    words = Words(find_weights())
    tower = Tower(words.embeddings.shape[1])
    train(tower, words)
    parameters = sum(weight.numel() for weight in tower.parameters())
    write(tower, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{validate(tower, words)}; {parameters} parameters; sha256 {digest}")


if __name__ == "__main__":
    main()
