{{/* Rules that are used by NetworkPolicies and, with its feature gate, by KubeRay. */}}

{{- define "mintage.namespacePeer" -}}
namespaceSelector:
  matchLabels:
    kubernetes.io/metadata.name: {{ . }}
{{- end }}

{{/* What heads and workers may reach: names, object stores, the cloud's metadata where an identity needs it, a collector. */}}
{{- define "mintage.egress" -}}
{{- $policy := .Values.networkPolicy -}}
- to:
    - {{ include "mintage.namespacePeer" $policy.dns.namespace | nindent 6 | trim }}
      {{- with $policy.dns.podLabels }}
      podSelector:
        matchLabels:
          {{- toYaml . | nindent 10 }}
      {{- end }}
  ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- with $policy.objectStore }}
{{- if .cidrs }}
- to:
    {{- range $cidr := .cidrs }}
    - ipBlock:
        cidr: {{ $cidr }}
        {{- $except := ternary $policy.objectStore.except list (eq $cidr "0.0.0.0/0") }}
        {{- with $except }}
        except:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- end }}
  ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
{{- end }}
{{- if eq .Values.identity.provider "aws-pod-identity" }}
- to:
    - ipBlock: {cidr: 169.254.170.23/32}
  ports:
    - {port: 80, protocol: TCP}
{{- else if eq .Values.identity.provider "gcp" }}
- to:
    - ipBlock: {cidr: 169.254.169.252/32}
    - ipBlock: {cidr: 169.254.169.254/32}
  ports:
    - {port: 80, protocol: TCP}
    - {port: 988, protocol: TCP}
{{- end }}
{{- with .Values.telemetry }}
{{- if .otlpEndpoint }}
- to:
    - {{ include "mintage.namespacePeer" .namespace | nindent 6 | trim }}
  ports:
    - {port: {{ .port }}, protocol: TCP}
{{- end }}
{{- end }}
{{- with $policy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Heads only: the autoscaler talks to the API server. */}}
{{- define "mintage.apiServerEgress" -}}
{{- if eq (include "mintage.autoscaled" .) "yes" -}}
- to:
    {{- range .Values.networkPolicy.apiServer.cidrs | default (list "0.0.0.0/0") }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
  ports:
    {{- range .Values.networkPolicy.apiServer.ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
{{- end }}

{{/* The Jobs API and the dashboard: the operator, the API server's proxy, namespaces of clients. */}}
{{- define "mintage.headIngress" -}}
{{- $policy := .root.Values.networkPolicy -}}
- from:
    - {{ include "mintage.namespacePeer" $policy.operatorNamespace | nindent 6 | trim }}
    - {{ include "mintage.namespacePeer" "kube-system" | nindent 6 | trim }}
    {{- range $policy.apiServer.cidrs }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
    {{- range $policy.clientNamespaces }}
    - {{ include "mintage.namespacePeer" . | nindent 6 | trim }}
    {{- end }}
  ports:
    - {port: 8265, protocol: TCP}
{{- with include "mintage.workerIngress" . | trim }}
{{ . }}
{{- end }}
{{- end }}

{{/* Requests for rows; the operator asks whether the service is well. */}}
{{- define "mintage.serveIngress" -}}
- from:
    - {{ include "mintage.namespacePeer" .Values.networkPolicy.operatorNamespace | nindent 6 | trim }}
    {{- range .Values.serve.clientNamespaces }}
    - {{ include "mintage.namespacePeer" . | nindent 6 | trim }}
    {{- end }}
  ports:
    - {port: 8000, protocol: TCP}
{{- end }}

{{/* Metrics for Prometheus, and requests where models are served. */}}
{{- define "mintage.workerIngress" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- with $policy.prometheusNamespace }}
- from:
    - {{ include "mintage.namespacePeer" . | nindent 6 | trim }}
  ports:
    - {port: 8080, protocol: TCP}
    - {port: 44217, protocol: TCP}
    - {port: 44227, protocol: TCP}
{{- end }}
{{- if .serve }}
{{ include "mintage.serveIngress" .root }}
{{- end }}
{{- with $policy.extraIngress }}
{{ toYaml . }}
{{- end }}
{{- end }}
