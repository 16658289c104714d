#!/usr/bin/env bash
# Runs training or testing on several processes:
#   tools/launch.sh train|test CONFIG [options of the command] --gpus N [--nodes M --node-rank R --master HOST] [--port P]
# One process per GPU (or per --gpus N on a machine without GPUs: gloo). Under SLURM (SLURM_PROCID set by
# srun) it starts no processes of its own.
set -euo pipefail

usage() { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

command=${1:-}
[[ $command == train || $command == test ]] || usage
shift
value() { (($# > 1)) || { echo "error: $1 needs a value" >&2; exit 2; }; }
gpus=1 nodes=1 node_rank=0 master=127.0.0.1 port=${PORT:-29500}
rest=()
while (($#)); do
  case $1 in
    --gpus) value "$@"; gpus=$2; shift 2 ;;
    --nodes) value "$@"; nodes=$2; shift 2 ;;
    --node-rank) value "$@"; node_rank=$2; shift 2 ;;
    --master) value "$@"; master=$2; shift 2 ;;
    --port) value "$@"; port=$2; shift 2 ;;
    *) rest+=("$1"); shift ;;
  esac
done
((${#rest[@]})) || usage
[[ $gpus =~ ^[1-9][0-9]*$ ]] || { echo "error: --gpus must be 1 or more, got '$gpus'" >&2; exit 2; }
script=$(dirname "$0")/$command.py
python=python
[[ -x .venv/bin/python ]] && python=.venv/bin/python
if [[ -n ${SLURM_PROCID:-} ]]; then
  exec "$python" "$script" "${rest[@]}" --launcher slurm
fi
exec "$python" -m torch.distributed.run --nproc-per-node "$gpus" --nnodes "$nodes" --node-rank "$node_rank" \
  --master-addr "$master" --master-port "$port" "$script" "${rest[@]}" --launcher pytorch
