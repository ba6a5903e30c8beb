{{/* Names and labels, used by every other template. */}}

{{/* Name of everything: the release's, with the chart's behind it unless it is in it. 34 characters, as KubeRay adds to it. */}}
{{- define "mintage.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) }}{{ $name = printf "%s-%s" $name .Chart.Name }}{{ end -}}
{{- $name | trunc 34 | trimSuffix "-" -}}
{{- end }}

{{- define "mintage.labels" -}}
{{ include "mintage.selector" . }}
app.kubernetes.io/name: mintage
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The label by which policies, budgets and monitors find the pods. KubeRay overwrites app.kubernetes.io/name, so it is ours. */}}
{{- define "mintage.selector" -}}
mintage.dev/release: {{ .Release.Name }}
{{- end }}

{{- define "mintage.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "mintage.labels" .root | nindent 2 }}
{{- end }}

{{- define "mintage.image" -}}
{{- $image := .root.Values.image -}}
{{- $tag := $image.tag | default .root.Chart.AppVersion -}}
{{- $digest := $image.digest -}}
{{- if .gpu }}{{ $tag = $image.gpuTag | default (printf "%s-cuda" $tag) }}{{ $digest = $image.gpuDigest }}{{ end -}}
{{- if $digest }}{{ $image.repository }}@{{ $digest }}{{ else }}{{ $image.repository }}:{{ $tag }}{{ end -}}
{{- end }}

{{- define "mintage.tokenSecret" -}}
{{- .Values.auth.secretName | default (printf "%s-ray-token" (include "mintage.name" .)) -}}
{{- end }}

{{/* Whether groups grow and shrink: Kueue admits a job of a fixed size. */}}
{{- define "mintage.autoscaled" -}}
{{- if and .Values.autoscaling.enabled (not .Values.kueue.enabled) }}yes{{ end -}}
{{- end }}
