# OpenBao of the appliance: one node, raft on its volume, TLS, static seal, two audit devices.
# The first start also reads initialize.hcl (beside this file) and leaves no root token behind.

ui = false
cluster_name = "dmp"
api_addr = "https://openbao.dmp-system.svc:8200"
cluster_addr = "https://127.0.0.1:8201"
log_format = "json"
log_level = "info"

storage "raft" {
  path = "/openbao/data"
  node_id = "openbao-0"
  performance_multiplier = 1
}

listener "tcp" {
  address = "0.0.0.0:8200"
  cluster_address = "127.0.0.1:8201"
  tls_cert_file = "/openbao/data/tls/tls.crt"
  tls_key_file = "/openbao/data/tls/tls.key"
  tls_min_version = "tls13"
  telemetry {
    unauthenticated_metrics_access = false
  }
}

# Never for production groups: whoever reads the Secret can unseal (condition InsecureSeal).
seal "static" {
  current_key_id = "openbao-seal-1"
  current_key = "file:///openbao/seal/key"
}

# Two devices: a request is answered as long as one of them could log it.
audit "file" "volume" {
  options {
    file_path = "/openbao/audit/audit.log"
    mode = "0600"
  }
}

audit "file" "stdout" {
  options {
    file_path = "stdout"
  }
}
