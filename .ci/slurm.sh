#!/bin/bash
# slurm.sh start | stop: a Slurm controller with three nodes, n1 to n3, that are all this machine, on loopback.
# slurm.sh kill NODE | node NODE: lets one die with all that runs on it; starts it again.
# Its configuration: $CI_STATE/slurm/slurm.conf (SLURM_CONF). The packages are those of the machine's release.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

STATE=$CI_STATE/slurm
PORT=17000
export SLURM_CONF=$STATE/slurm.conf

version() { slurmctld -V | sed 's/[^0-9]*\([0-9]*\).*/\1/'; }

configure() {
    local cpus memory name
    cpus=$(nproc)
    memory=$(awk '/^MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
    name=$(uname -n)
    mkdir -p "$STATE"/{ctld,spool}
    chmod 700 "$STATE"
    head -c 1024 /dev/urandom > "$STATE/munge.key"
    chmod 600 "$STATE/munge.key"
    # EnforcePartLimits stays off, as it is by default: an impossible request queues for ever.
    # cred_expire: a requeued job may start after as many seconds; by default after two minutes.
    cat > "$SLURM_CONF" <<CONF
ClusterName=nobs
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=$PORT
SlurmctldPidFile=$STATE/slurmctld.pid
SlurmctldLogFile=$STATE/slurmctld.log
StateSaveLocation=$STATE/ctld
SlurmdSpoolDir=$STATE/spool/%n
SlurmdPidFile=$STATE/slurmd-%n.pid
SlurmdLogFile=$STATE/slurmd-%n.log
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$STATE/munge.socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
JobAcctGatherType=jobacct_gather/linux
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=15
KillWait=20
InactiveLimit=0
GresTypes=gpu
NodeName=n1 NodeHostname=$name NodeAddr=127.0.0.1 Port=$((PORT + 1)) CPUs=$cpus RealMemory=$memory Gres=gpu:h100:1
NodeName=n2 NodeHostname=$name NodeAddr=127.0.0.1 Port=$((PORT + 2)) CPUs=$cpus RealMemory=$memory Gres=gpu:h100:1
NodeName=n3 NodeHostname=$name NodeAddr=127.0.0.1 Port=$((PORT + 3)) CPUs=$cpus RealMemory=$memory
PartitionName=all Nodes=n[1-3] Default=YES MaxTime=600 DefaultTime=10 State=UP
PartitionName=short Nodes=n[1-2] MaxTime=5 State=UP
CONF
    cat > "$STATE/gres.conf" <<CONF
NodeName=n[1-2] Name=gpu Type=h100 File=/dev/null
CONF
    # Newer ones set up control groups even where no plugin uses them.
    [ "$(version)" -lt 23 ] || echo "CgroupPlugin=disabled" > "$STATE/cgroup.conf"
    # A container of `srun --container`.
    cat > "$STATE/oci.conf" <<CONF
RunTimeQuery="runc --root=$STATE/oci/ state %n.%u.%j.%s.%t"
RunTimeKill="runc --root=$STATE/oci/ kill -a %n.%u.%j.%s.%t"
RunTimeDelete="runc --root=$STATE/oci/ delete --force %n.%u.%j.%s.%t"
RunTimeRun="runc --root=$STATE/oci/ run %n.%u.%j.%s.%t -b %b"
CONF
}

# Without its configuration Slurm waits for it for a minute.
idle() { [ -e "$SLURM_CONF" ] && [ "$(sinfo --noheader --Node --partition=all --format=%T 2>/dev/null | grep -cx idle)" = 3 ]; }

start() {
    local node
    install_packages slurm-wlm munge runc
    say "SLURM_CONF=$SLURM_CONF"
    idle && return
    stop_all
    configure
    run munged munged --foreground --force --socket="$STATE/munge.socket" --key-file="$STATE/munge.key" \
        --pid-file="$STATE/munged.pid" --log-file="$STATE/munged.log" --seed-file="$STATE/munged.seed"
    await 20 test -S "$STATE/munge.socket" || die "munged does not start: $STATE/munged.out"
    run slurmctld slurmctld -D -f "$SLURM_CONF"
    for node in n1 n2 n3; do node "$node"; done
    await 60 idle || { tail -n 20 "$STATE"/*.out >&2; die "the nodes of Slurm do not become idle"; }
}

# node NAME: starts one node's daemon, as after a reboot.
node() { run "slurmd-$1" slurmd -D -N "$1" -f "$SLURM_CONF"; }

# Lets a node die: first its daemon, then all that Slurm started there and the daemons that watch that.
kill_node() {
    local environment pid parent
    kill -KILL "$(cat "$STATE/slurmd-$1.id")"
    for environment in /proc/[0-9]*/environ; do
        grep -qzxF "SLURMD_NODENAME=$1" "$environment" 2>/dev/null || continue
        pid=$(cut -d/ -f3 <<<"$environment")
        parent=$(awk '{ print $4 }' "/proc/$pid/stat" 2>/dev/null) || continue
        [ "$(cat "/proc/$parent/comm" 2>/dev/null)" != slurmstepd ] || kill -KILL "$parent" 2>/dev/null || true
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# Ends what the .id files name, jobs first.
stop_all() {
    local name
    [ ! -e "$SLURM_CONF" ] || timeout 20 scancel --state=RUNNING --partition=all >/dev/null 2>&1 || true
    for name in slurmd-n1 slurmd-n2 slurmd-n3 slurmctld munged; do end "$name" "${name%-n?}"; done
    rm -rf "$STATE"
}

case $1 in
    start) start ;;
    node) node "$2" ;;
    kill) kill_node "$2" ;;
    stop) stop_all ;;
    *) die "slurm.sh start | stop | kill NODE | node NODE" ;;
esac
