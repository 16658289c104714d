#!/usr/bin/env bash
# Measures all that needs a GPU in at most 9 minutes, the most important first:
#   tools/gpu_session.sh FOLDER [--wheels FOLDER] [--seconds N] [--dry-run]
# FOLDER gets results files, stages.jsonl (a line of JSON per measurement), steps.txt (seconds and exit code of
# every step) and log.txt. A session that is cut keeps what its steps have written.
# --wheels: first install the wheels of this folder, without a network. --seconds: of all steps together (default
# 540). --dry-run: the same steps on a CPU with tiny models; nothing that it writes is a result.
set -uo pipefail

usage() { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
fail() { echo "error: $1" >&2; exit 2; }

out= wheels= seconds=540 device=cuda
while (($#)); do
  case $1 in
    --wheels) (($# > 1)) || fail "$1 needs a value"; wheels=$2; shift 2 ;;
    --seconds) (($# > 1)) || fail "$1 needs a value"; seconds=$2; shift 2 ;;
    --dry-run) device=cpu; shift ;;
    -*) usage ;;
    *) [[ -z $out ]] || usage; out=$1; shift ;;
  esac
done
[[ -n $out ]] || usage
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "--seconds must be 1 or more, got '$seconds'"
[[ -z $wheels || -d $wheels ]] || fail "--wheels: no folder $wheels"
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 2
[[ -z $wheels ]] || wheels=$(cd "$wheels" && pwd)
cd "$(dirname "$0")/.." || exit 2
python=python3
[[ -x .venv/bin/python ]] && python=.venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONPATH="$PWD:$work/site${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
end=$((SECONDS + seconds)) failed=0

# step NAME LIMIT COMMAND...: run it for at most LIMIT seconds, or what is left; lines of JSON are kept.
step() {
  local name=$1 limit=$2 began=$SECONDS code
  shift 2
  [[ $device == cuda ]] || limit=$seconds  # limits are those of a GPU
  ((limit < end - SECONDS)) || limit=$((end - SECONDS))
  if ((limit < 1)); then
    echo "$name: left out, no time" | tee -a "$out/steps.txt"
    return
  fi
  echo "== $name: $*" >>"$out/log.txt"
  timeout -k 5 "$limit" "$@" 2>>"$out/log.txt" | tee -a "$out/log.txt" | grep --line-buffered '^{' >>"$out/stages.jsonl"
  code=${PIPESTATUS[0]}
  ((code == 0)) || failed=1
  echo "$name: $((SECONDS - began)) s, exit code $code" | tee -a "$out/steps.txt"
}
stage() {
  local name=$1 limit=$2
  shift 2
  step "$name $*" "$limit" "$python" tools/benchmark.py "$name" --write "$out/speed_gpu.json" "$@" --device "$device" --json
}

if [[ -n $wheels ]]; then
  step wheels 120 "$python" -m pip install -q --no-index --no-deps --no-compile --target "$work/site" "$wheels"/*.whl
fi
if [[ $device == cuda ]]; then
  "$python" -c 'import torch; assert torch.cuda.is_available()' 2>>"$out/log.txt" ||
    fail "torch sees no GPU here; --dry-run tries the steps on a CPU"
  huge=vit_h base=vit_b models=full once=() halves="float32 bfloat16" names="100 1203" clicks="1 64 256"
  semantic="escnet/escnet_vitb16_cocostuff_80k catseg/catseg_vitb16_cocostuff_80k" classes="150 847"
  timed=(--repeats 10 --warm-up 3) fixtures=(float32 tf32 bfloat16 float16) quick=() collect=() pictures=
else
  huge=mini base=mini models=mini once=(--repeats 1 --warm-up 0) halves=float32 names=3 clicks="1 3"
  semantic=parity/catseg_tiny classes=3
  timed=("${once[@]}") fixtures=(float32) quick=(--list) collect=(--collect-only) pictures="--images 4"
fi

for precision in $halves; do stage encoder 60 --architecture "$huge" --precision "$precision" "${once[@]}"; done
step parity 90 "$python" -m tests.parity.errors --device "$device" --precisions "${fixtures[@]}" --output "$out/errors.json"
# shellcheck disable=SC2086  # several words
stage image 60 --of "$models" --precisions $halves "${timed[@]}"
# shellcheck disable=SC2086
stage click 45 --architecture "$base" --prompts $clicks "${once[@]}"
# shellcheck disable=SC2086
stage train 120 --of "$models" --precisions $halves "${timed[@]}"
stage profile 45 --images 40 "${once[@]}"
step tests 90 "$python" -m pytest -q -p no:cacheprovider -m gpu "${collect[@]}" tests
for config in $semantic; do
  for number in $classes; do
    stage semantic 30 "$config" --classes "$number" "${timed[@]}" --write "$out/semantic.json"
  done
done
stage encoder 30 --architecture "$base" --precision "${halves##* }" "${once[@]}"
# shellcheck disable=SC2086
stage vocabulary 30 --classes $names "${once[@]}"
# shellcheck disable=SC2086
stage evaluate 60 $pictures "${once[@]}"
# shellcheck disable=SC2086
step cache_teacher 30 "$python" tools/benchmark.py cache_teacher $pictures --write "$out/speed_gpu.json" --json
if [[ $device == cuda ]]; then  # nothing is compiled for a CPU
  export TORCHINDUCTOR_CACHE_DIR="$work/compiled"
  stage click 60 --architecture "$base" --prompts 1 16 "${timed[@]}" --compile
  stage image 90 --of "$models" --precisions bfloat16 "${timed[@]}" --compile
  stage encoder 120 --architecture "$huge" --precision bfloat16 "${once[@]}" --compile
fi
step quickstart 300 "$python" tools/quickstart.py --root "$work/quickstart" --slots 4 "${quick[@]}"
for file in timing.json results.json; do
  [[ -f $work/quickstart/$file ]] && cp "$work/quickstart/$file" "$out/quickstart_$file"
done
exit "$failed"
