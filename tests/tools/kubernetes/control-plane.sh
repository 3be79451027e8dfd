#!/usr/bin/env bash
# Starts or stops a control plane on loopback: etcd, kube-apiserver, controller manager, scheduler and a fake kubelet.
# usage: control-plane.sh start BIN_DIR STATE_DIR [CPU MEMORY]
#        control-plane.sh stop STATE_DIR [COMPONENT]     all of them, or one: etcd, apiserver, controllers, scheduler, kubelet
#        control-plane.sh resume STATE_DIR COMPONENT     one that was stopped, with its old data
# After start, STATE_DIR/kubeconfig works with kubectl and helm. The one node offers CPU and MEMORY (32, 64Gi).
# What pods do is said by annotations: see fakelet.py. Needs curl, openssl and python3.
# environment: API_PORT, ETCD_PORT, ETCD_PEER_PORT, KUBELET_PORT; OWNER_PID: all ends when that process does
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# Starts a component and keeps its command line for `resume`.
run() {
  local name=$1; shift
  printf '%q ' "$@" >"$name.command"
  setsid "$@" >>"$name.log" 2>&1 </dev/null &
  echo $! >"$name.pid"
}

# The same for one that ends itself when the API server is away while it starts: a kubelet starts it again.
run_again() {
  local name=$1; shift
  run "$name" bash -c 'trap "kill \$! 2>/dev/null; exit" TERM; while :; do "$@" & wait $!; sleep 1; done' -- "$@"
}

# Ends a component by its pid and waits until it is gone.
halt() {
  [[ -f $1 ]] || return 0
  local pid; pid=$(cat "$1"); rm -f "$1"
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 40); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
}

ready() {
  local url; url=$(cat url)/readyz
  for _ in $(seq 300); do
    curl -skf --max-time 5 -o /dev/null -H "Authorization: Bearer $(cut -d, -f1 tokens.csv)" "$url" && return 0
    sleep 0.2
  done
  tail -5 apiserver.log; return 1
}

verb=${1:?start, stop or resume}; shift
case $verb in
  stop)
    cd "${1:?STATE_DIR}"
    for name in ${2:-kubelet scheduler controllers apiserver etcd}; do halt "$name.pid"; done
    exit 0 ;;
  resume)
    cd "${1:?STATE_DIR}"; halt "${2:?COMPONENT}.pid"
    eval "run $2 $(cat "$2.command")"
    ready; exit 0 ;;
  start) ;;
  *) echo "start, stop or resume" >&2; exit 2 ;;
esac

bin=$(cd "${1:?BIN_DIR}" && pwd); state=$(mkdir -p "${2:?STATE_DIR}" && cd "$2" && pwd); cpu=${3:-32}; memory=${4:-64Gi}
port=${API_PORT:-16443} etcd_port=${ETCD_PORT:-12379}
peer_port=${ETCD_PEER_PORT:-$((etcd_port + 1))} kubelet_port=${KUBELET_PORT:-$((port + 1))}
cd "$state"; rm -rf etcd ./*.log; umask 077
openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 30 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
openssl genrsa -out sa.key 2048 2>/dev/null
token=$(openssl rand -hex 16); echo "$token,admin,admin,system:masters" >tokens.csv
echo "https://127.0.0.1:$port" >url
cat >kubeconfig <<K
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:$port", certificate-authority-data: $(base64 -w0 tls.crt)}}]
users: [{name: u, user: {token: $token}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
K
run etcd etcd --data-dir etcd --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
  --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
  --initial-cluster "default=http://127.0.0.1:$peer_port" --unsafe-no-fsync
run apiserver "$bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$etcd_port" --bind-address=127.0.0.1 --secure-port="$port" \
  --tls-cert-file=tls.crt --tls-private-key-file=tls.key --token-auth-file=tokens.csv --service-account-issuer=https://127.0.0.1 \
  --service-account-key-file=sa.key --service-account-signing-key-file=sa.key --authorization-mode=RBAC \
  --service-cluster-ip-range=10.96.0.0/16 --advertise-address=127.0.0.1 --disable-admission-plugins=ServiceAccount \
  --allow-privileged=true --endpoint-reconciler-type=none --kubelet-preferred-address-types=InternalIP
ready
# No ports of their own, so that several control planes run beside each other.
common=(--kubeconfig=kubeconfig --bind-address=127.0.0.1 --port=0 --secure-port=0 --leader-elect=false)
# The stand-in kubelet sends no heartbeats: without them the node would count as lost after 40 s.
run_again controllers "$bin/kube-controller-manager" "${common[@]}" --node-monitor-grace-period=8760h --service-account-private-key-file=sa.key --root-ca-file=tls.crt
run_again scheduler "$bin/kube-scheduler" "${common[@]}"
run kubelet python3 "$here/fakelet.py" . "$cpu" "$memory" "$kubelet_port" "${OWNER_PID:-}"
for _ in $(seq 100); do
  curl -skf -o /dev/null -H "Authorization: Bearer $token" "https://127.0.0.1:$port/api/v1/nodes/sim-0" && break
  sleep 0.2
done
echo "kubernetes: ready, KUBECONFIG=$state/kubeconfig"
