{{/* The cluster that a RayJob, a RayCluster and a RayService have in common. Arguments: root, serve (whether it serves). */}}
{{- define "mintage.cluster" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $serve := .serve -}}
{{- $autoscaled := eq (include "mintage.autoscaled" .root) "yes" -}}
rayVersion: {{ $values.rayVersion | quote }}
authOptions:
  mode: {{ $values.auth.mode }}
  {{- if eq $values.auth.mode "token" }}
  secretName: {{ include "mintage.tokenSecret" .root }}
  {{- end }}
enableInTreeAutoscaling: {{ $autoscaled }}
{{- if $autoscaled }}
autoscalerOptions:
  version: v2
  idleTimeoutSeconds: {{ $values.autoscaling.idleTimeoutSeconds | int64 }}
  upscalingMode: {{ $values.autoscaling.upscalingMode }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  resources:
    requests: {cpu: {{ $values.autoscaling.cpu }}, memory: {{ $values.autoscaling.memory }}}
    limits: {cpu: {{ $values.autoscaling.cpu }}, memory: {{ $values.autoscaling.memory }}}
  securityContext:
    {{- include "mintage.containerSecurity" .root | nindent 4 }}
  env:
    {{- include "mintage.placesEnv" .root | nindent 4 }}
  volumeMounts:
    {{- include "mintage.writablePlaces" .root | nindent 4 }}
{{- end }}
{{- if $values.networkPolicy.kuberay }}
networkPolicy:
  mode: DenyAll
  head:
    ingressRules:
      {{- include "mintage.headIngress" (dict "root" .root "serve" $serve) | nindent 6 }}
    egressRules:
      {{- include "mintage.egress" .root | nindent 6 }}
      {{- include "mintage.apiServerEgress" .root | nindent 6 }}
  worker:
    {{- $ingress := include "mintage.workerIngress" (dict "root" .root "serve" $serve) | trim }}
    {{- if $ingress }}
    ingressRules:
      {{- $ingress | nindent 6 }}
    {{- end }}
    egressRules:
      {{- include "mintage.egress" .root | nindent 6 }}
{{- end }}
headGroupSpec:
  serviceType: ClusterIP
  labels:
    ray.io/market-type: on-demand
  rayStartParams:
    num-cpus: "0"
    object-store-memory: {{ mul $values.head.objectStoreMiB 1048576 | quote }}
    dashboard-host: 0.0.0.0
    disable-usage-stats: "true"
  template:
    {{- include "mintage.pod" (dict "root" .root "role" "head" "group" $values.head "serve" $serve) | nindent 4 }}
workerGroupSpecs:
  {{- range $name, $group := $values.workerGroups }}
  {{- $replicas := $group.replicas | default 0 | int }}
  {{- if and $group.enabled (or $autoscaled $replicas) }}
  - groupName: {{ $name }}
    replicas: {{ $replicas }}
    minReplicas: {{ ternary ($group.minReplicas | default 0) $replicas $autoscaled | int }}
    maxReplicas: {{ ternary $group.maxReplicas $replicas $autoscaled | int }}
    {{- if $autoscaled }}
    priority: {{ $group.priority | default 0 | int }}
    {{- end }}
    labels:
      ray.io/market-type: {{ $group.market }}
      {{- with $group.gpu }}
      ray.io/accelerator-type: {{ .type }}
      {{- end }}
      {{- range $key, $value := $group.labels }}
      {{ $key }}: {{ $value | quote }}
      {{- end }}
    rayStartParams:
      object-store-memory: {{ mul $group.objectStoreMiB 1048576 | quote }}
    template:
      {{- include "mintage.pod" (dict "root" $root "role" "worker" "group" $group "serve" $serve) | nindent 6 }}
  {{- end }}
  {{- end }}
{{- end }}
