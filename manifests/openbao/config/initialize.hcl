# What OpenBao makes of itself on its first start, before it answers anybody.
# It needs no person and leaves no root token. What depends on the platform's domain (certificates, their
# roles) is done by `dmpctl install` with the role `bootstrap`, which removes itself at the end.

initialize "mounts" {
  request "pki-root" {
    operation = "update"
    path = "sys/mounts/pki-root"
    data = {
      type = "pki"
      description = "root CA: its key lives outside the cluster"
      config = { max_lease_ttl = "87600h" }
    }
  }
  request "pki-services" {
    operation = "update"
    path = "sys/mounts/pki-services"
    data = {
      type = "pki"
      description = "certificates of the platform's services"
      config = { max_lease_ttl = "43800h" }
    }
  }
  request "pki-solutions" {
    operation = "update"
    path = "sys/mounts/pki-solutions"
    data = {
      type = "pki"
      description = "credentials of homologated software"
      config = { max_lease_ttl = "43800h" }
    }
  }
  request "pki-suite" {
    operation = "update"
    path = "sys/mounts/pki-suite"
    data = {
      type = "pki"
      description = "authority of the conformance suite's signature"
      config = { max_lease_ttl = "43800h" }
    }
  }
  request "transit" {
    operation = "update"
    path = "sys/mounts/transit"
    data = {
      type = "transit"
      description = "keys of the national plane"
    }
  }
}

initialize "keys" {
  request "log-registry" {
    operation = "update"
    path = "transit/keys/log-registry"
    data = { type = "ed25519" }
  }
  request "log-consent" {
    operation = "update"
    path = "transit/keys/log-consent"
    data = { type = "ed25519" }
  }
  request "log-audit" {
    operation = "update"
    path = "transit/keys/log-audit"
    data = { type = "ed25519" }
  }
  request "token" {
    operation = "update"
    path = "transit/keys/token"
    data = { type = "ed25519" }
  }
  request "facts" {
    operation = "update"
    path = "transit/keys/facts"
    data = { type = "ed25519" }
  }
  request "label" {
    operation = "update"
    path = "transit/keys/label"
    data = { type = "ed25519" }
  }
  request "sandbox-people" {
    operation = "update"
    path = "transit/keys/sandbox-people"
    data = { type = "ed25519" }
  }
  request "registry" {
    operation = "update"
    path = "transit/keys/registry"
    data = { type = "aes256-gcm96", derived = true }
  }
  request "consent" {
    operation = "update"
    path = "transit/keys/consent"
    data = { type = "aes256-gcm96", derived = true }
  }
  request "audit-events" {
    operation = "update"
    path = "transit/keys/audit-events"
    data = { type = "aes256-gcm96", derived = true }
  }
}

initialize "policies" {
  request "service" {
    operation = "update"
    path = "sys/policies/acl/service"
    data = {
      policy = { eval_type = "string", eval_source = "file", path = "/openbao/config/service.policy" }
    }
  }
  request "registry" {
    operation = "update"
    path = "sys/policies/acl/registry"
    data = {
      policy = { eval_type = "string", eval_source = "file", path = "/openbao/config/registry.policy" }
    }
  }
  request "consent" {
    operation = "update"
    path = "sys/policies/acl/consent"
    data = {
      policy = { eval_type = "string", eval_source = "file", path = "/openbao/config/consent.policy" }
    }
  }
  request "audit" {
    operation = "update"
    path = "sys/policies/acl/audit"
    data = {
      policy = { eval_type = "string", eval_source = "file", path = "/openbao/config/audit.policy" }
    }
  }
  request "portal" {
    operation = "update"
    path = "sys/policies/acl/portal"
    data = {
      policy = { eval_type = "string", eval_source = "file", path = "/openbao/config/portal.policy" }
    }
  }
  request "gateway" {
    operation = "update"
    path = "sys/policies/acl/gateway"
    data = {
      policy = { eval_type = "string", eval_source = "file", path = "/openbao/config/gateway.policy" }
    }
  }
  request "operator" {
    operation = "update"
    path = "sys/policies/acl/operator"
    data = {
      policy = { eval_type = "string", eval_source = "file", path = "/openbao/config/operator.policy" }
    }
  }
  request "key-metadata" {
    operation = "update"
    path = "sys/policies/acl/key-metadata"
    data = {
      policy = { eval_type = "string", eval_source = "file", path = "/openbao/config/key-metadata.policy" }
    }
  }
  request "bootstrap" {
    operation = "update"
    path = "sys/policies/acl/bootstrap"
    data = {
      policy = { eval_type = "string", eval_source = "file", path = "/openbao/config/bootstrap.policy" }
    }
  }
}

