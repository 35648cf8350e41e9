#!/bin/sh
# Lints the scripts of the HTML page as the browser has them: one after the other in one scope, so that
# a name that none of them defines, or that none uses, is found.
set -eu
cd "$(dirname "$0")/.."
scripts=$(mktemp -d)
trap 'rm -r "$scripts"' EXIT
mode='"use strict";'
echo "$mode" > "$scripts/page.js"
(cd nobs/render/assets && cat page.js tables.js devices.js charts.js kinds.js) | grep -vxF "$mode" >> "$scripts/page.js"
oxlint --config .oxlintrc.json --deny-warnings "$scripts/page.js"
