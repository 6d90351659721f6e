// Package controllers stands for sigs.k8s.io/mcs-api/controllers, which no module proxy serves at the
// version that Cilium asks for. Cilium uses one constant of it, for Services of several clusters.
package controllers

// DerivedServiceAnnotation names the Service that was made for a ServiceImport.
const DerivedServiceAnnotation = "multicluster.kubernetes.io/derived-service"
