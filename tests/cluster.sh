#!/usr/bin/env bash
# Runs a batch on a real single-machine Slurm, started for this: eight shards, one requeued, one cancelled.
# Not part of the tests: it needs root and Debian's packages slurm-wlm (22.05.8) and munge.
#
#   tests/cluster.sh [FOLDER]
#
# Exit code 1 if a check fails.
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath "${1:-$(mktemp -d)}")
redraft=${REDRAFT:-}
if [ -z "$redraft" ]; then
  cargo build --quiet --manifest-path "$here/Cargo.toml" || exit 1
  redraft=${CARGO_TARGET_DIR:-$here/target}/debug/redraft
fi
for program in slurmctld slurmd munged sbatch; do
  command -v "$program" >/dev/null || { echo "$program is not here: apt-get install slurm-wlm munge"; exit 1; }
done
mkdir -p "$folder" && cd "$folder" && chmod 755 . || exit 1
bad=0
processes=()
trap 'for process in "${processes[@]}"; do kill "$process" 2>/dev/null; done; wait' EXIT

# Start munge and Slurm, with all their files in this folder.
host=$(hostname -s)
mkdir -p munge slurm/state slurm/spool
chmod 700 munge
dd if=/dev/urandom of=munge/key bs=1024 count=1 status=none && chmod 600 munge/key
munged --foreground --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
  --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" \
  > munge/out 2>&1 &
processes+=($!)
cat > slurm/slurm.conf <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CryptoType=crypto/munge
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$folder/slurm/state
SlurmdSpoolDir=$folder/slurm/spool
SlurmctldPidFile=$folder/slurm/ctld.pid
SlurmdPidFile=$folder/slurm/d.pid
SlurmctldLogFile=$folder/slurm/ctld.log
SlurmdLogFile=$folder/slurm/d.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MaxArraySize=20
SchedulerParameters=sched_interval=2
MpiDefault=none
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8
END
export SLURM_CONF=$folder/slurm/slurm.conf
for _ in $(seq 50); do [ -S munge/socket ] && break; sleep 0.2; done
slurmctld -D > slurm/ctld.out 2>&1 & processes+=($!)
slurmd -D -N "$host" > slurm/d.out 2>&1 & processes+=($!)
for _ in $(seq 100); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 0.3; done
sinfo || { tail -5 slurm/ctld.log slurm/d.log munge/log; exit 1; }

# A slow model that counts its calls.
cat > model.py <<'END'
import os, sys, time
said = sys.stdin.read()
with open(os.environ['CALLS'], 'a') as calls:
    calls.write('call\n')
time.sleep(2)
print('```python\nprint("it works")\n```')
END
export CALLS=$folder/calls HOME=$folder/home
: > calls
mkdir -p home
cat > config.yaml <<END
model: mine/m
preset: quick
providers: { mine: { kind: command, command: "python3 $folder/model.py" } }
END
for n in $(seq 0 23); do echo "{\"id\": \"t$n\", \"task\": \"print it works, number $n\"}"; done > tasks.jsonl
batch() { "$redraft" --config config.yaml batch tasks.jsonl "$@"; }

said=$(batch --engine slurm --shards 24 2>&1)
[[ "$said" = *MaxArraySize* ]] || { echo 'bad: more shards than the cluster takes'; bad=1; }
batch --no-run --candidates 1 --jobs 1 --engine slurm --shards 8 --time 10 --array-limit 8 || exit 1
job=$(sed 's/.*"id":"\([0-9]*\)".*/\1/' sessions/batch-tasks/job.json)
running() { squeue -h -o %T -j "${job}_$1" 2>/dev/null | grep -q RUNNING; }
begun() { ls sessions/t0/journal.jsonl sessions/t1/journal.jsonl > /dev/null 2>&1; }
for _ in $(seq 100); do running 1 && running 2 && begun && break; sleep 0.2; done
squeue
echo "requeue ${job}_1, cancel ${job}_2"
scontrol requeue "${job}_1"
scancel "${job}_2"
for _ in $(seq 900); do
  squeue -h -j "$job" 2>/dev/null | grep -q . || break
  sleep 0.5
done
batch --status | tail -1
batch --merge > merged.txt
tail -3 merged.txt
grep -q 'resume with: ' sessions/batch-tasks/slurm-"${job}"_2.log || { echo 'bad: the cancelled shard did not pause'; bad=1; }
grep -q interrupted sessions/batch-tasks/slurm-"${job}"_1.log || { echo 'bad: no log of the first run of shard 1'; bad=1; }
# Run the cancelled shard again, without Slurm.
SLURM_ARRAY_TASK_ID=2 sh sessions/batch-tasks/batch.sbatch > again.txt 2>&1
batch --merge > merged.txt || { echo 'bad: not all are accepted'; bad=1; }
tail -2 merged.txt
answers=$(cat sessions/*/journal.jsonl | grep -c '"event":"model_call_finished"')
echo "$(wc -l < calls) calls, $answers answers of 24 tasks"
[ "$answers" -eq 24 ] || { echo 'bad: an answer was paid for twice'; bad=1; }
[ "$bad" -eq 0 ] && echo 'all as it should be'
exit $bad
