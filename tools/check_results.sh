#!/bin/sh
# Validates the reports that people contributed and renders them: tools/check_results.sh RESULTS SITE
set -eu
results=$1
site=$2
set -- "$results"/report_*.json
if [ ! -e "$1" ]; then
    echo "no report_*.json in $results: nothing to validate"
    exit 0
fi
nobs validate "$@"
mkdir -p "$site"
nobs report --format html -o "$site/index.html" "$@"
nobs report --format markdown "$@"
