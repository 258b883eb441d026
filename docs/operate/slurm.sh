#!/usr/bin/env bash
# Backfill of a Slurm cluster: fills idle cores, requeued whenever a job of yours wants them.
#   sbatch docs/operate/slurm.sh
#SBATCH --job-name=pingo
#SBATCH --array=1-16
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --time=12:00:00
#SBATCH --time-min=00:10:00
#SBATCH --nice=2147483645
#SBATCH --requeue
#SBATCH --open-mode=append
# SIGTERM thirty seconds before the end, and at once when preempted where the partition sets GraceTime: to this shell ("B:"),
# since the program is no job step of its own, and this shell passes it on.
#SBATCH --signal=B:TERM@30
# A partition or QOS that yours preempt: --partition=backfill, or --qos=preemptable.
set -euo pipefail

export PINGO_FOG=${PINGO_FOG:-http://fog.example:4710}
export PINGO_HOME=${SLURM_TMPDIR:-/tmp}/pingo-${SLURM_JOB_ID:-0}
# Slurm says when this may run; the agent lends all of what it was given.
export PINGO_PROVIDER_POLICY=off
export PINGO_PROVIDER_SLOTS=${SLURM_CPUS_PER_TASK:-1}
mkdir -p "$PINGO_HOME"

"${PINGO_ROOT:-/opt/pingo}/node_modules/.bin/node" "${PINGO_ROOT:-/opt/pingo}/apps/provider/src/main.ts" &
provider=$!
# A shell that waits in the foreground hears a signal only once its program has ended.
trap 'kill -TERM "$provider" 2>/dev/null || true' TERM INT
# Of key, cache and results nothing serves a later job: what was handed in is with the fog node.
trap 'rm -rf -- "$PINGO_HOME"' EXIT
# The first wait ends with the signal, the last one with the program, once it has handed its leases back.
status=0
while kill -0 "$provider" 2>/dev/null; do
  wait "$provider" && status=0 || status=$?
done
exit "$status"
