#!/usr/bin/env bash
# Runs training, testing or the caching of a teacher's features on several processes:
#   tools/launch.sh train|test|cache_teacher CONFIG [options of the command] --gpus N
#                   [--nodes M --node-rank R --master HOST] [--port P]
# N processes (default 1), one per GPU (gloo on a machine without GPUs), started by torchrun. Inside a SLURM job
# srun starts them, on all nodes at once (SRUN_ARGS: more options of srun); inside an srun step none are started.
# A training that SIGUSR1 stopped (sbatch --signal=USR1@120) saves and is put back into SLURM's queue; it resumes.
set -euo pipefail

usage() { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
fail() { echo "error: $1" >&2; exit 2; }

command=${1:-}
[[ $command == train || $command == test || $command == cache_teacher ]] || usage
shift
value() { (($# > 1)) || fail "$1 needs a value"; }
gpus=1 nodes=1 node_rank=0 master= port=${PORT:-29500}
rest=()
while (($#)); do
  case $1 in
    --gpus=* | --nodes=* | --node-rank=* | --master=* | --port=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
    --gpus) value "$@"; gpus=$2; shift 2 ;;
    --nodes) value "$@"; nodes=$2; shift 2 ;;
    --node-rank) value "$@"; node_rank=$2; shift 2 ;;
    --master) value "$@"; master=$2; shift 2 ;;
    --port) value "$@"; port=$2; shift 2 ;;
    *) rest+=("$1"); shift ;;
  esac
done
((${#rest[@]})) || usage
[[ $gpus =~ ^[1-9][0-9]*$ ]] || fail "--gpus must be 1 or more, got '$gpus'"
[[ $nodes =~ ^[1-9][0-9]*$ ]] || fail "--nodes must be 1 or more, got '$nodes'"
script=$(dirname "$0")/$command.py
python=python
[[ -x .venv/bin/python ]] && python=.venv/bin/python
# A wrong name is told once and at once, not by every process under a launcher's trace (but by every srun task).
[[ ${rest[0]} == -* ]] || "$python" -c '
import sys
from ovsam.cli import find_config
try:
    find_config(sys.argv[1])
except OSError as error:
    sys.exit(f"error: {error}")' "${rest[0]}" || exit 2

step=${SLURM_STEP_ID:-}
# The shells of sbatch and salloc may count as steps of their own, with these numbers.
[[ $step == 4294967290 || $step == 4294967291 ]] && step=
if [[ -n ${SLURM_JOB_ID:-} && -z $step ]]; then
  if command -v scontrol >/dev/null && [[ -n ${SLURM_JOB_NODELIST:-} ]]; then
    master=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
  fi
  export MASTER_ADDR=${master:-127.0.0.1} MASTER_PORT=$port
  [[ $command == train && ${SLURM_RESTART_COUNT:-0} -gt 0 ]] && rest+=(--resume)
  export OVSAM_REQUEUE_FILE=$PWD/.requeue_$SLURM_JOB_ID  # the training makes it
  rm -f "$OVSAM_REQUEUE_FILE"
  # shellcheck disable=SC2206  # SRUN_ARGS is several words
  run=(srun --nodes "$nodes" --ntasks "$((nodes * gpus))" --ntasks-per-node "$gpus" --kill-on-bad-exit=1
    ${SRUN_ARGS:-} "$python" "$script" "${rest[@]}" --launcher slurm)
  [[ ! -t 0 ]] || exec "${run[@]}"  # a person is there, and no queue to go back to
  "${run[@]}" &
  for signal in USR1 TERM; do
    # shellcheck disable=SC2064  # the signal of this turn; srun hands it on
    trap "was_heard=1; kill -$signal \$! 2>/dev/null || true" $signal
  done
  # A signal ends the wait, too.
  while was_heard=0 code=0; wait $! || code=$?; ((was_heard)); do :; done
  if [[ -e $OVSAM_REQUEUE_FILE ]]; then
    rm "$OVSAM_REQUEUE_FILE"
    scontrol requeue "$SLURM_JOB_ID"
  fi
  exit "$code"
fi
if [[ -n ${SLURM_PROCID:-} ]]; then
  exec "$python" "$script" "${rest[@]}" --launcher slurm
fi
((nodes == 1)) || [[ -n $master ]] || fail "--nodes $nodes needs --master HOST, and --node-rank on each node"
# torchrun hands these on, and gives the processes 30 seconds.
export TORCHELASTIC_SIGNALS_TO_HANDLE=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1
exec "$python" -m torch.distributed.run --nproc-per-node "$gpus" --nnodes "$nodes" --node-rank "$node_rank" \
  --master-addr "${master:-127.0.0.1}" --master-port "$port" "$script" "${rest[@]}" --launcher pytorch