initialize "identities" {
  request "kubernetes" {
    operation = "update"
    path = "sys/auth/kubernetes"
    data = { type = "kubernetes" }
  }
  request "cluster" {
    operation = "update"
    path = "auth/kubernetes/config"
    data = { kubernetes_host = "https://kubernetes.default.svc" }
  }
  request "registry" {
    operation = "update"
    path = "auth/kubernetes/role/dmp-national.registry"
    data = {
      bound_service_account_names = "registry"
      bound_service_account_namespaces = "dmp-national"
      audience = "openbao"
      token_policies = "service,registry"
      token_ttl = "1h"
      token_max_ttl = "24h"
    }
  }
  request "consent" {
    operation = "update"
    path = "auth/kubernetes/role/dmp-national.consent"
    data = {
      bound_service_account_names = "consent"
      bound_service_account_namespaces = "dmp-national"
      audience = "openbao"
      token_policies = "service,consent"
      token_ttl = "1h"
      token_max_ttl = "24h"
    }
  }
  request "audit" {
    operation = "update"
    path = "auth/kubernetes/role/dmp-national.audit"
    data = {
      bound_service_account_names = "audit"
      bound_service_account_namespaces = "dmp-national"
      audience = "openbao"
      token_policies = "service,audit"
      token_ttl = "1h"
      token_max_ttl = "24h"
    }
  }
  request "portal" {
    operation = "update"
    path = "auth/kubernetes/role/dmp-national.portal"
    data = {
      bound_service_account_names = "portal"
      bound_service_account_namespaces = "dmp-national"
      audience = "openbao"
      token_policies = "service,portal"
      token_ttl = "1h"
      token_max_ttl = "24h"
    }
  }
  request "gateway" {
    operation = "update"
    path = "auth/kubernetes/role/dmp-national.gateway"
    data = {
      bound_service_account_names = "gateway"
      bound_service_account_namespaces = "dmp-national"
      audience = "openbao"
      token_policies = "service,gateway"
      token_ttl = "1h"
      token_max_ttl = "24h"
    }
  }
  request "operator" {
    operation = "update"
    path = "auth/kubernetes/role/dmp-system.dmp-operator"
    data = {
      bound_service_account_names = "dmp-operator"
      bound_service_account_namespaces = "dmp-system"
      audience = "openbao"
      token_policies = "service,operator"
      token_ttl = "1h"
      token_max_ttl = "24h"
    }
  }
  request "key-metadata" {
    operation = "update"
    path = "auth/kubernetes/role/dmp-system.dmp-key-metadata"
    data = {
      bound_service_account_names = "dmp-operator"
      bound_service_account_namespaces = "dmp-system"
      audience = "openbao"
      token_policies = "key-metadata"
      token_ttl = "1h"
      token_max_ttl = "24h"
    }
  }
  request "bootstrap" {
    operation = "update"
    path = "auth/kubernetes/role/dmp-system.dmp-bootstrap"
    data = {
      bound_service_account_names = "dmp-bootstrap"
      bound_service_account_namespaces = "dmp-system"
      audience = "openbao"
      token_policies = "bootstrap"
      token_ttl = "15m"
      token_max_ttl = "15m"
    }
  }
}
