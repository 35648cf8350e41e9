#!/bin/sh
# Fetches the chart libraries that the HTML page carries from the npm registry, as published, with
# their licences, and writes their digests. Change a version here, run it, look at the difference.
set -eu
cd "$(dirname "$0")/../nobs/render/assets"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() {  # fetch NAME PACKAGE VERSION FILE
    archive=$(cd "$work" && npm pack --silent "$2@$3")
    mkdir "$work/$1"
    tar -xzf "$work/$archive" -C "$work/$1" --strip-components 1
    cp "$work/$1/dist/$4" "$4"
    cp "$work/$1/LICENSE" "LICENSE-$1.txt"
    chmod 644 "$4" "LICENSE-$1.txt"
}

fetch d3 d3 7.9.0 d3.min.js
fetch plot @observablehq/plot 0.6.17 plot.umd.min.js
sha256sum d3.min.js plot.umd.min.js LICENSE-*.txt > vendored.sha256
