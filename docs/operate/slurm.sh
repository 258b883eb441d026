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
# SIGTERM ten seconds before the end, to the program itself: it hands its leases back.
#SBATCH --signal=TERM@10
# A partition or QOS that yours preempt: --partition=backfill, or --qos=preemptable.
set -euo pipefail

export PINGO_FOG=${PINGO_FOG:-http://fog.example:4710}
export PINGO_HOME=${SLURM_TMPDIR:-/tmp}/pingo-${SLURM_JOB_ID:-0}
# Slurm says when this may run; the agent lends all of what it was given.
export PINGO_PROVIDER_POLICY=off
export PINGO_PROVIDER_SLOTS=${SLURM_CPUS_PER_TASK:-1}
mkdir -p "$PINGO_HOME"

exec "${PINGO_ROOT:-/opt/pingo}/node_modules/.bin/node" "${PINGO_ROOT:-/opt/pingo}/apps/provider/src/main.ts"
