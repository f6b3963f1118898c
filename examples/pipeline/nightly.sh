#!/bin/sh
# nightly.sh WORKBOOK SPEC: prices first, then the simulation, then a mail if the risk is too high. Any step may be killed and the script
# started again: each job is there once.
set -eu
workbook=$1 spec=$2 day=${3:-$(date +%F)}
limit=${LIMIT:-0}

prices=$(sim-submit -q --key "prices-$day" --retries 5 --backoff 2s --timeout 10min -- sh -c "${PRICES:-true}")
model=$(sim-submit -q --key "model-$day" --after-ok "$prices" --deadline 2h "$workbook" --spec "$spec" -n "${TRIALS:-1e6}" --seed 42)

sim-run --all --quiet >/dev/null || true
if ! sim-progress --wait --timeout 3h "$model" --format ndjson >/dev/null; then
    sim-progress "$model" --format ndjson | jq -r '"job \(.job) \(.state): \(.reason)"' >&2
    exit 1
fi
sim-aggregate "$model" --format json --above "$limit" |
    jq -r --argjson limit "$limit" '.targets[0] | "mean \(.mean), P(> \($limit)) = \(.above[0].prob)"'
